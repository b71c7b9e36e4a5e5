// Example drawings: one click teaches a set of characters, another one queries a drawing that was not taught.

import { make, plural } from "./format.js";

/** `teach(labels, images)` teaches; `show(url)` shows a drawing on the sheet. Each returns a promise. */
export class Examples {
  #parts;
  #teach;
  #show;
  #sets = [];
  #last = null; // the set taught last

  constructor(parts, teach, show) {
    this.#parts = parts;
    this.#teach = teach;
    this.#show = show;
  }

  /** Set the sets: [{name, classes: [{label, images, ask}]}], `images` to teach and `ask` to query. */
  load(sets) {
    this.#sets = sets;
    this.#parts.section.hidden = !sets.length;
  }

  /** Offer the sets that are not in the memory yet, and drawings to query of one that is. */
  sync(known) {
    const names = new Set(known.map((each) => each.label));
    const isTaught = (set) => set.classes.every((each) => names.has(each.label));
    const { sets, note, thumbs, tried } = this.#parts;
    const left = this.#sets.filter((set) => !isTaught(set));
    sets.replaceChildren(...left.map((set) => this.#offer(set)));
    note.hidden = !left.length;
    const last = this.#last && isTaught(this.#last) ? this.#last : this.#sets.find(isTaught);
    tried.hidden = !last;
    thumbs.replaceChildren(...(last?.classes ?? []).map((each) => this.#thumb(each)));
  }

  #offer(set) {
    const text = `Teach ${plural(set.classes.length, "character")}: ${set.name}`;
    const button = make("button", { type: "button" }, text);
    button.addEventListener("click", async () => {
      button.disabled = true;
      this.#last = set;
      const pairs = set.classes.flatMap(({ label, images }) => images.map((image) => [label, image]));
      await this.#teach(pairs.map(([label]) => label), pairs.map(([, image]) => image));
      button.disabled = false;
      this.#parts.thumbs.querySelector("button")?.focus(); // the pressed button is gone
    });
    return button;
  }

  #thumb({ label, ask }) {
    const image = make("img", { src: ask[0], alt: "", width: "56", height: "56" });
    const button = make("button", { type: "button", class: "thumb", "aria-label": `Try a drawing of ${label}` }, image);
    let next = 0;
    button.addEventListener("click", () => this.#show(ask[next++ % ask.length]));
    return button;
  }
}
