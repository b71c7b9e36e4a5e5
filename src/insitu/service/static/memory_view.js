// The classes of the memory: a card for each, with what was taught, its column of device pairs, and what can be done.

import { request } from "./api.js";
import { showTaught } from "./taught.js";
import { animatePulses, signs } from "./pulse_animation.js";
import { paint, rowsOf } from "./device_pairs.js";
import { make, plural } from "./format.js";

const SHOWN = 12; // examples on a card

/** Cards fetch their devices when they come into view: a memory may hold hundreds of classes. */
export class MemoryView {
  #list;
  #acts;
  #failed;
  #cards = new Map();
  #seen;
  #devices = true;
  #corrections = true;
  #when = ""; // the selected time, as text
  #share = 1; // remaining share of the conductance at the selected time
  #full = 12; // µS, until the service has sent it

  /** `forget(label)`, `rename(label)` and `open(label, example)` are called when the user presses a button. */
  constructor(list, acts, failed) {
    this.#list = list;
    this.#acts = acts;
    this.#failed = failed;
    this.#seen = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) if (isIntersecting) this.#fetch(target.dataset.label);
    }, { rootMargin: "1000px" });
    new ResizeObserver(() => this.paint()).observe(list);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint());
  }

  /**
   * Show exactly these classes: [{label, examples}]; `devices` is whether there are any, `corrections` whether classes
   * are renamed and their examples listed, `noun` names an example.
   */
  sync(classes, devices, corrections, noun) {
    this.#list.classList.toggle("plain", !devices);
    this.#devices = devices;
    this.#corrections = corrections;
    const left = new Set(this.#cards.keys());
    for (const { label, examples } of classes) {
      left.delete(label);
      const card = this.#cards.get(label) ?? this.#add(label);
      if (card.count !== examples) this.#again(card);
      card.count = examples;
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
      this.#again(card);
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

  #again(card) {
    card.taught = null;
    this.#seen.unobserve(card.item);
    this.#seen.observe(card.item); // observing it again reports at once whether it is in view
  }

  #add(label) {
    const name = make("h3", { dir: "auto", title: label }, label);
    const examples = make("span", { class: "soft" });
    const canvas = make("canvas", { role: "img", "aria-label": `Devices of ${label}` });
    const state = make("span", { class: "soft", "aria-hidden": "true" });
    const button = (text, act) => {
      const made = make("button", { type: "button", class: "plain", "aria-label": `${text} ${label}` }, text);
      made.addEventListener("click", () => act(label));
      return made;
    };
    const shown = make("ul", { class: "taught", "aria-label": `Taught as ${label}` });
    const rename = button("Rename", this.#acts.rename);
    rename.hidden = !this.#corrections;
    const buttons = make("span", {}, rename, button("Forget", this.#acts.forget));
    const item = make("li", {}, make("div", { class: "head" }, name, examples), shown, canvas);
    item.append(make("div", { class: "foot" }, state, buttons));
    item.dataset.label = label;
    const card = { label, item, examples, shown, canvas, state, count: 0, taught: null, cells: null, run: null };
    this.#cards.set(label, card);
    this.#list.append(item);
    this.#seen.observe(item);
    return card;
  }

  async #fetch(label) {
    const card = this.#cards.get(label);
    if (!card) return;
    try {
      if (!card.taught && this.#corrections) await this.#fetchTaught(card);
      if (card.cells || !this.#devices) return;
      const reply = await request(`api/cells?label=${encodeURIComponent(label)}`);
      if (card.cells) return; // taught in the meantime
      this.#full = reply.full_scale_us;
      card.cells = signs(reply);
      this.#settle(card);
    } catch (error) {
      if (this.#cards.has(label)) this.#failed(error);
    }
  }

  async #fetchTaught(card) {
    const wanted = (card.taught = Symbol("current request; what it returns may be out of date when it arrives"));
    const { examples } = await request(`api/taught?label=${encodeURIComponent(card.label)}&pictures=${SHOWN}`);
    if (card.taught === wanted) showTaught(card.shown, card.label, examples, SHOWN, this.#acts.open);
  }

  #settle(card) {
    card.run = null;
    const cells = card.cells.map((values) => values.map((value) => value * this.#share));
    const [plus, minus] = cells.map((values) => values.reduce((a, b) => a + b, 0) / values.length);
    const text = `${this.#when || "mean"} G+ ${plus.toFixed(1)} µS, G− ${minus.toFixed(1)} µS`;
    card.canvas.title = `${card.cells[0].length} pairs of phase-change devices: ${text}`;
    card.canvas.setAttribute("aria-label", `${card.label}: ${card.cells[0].length} device pairs, ${text}`);
    card.canvas.style.setProperty("--rows", rowsOf(card.cells[0].length));
    card.state.textContent = this.#when;
    paint(card.canvas, ...cells, this.#full);
  }
}
