// The prediction for the drawing: the most similar class, and a bar for the similarity to each class.

import { make, percent, plural, similarity } from "./format.js";

// a softmax over the known classes is overconfident for unknown ones, so no higher confidence is shown
const SUREST = 0.99;
const sure = (share) => (share > SUREST ? `over ${percent(SUREST)}` : percent(share));
const SHOWN = 6; // bars; a memory may hold hundreds of classes

/** `pick(label)` is called when the user selects one of the names for the drawing. */
export class Similarities {
  #title;
  #said;
  #under;
  #bars;
  #note;
  #pick;
  #rows = new Map();

  constructor({ title, said, under, bars, note }, pick) {
    this.#title = title;
    this.#said = said;
    this.#under = under;
    this.#bars = bars;
    this.#note = note;
    this.#pick = pick;
  }

  /** Whether a prediction is shown. */
  get hasPrediction() {
    return this.#rows.size > 0;
  }

  /** Show a prediction among `classes` classes: {label, scores: [{label, similarity, probability}]}, best first. */
  show({ label, scores }, classes) {
    this.#say("Prediction", label, false);
    const [best] = scores;
    const among = classes > 1 ? `, confidence ${sure(best.probability)} among ${classes} classes` : "";
    this.#under.textContent = `similarity ${similarity(best.similarity)}${among}`;
    const shown = scores.slice(0, SHOWN);
    const rows = shown.map((score, place) => this.#row(score, place));
    for (const name of this.#rows.keys()) if (!shown.some((score) => score.label === name)) this.#rows.delete(name);
    const left = classes - shown.length;
    if (left > 0) rows.push(make("li", { class: "left" }, `and ${plural(left, "class", "classes")} less similar`));
    this.#bars.replaceChildren(...rows);
    this.#note.hidden = false;
  }

  /** Show what was just taught, and its cost. */
  taught(text, under) {
    this.wait(text);
    this.#say("Taught", text, false);
    this.#under.textContent = under;
  }

  /** Show a text instead of a prediction. */
  wait(text) {
    this.#say("Prediction", text, true);
    this.#under.textContent = "";
    this.#bars.replaceChildren();
    this.#rows.clear();
    this.#note.hidden = true;
  }

  #say(title, text, waiting) {
    this.#title.textContent = title;
    this.#said.textContent = text;
    this.#said.classList.toggle("waiting", waiting);
  }

  #row({ label, similarity: value }, place) {
    let row = this.#rows.get(label);
    if (!row) {
      const title = `Name this drawing ${label}`;
      const name = make("button", { type: "button", class: "name", dir: "auto", title }, label);
      name.addEventListener("click", () => this.#pick(label));
      const bar = make("span", { class: "bar", "aria-hidden": "true" }, make("i"));
      row = make("li", {}, name, bar, make("span", { class: "number" }));
      this.#rows.set(label, row);
    }
    row.classList.toggle("best", place === 0);
    row.lastChild.textContent = similarity(value);
    row.style.setProperty("--share", Math.min(1, Math.max(0, value)));
    return row;
  }
}
