// The prediction for the current item: the most similar class, or that none is close; and a bar for each class.

import { make, percent, plural, similarity } from "./format.js";

const SUREST = 0.99; // a softmax over the known classes is overconfident, so no higher confidence is shown
const sure = (share) => (share > SUREST ? `over ${percent(SUREST)}` : percent(share));
const SHOWN = 6; // bars; a memory may hold hundreds of classes

export class Similarities {
  #parts;
  #pick;
  #rows = new Map();

  /** `pick(label)` is called when the user selects one of the names for the current item. */
  constructor(parts, pick) {
    this.#parts = parts;
    this.#pick = pick;
  }

  /** Whether a prediction is shown. */
  get hasPrediction() {
    return this.#rows.size > 0;
  }

  /**
   * Show a prediction among `classes` classes: {label, familiarity, scores: [{label, similarity, probability}]}, best
   * first. Less familiar than `rate` is unknown, and so is what the service answers by no class.
   */
  show({ label, familiarity = null, scores }, classes, rate) {
    const [best] = scores;
    const unknown = label !== best.label || (familiarity !== null && familiarity < rate);
    this.#say("Prediction", unknown ? "I don’t know this" : best.label, false);
    const among = best.probability === null ? "most similar of" : `${sure(best.probability)} sure among`;
    const known = classes > 1 ? `${among} ${classes} classes` : "the only class so far";
    const closer = familiarity ? `less familiar than ${percent(1 - familiarity)} of what was taught` : "unlike all that was taught";
    this.#parts.under.textContent = unknown ? `${closer}; closest is ${best.label}, ${similarity(best.similarity)}` : known;
    this.#parts.said.classList.toggle("unknown", unknown);
    const shown = scores.slice(0, SHOWN);
    const rows = shown.map((score, place) => this.#row(score, place));
    for (const name of this.#rows.keys()) if (!shown.some((score) => score.label === name)) this.#rows.delete(name);
    const left = classes - shown.length;
    if (left > 0) rows.push(make("li", { class: "left" }, `and ${plural(left, "class", "classes")} less similar`));
    this.#parts.bars.replaceChildren(...rows);
  }

  /** Show what was just taught; `cost` is shown on hover, and with `undo` a button takes it back. */
  taught(text, under, cost, undo) {
    this.wait(text);
    this.#say("Taught", text, false);
    this.#parts.under.textContent = under;
    this.#parts.under.title = cost;
    this.#parts.undo.hidden = !undo;
  }

  /** Show a text instead of a prediction. */
  wait(text) {
    this.#say("Prediction", text, true);
    this.#parts.under.textContent = "";
    this.#parts.bars.replaceChildren();
    this.#rows.clear();
  }

  #say(title, text, waiting) {
    this.#parts.title.textContent = title;
    this.#parts.said.textContent = text;
    this.#parts.said.classList.toggle("waiting", waiting);
    this.#parts.said.classList.remove("unknown");
    this.#parts.under.title = "";
    this.#parts.undo.hidden = true;
  }

  #row({ label, similarity: value }, place) {
    let row = this.#rows.get(label);
    if (!row) {
      const name = make("button", { type: "button", class: "name", dir: "auto", title: `Name this ${label}` }, label);
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
