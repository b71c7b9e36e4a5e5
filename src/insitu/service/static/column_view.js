// The column that was just taught, animated pulse by pulse; before the first class, an unwritten column.

import { animatePulses } from "./pulse_animation.js";
import { paint, rowsOf } from "./device_pairs.js";

export class ColumnView {
  #figure;
  #canvas;
  #caption;
  #shown = null; // [plus, minus]
  #full = 12; // µS
  #run = null;

  constructor(figure) {
    this.#figure = figure;
    this.#canvas = figure.querySelector("canvas");
    this.#caption = figure.querySelector("figcaption");
    new ResizeObserver(() => this.#paint()).observe(this.#canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#paint());
  }

  /** Show a column of `pairs` that was never written. */
  unwritten(pairs) {
    this.#begin(pairs);
    this.#shown = [new Array(pairs).fill(0), new Array(pairs).fill(0)];
    this.#caption.textContent =
      `Each class that you teach is written here, pulse by pulse, into a column of ${pairs} device pairs. ` +
      "So far they are all amorphous, at their lowest conductance.";
    this.#paint();
  }

  /** Animate the columns that were written, one after another: entries of `cells` in the reply of the service. */
  async taught(changes, full) {
    this.#full = full;
    const run = this.#begin(changes[0].after.plus_us.length);
    for (const change of changes) {
      await animatePulses(change, (plus, minus, lit, pulse, pulses) => {
        if (run !== this.#run) return;
        this.#shown = [plus, minus];
        this.#caption.textContent = `${changes.length > 1 ? `${change.label}: ` : ""}pulse ${pulse} of ${pulses}`;
        this.#paint(lit);
      });
      if (run !== this.#run) return;
    }
    this.#caption.textContent = "Crystallised: a deeper colour is a higher conductance";
  }

  hide() {
    this.#run = null;
    this.#figure.hidden = true;
  }

  #begin(pairs) {
    this.#figure.hidden = false;
    this.#canvas.style.setProperty("--rows", rowsOf(pairs));
    this.#run = Symbol("current animation; a later one replaces it");
    return this.#run;
  }

  #paint(lit = null) {
    if (this.#shown && !this.#figure.hidden) paint(this.#canvas, ...this.#shown, this.#full, lit);
  }
}
