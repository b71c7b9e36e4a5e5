// Characters that come with the package: one click teaches a set, another tries a drawing that was not taught.

import { make, plural } from "./words.js";

/** `teach(labels, images)` teaches; `show(url)` puts a drawing on the sheet. Each returns a promise. */
export class Examples {
  #parts;
  #teach;
  #show;
  #sets = [];
  #last = null; // set that was taught from here

  constructor(parts, teach, show) {
    this.#parts = parts;
    this.#teach = teach;
    this.#show = show;
  }

  /** Take the sets: [{name, classes: [{label, images, ask}]}], `images` to teach and `ask` to try. */
  take(sets) {
    this.#sets = sets;
    this.#parts.section.hidden = !sets.length;
  }

  /** Offer the sets that the memory does not know yet, and drawings to try of those it knows. */
  sync(known) {
    const names = new Set(known.map((each) => each.label));
    const knows = (set) => set.classes.every((each) => names.has(each.label));
    const { sets, note, thumbs, tried } = this.#parts;
    const left = this.#sets.filter((set) => !knows(set));
    sets.replaceChildren(...left.map((set) => this.#offer(set)));
    note.hidden = !left.length;
    const last = this.#last && knows(this.#last) ? this.#last : this.#sets.find(knows);
    tried.hidden = !last;
    thumbs.replaceChildren(...(last?.classes ?? []).map((each) => this.#thumb(each)));
  }

  #offer(set) {
    const words = `Teach ${plural(set.classes.length, "character")} of ${set.name}`;
    const button = make("button", { type: "button" }, words);
    button.addEventListener("click", async () => {
      button.disabled = true;
      this.#last = set;
      const pairs = set.classes.flatMap(({ label, images }) => images.map((image) => [label, image]));
      await this.#teach(pairs.map(([label]) => label), pairs.map(([, image]) => image));
      button.disabled = false;
      this.#parts.thumbs.querySelector("button")?.focus(); // the button that was pressed is gone
    });
    return button;
  }

  #thumb({ label, ask }) {
    const image = make("img", { src: ask[0], alt: "", width: "56", height: "56" });
    const button = make("button", { type: "button", class: "thumb", "aria-label": `Try a drawing of ${label}` }, image);
    let turn = 0;
    button.addEventListener("click", () => this.#show(ask[turn++ % ask.length]));
    return button;
  }
}
