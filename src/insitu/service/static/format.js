// Formatting of numbers, and DOM elements with text content, never markup.

const whole = new Intl.NumberFormat("en");

export const count = (number) => whole.format(number);
export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;
export const percent = (share) => `${+(100 * share).toFixed(1)}\u00a0%`;
export const similarity = (value) => value.toFixed(2).replace("-", "−");

/** Return an energy, given in nJ, in a suitable unit: [number, unit]. */
export function energy(nanojoules) {
  const units = [[1e6, "mJ"], [1e3, "µJ"], [1, "nJ"], [1e-3, "pJ"]];
  const [size, unit] = units.find(([size]) => nanojoules >= size) ?? [1, "nJ"];
  const number = nanojoules / size;
  return [number.toFixed(number >= 100 || number === 0 ? 0 : number >= 10 ? 1 : 2), unit];
}

/** Return a new element: `make("p", {class: "note"}, "text", child)`. Strings become text. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export const reducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
