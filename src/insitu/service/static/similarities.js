// What the memory says of the drawing: the nearest class, and a bar for the similarity to each.

import { make, percent, plural, similarity } from "./words.js";

// a softmax over what it knows says little about what it does not know: no more than this is claimed
const SUREST = 0.99;
const sure = (share) => (share > SUREST ? `over ${percent(SUREST)}` : percent(share));
const SHOWN = 6; // bars; a memory may hold hundreds of classes

/** `pick(label)` is called when the reader takes one of the names for the drawing. */
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
  get answered() {
    return this.#rows.size > 0;
  }

  /** Show one prediction among so many classes: {label, scores: [{label, similarity, probability}, ...]}, best first. */
  show({ label, scores }, classes) {
    this.#say("It recognises", label, false);
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

  /** Say what was just taught, and what it took. */
  taught(words, under) {
    this.wait(words);
    this.#say("Taught", words, false);
    this.#under.textContent = under;
  }

  /** Show no prediction, and say why. */
  wait(words) {
    this.#say("It recognises", words, true);
    this.#under.textContent = "";
    this.#bars.replaceChildren();
    this.#rows.clear();
    this.#note.hidden = true;
  }

  #say(title, words, waiting) {
    this.#title.textContent = title;
    this.#said.textContent = words;
    this.#said.classList.toggle("waiting", waiting);
  }

  #row({ label, similarity: value }, place) {
    let row = this.#rows.get(label);
    if (!row) {
      const title = `Call this drawing ${label}`;
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
