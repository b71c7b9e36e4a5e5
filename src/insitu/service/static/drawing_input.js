// Drawings: the sheet, and images converted to drawings.

import { Sheet } from "./canvas.js";
import { toDrawing } from "./images.js";

export class DrawingInput {
  accept = "image/*";
  #sheet;
  #canvas;

  /** `began()` is called at the start of a stroke, `changed()` after every change. */
  constructor(canvas, placeholder, began, changed) {
    this.#canvas = canvas;
    const shown = () => {
      placeholder.hidden = !this.empty;
      canvas.setAttribute("aria-label", this.empty ? "Drawing sheet, empty" : "Drawing sheet with a drawing");
      changed();
    };
    this.#sheet = new Sheet(canvas, shown, () => {
      placeholder.hidden = true;
      began();
    });
    canvas.setAttribute("aria-label", "Drawing sheet, empty");
    addEventListener("keydown", (event) => {
      const field = /^(INPUT|TEXTAREA)$/.test(event.target.tagName);
      if (event.key === "z" && (event.ctrlKey || event.metaKey) && !field && !this.empty) this.undo();
    });
  }

  get empty() {
    return this.#sheet.empty;
  }

  item() {
    return this.#sheet.png();
  }

  shows(item) {
    return this.#sheet.shows(item);
  }

  undo() {
    this.#sheet.undo();
  }

  clear() {
    this.#sheet.clear();
  }

  async load(file) {
    this.#sheet.put(await toDrawing(file));
  }

  async read(file) {
    return [{ item: (await toDrawing(file)).toDataURL("image/png") }];
  }
}
