// Beside the sheet: the column that was just taught, large, as it crystallises; before that, an array still of glass.

import { crystallise } from "./crystallise.js";
import { paint, rowsOf } from "./pairs.js";

export class Stage {
  #figure;
  #canvas;
  #words;
  #shown = null; // [plus, minus]
  #full = 12; // µS
  #run = null;

  constructor(figure) {
    this.#figure = figure;
    this.#canvas = figure.querySelector("canvas");
    this.#words = figure.querySelector("figcaption");
    new ResizeObserver(() => this.#paint()).observe(this.#canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#paint());
  }

  /** Show an array of `pairs` that nothing has been written to. */
  glass(pairs) {
    this.#begin(pairs);
    this.#shown = [new Array(pairs).fill(0), new Array(pairs).fill(0)];
    this.#words.textContent = `One class: ${pairs} pairs of devices, still glass`;
    this.#paint();
  }

  /** Show how columns were written, one after another: entries of `cells` as the service gives them. */
  async taught(changes, full) {
    this.#full = full;
    const run = this.#begin(changes[0].after.plus_us.length);
    for (const change of changes) {
      await crystallise(change, (plus, minus, lit, pulse, pulses) => {
        if (run !== this.#run) return;
        this.#shown = [plus, minus];
        this.#words.textContent = `${changes.length > 1 ? `${change.label}: ` : ""}pulse ${pulse} of ${pulses}`;
        this.#paint(lit);
      });
      if (run !== this.#run) return;
    }
    this.#words.textContent = "Crystallised: deeper is more conductive";
  }

  hide() {
    this.#run = null;
    this.#figure.hidden = true;
  }

  #begin(pairs) {
    this.#figure.hidden = false;
    this.#canvas.style.setProperty("--rows", rowsOf(pairs));
    this.#run = Symbol("one showing; a later one takes its place");
    return this.#run;
  }

  #paint(lit = null) {
    if (this.#shown && !this.#figure.hidden) paint(this.#canvas, ...this.#shown, this.#full, lit);
  }
}
