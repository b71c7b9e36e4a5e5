// The classes of the memory: a card for each, with its column of device pairs and a button to forget it.

import { request } from "./api.js";
import { animatePulses, signs } from "./pulse_animation.js";
import { paint, rowsOf } from "./device_pairs.js";
import { make, plural } from "./format.js";

/** Cards fetch their devices when they come into view: a memory may hold hundreds of classes. */
export class MemoryView {
  #list;
  #forget;
  #failed;
  #cards = new Map();
  #seen;
  #devices = true;
  #when = ""; // the selected time, as text
  #share = 1; // remaining share of the conductance at the selected time
  #full = 12; // µS, until the service has sent it

  /** `forget(label)` is called when the user presses the button of a class. */
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

  /** Show exactly these classes: [{label, examples}]; `devices` is whether there are any, `noun` names an example. */
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

  /** Animate a class that was just written: an entry of the service's `cells`, and the µS of the deepest colour. */
  async animate(change, full) {
    const card = this.#cards.get(change.label);
    if (!card) return;
    this.#full = full;
    card.cells = signs(change.after);
    const run = (card.run = Symbol("current animation; another may begin before it ends"));
    await animatePulses(change, (plus, minus, lit, pulse, pulses) => {
      if (card.run !== run) return;
      paint(card.canvas, plus, minus, this.#full, lit);
      card.state.textContent = lit ? `pulse ${pulse} of ${pulses}` : "";
    });
    if (card.run === run) this.#settle(card);
  }

  /** Fetch the devices of these classes again, which another client has changed. */
  refetch(labels) {
    for (const label of labels) {
      const card = this.#cards.get(label);
      if (!card) continue;
      card.cells = null;
      this.#seen.unobserve(card.item);
      this.#seen.observe(card.item); // observing it again reports at once whether it is in view
    }
  }

  /** Show devices with `share` of their conductance remaining; `when` is the time as text, "" for now. */
  project(share, when) {
    if (share === this.#share && when === this.#when) return;
    this.#share = share;
    this.#when = when;
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
      const reply = await request(`api/cells?label=${encodeURIComponent(label)}`);
      if (card.cells) return; // taught in the meantime
      this.#full = reply.full_scale_us;
      card.cells = signs(reply);
      this.#settle(card);
    } catch (error) {
      if (this.#cards.has(label)) this.#failed(error);
    }
  }

  #settle(card) {
    card.run = null;
    const cells = card.cells.map((values) => values.map((value) => value * this.#share));
    const [plus, minus] = cells.map((values) => values.reduce((a, b) => a + b, 0) / values.length);
    const text = `${this.#when || "mean"} G+ ${plus.toFixed(1)} µS, G− ${minus.toFixed(1)} µS`;
    card.canvas.setAttribute("aria-label", `${card.label}: ${card.cells[0].length} device pairs, ${text}`);
    card.canvas.style.setProperty("--rows", rowsOf(card.cells[0].length));
    card.state.textContent = text;
    paint(card.canvas, ...cells, this.#full);
  }
}
