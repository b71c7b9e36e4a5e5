// Vectors: pasted as text, or in CSV and JSON files.

import { parseVectors } from "./vectors.js";

export class VectorInput {
  accept = ".csv,.tsv,.txt,.json";
  #field;
  #rows = [];

  /** `changed()` is called after every change, `failed(error)` where the text holds no vectors. */
  constructor(field, changed, failed) {
    this.#field = field;
    field.addEventListener("input", () => {
      this.#rows = [];
      try {
        if (field.value.trim()) this.#rows = parseVectors(field.value);
      } catch (error) {
        failed(error);
      }
      changed();
    });
  }

  get empty() {
    return !this.#rows.length;
  }

  /** All vectors; the first one is classified. */
  get rows() {
    return this.#rows;
  }

  item() {
    return this.#rows[0].item;
  }

  shows(item) {
    return this.#rows[0]?.item === item;
  }

  clear() {
    this.#field.value = "";
    this.#field.dispatchEvent(new Event("input"));
  }

  async load(file) {
    this.#field.value = await file.text();
    this.#field.dispatchEvent(new Event("input"));
  }

  async read(file) {
    return parseVectors(await file.text(), file.name);
  }
}
