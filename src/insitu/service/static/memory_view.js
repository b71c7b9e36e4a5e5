// What the memory holds: a card per class with its column of device pairs, its drawings and a way to forget it.

import { ask } from "./api.js";
import { crystallise, signs } from "./crystallise.js";
import { paint, rowsOf } from "./pairs.js";
import { make, plural } from "./words.js";

/** Cards fetch their devices when they come into view: a memory may hold hundreds of classes. */
export class MemoryView {
  #list;
  #forget;
  #failed;
  #cards = new Map();
  #seen;
  #devices = true;
  #when = ""; // the age looked at, in words
  #share = 1; // of their conductance that devices still have, at the age looked at
  #full = 12; // µS, until the service says it

  /** `forget(label)` is called when the reader asks for it. */
  constructor(list, forget, failed) {
    this.#list = list;
    this.#forget = forget;
    this.#failed = failed;
    this.#seen = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) if (isIntersecting) this.#fetch(target.dataset.label);
    }, { rootMargin: "1000px" });
    new ResizeObserver(() => this.paint()).observe(list);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint());
  }

  /** Show exactly these classes: [{label, examples}]; `devices` tells whether any hold them, `noun` what was taught. */
  sync(classes, devices, noun) {
    this.#list.classList.toggle("plain", !devices);
    this.#devices = devices;
    const left = new Set(this.#cards.keys());
    for (const { label, examples } of classes) {
      left.delete(label);
      const card = this.#cards.get(label) ?? this.#add(label);
      card.examples.textContent = plural(examples, noun);
    }
    for (const label of left) {
      const { item } = this.#cards.get(label);
      this.#seen.unobserve(item);
      item.remove();
      this.#cards.delete(label);
    }
  }

  /** Show how a class was just written: an entry of the service's `cells`, and the µS of the deepest colour. */
  async crystallise(change, full) {
    const card = this.#cards.get(change.label);
    if (!card) return;
    this.#full = full;
    card.cells = signs(change.after);
    const run = (card.run = Symbol("this run; another may begin before it ends"));
    await crystallise(change, (plus, minus, lit, pulse, pulses) => {
      if (card.run !== run) return;
      paint(card.canvas, plus, minus, this.#full, lit);
      card.state.textContent = lit ? `pulse ${pulse} of ${pulses}` : "";
    });
    if (card.run === run) this.#settle(card);
  }

  /** Fetch anew the devices of these classes, which someone else has taught. */
  renew(labels) {
    for (const label of labels) {
      const card = this.#cards.get(label);
      if (!card) continue;
      card.cells = null;
      this.#seen.unobserve(card.item);
      this.#seen.observe(card.item); // observing anew tells at once whether it is in view
    }
  }

  /** Show devices as they will be when they have `share` of their conductance left: `words`, or "" for now. */
  look(share, words) {
    if (share === this.#share && words === this.#when) return;
    this.#share = share;
    this.#when = words;
    this.paint();
  }

  paint() {
    for (const card of this.#cards.values()) if (card.cells && !card.run) this.#settle(card);
  }

  #add(label) {
    const name = make("h3", { dir: "auto", title: label }, label);
    const examples = make("span", { class: "soft" });
    const canvas = make("canvas", { role: "img", "aria-label": `Devices of ${label}` });
    const state = make("span", { class: "soft", "aria-hidden": "true" });
    const button = make("button", { type: "button", class: "plain", "aria-label": `Forget ${label}` }, "Forget");
    const item = make("li", {}, make("div", { class: "head" }, name, examples), canvas);
    item.append(make("div", { class: "foot" }, state, button));
    item.dataset.label = label;
    button.addEventListener("click", () => this.#forget(label));
    const card = { label, item, examples, canvas, state, cells: null, run: null };
    this.#cards.set(label, card);
    this.#list.append(item);
    this.#seen.observe(item);
    return card;
  }

  async #fetch(label) {
    const card = this.#cards.get(label);
    if (!card || card.cells || !this.#devices) return;
    try {
      const said = await ask(`/api/cells?label=${encodeURIComponent(label)}`);
      if (card.cells) return; // taught in the meantime
      this.#full = said.full_scale_us;
      card.cells = signs(said);
      this.#settle(card);
    } catch (error) {
      if (this.#cards.has(label)) this.#failed(error);
    }
  }

  #settle(card) {
    card.run = null;
    const cells = card.cells.map((values) => values.map((value) => value * this.#share));
    const [plus, minus] = cells.map((values) => values.reduce((a, b) => a + b, 0) / values.length);
    const words = `${this.#when || "mean"} G+ ${plus.toFixed(1)} µS, G− ${minus.toFixed(1)} µS`;
    card.canvas.setAttribute("aria-label", `${card.label}: ${card.cells[0].length} device pairs, ${words}`);
    card.canvas.style.setProperty("--rows", rowsOf(card.cells[0].length));
    card.state.textContent = words;
    paint(card.canvas, ...cells, this.#full);
  }
}
