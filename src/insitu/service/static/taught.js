// The examples on the card of a class: what was taught, latest last, each a button that opens it.

import { make } from "./format.js";

/** Show the latest `most` of `examples` ([{id, at, picture}]) in `list`; `open(label, example)` is called for one. */
export function showTaught(list, label, examples, most, open) {
  const left = examples.length - most;
  const items = examples.slice(-most).map((example, place) => {
    const number = Math.max(0, left) + place + 1;
    const shown = example.picture ? make("img", { src: example.picture, alt: "" }) : `${number}`;
    const name = `Example ${number} of ${label}`;
    const button = make("button", { type: "button", class: "thumb", "aria-label": name, title: when(example) }, shown);
    button.addEventListener("click", () => open(label, example));
    return make("li", {}, button);
  });
  if (left > 0) items.unshift(make("li", { class: "soft" }, `${left} earlier`));
  list.replaceChildren(...items);
}

/** Return when and by whom an example was taught, as text; "" where that is not stored. */
export function when({ at, who }) {
  if (!at) return "";
  const time = new Date(at).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
  return `taught ${time}${who ? ` by ${who}` : ""}`;
}
