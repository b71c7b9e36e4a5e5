// Confidence and similarity of the stored examples as devices drift. The memory is not changed.

import { request } from "./api.js";
import { chart } from "./chart.js";
import { make, percent, similarity } from "./format.js";

const DAY = 86_400;
export const STOPS = [
  ["now", "now", 0],
  ["1 min", "in a minute", 60],
  ["1 h", "in an hour", 3600],
  ["1 day", "in a day", DAY],
  ["1 mo", "in a month", 30 * DAY],
  ["1 yr", "in a year", 365 * DAY],
  ["10 yr", "in ten years", 3650 * DAY],
];

/** Projections are requested while the section is in view, and again when the memory has changed. */
export class DriftProjection {
  #parts;
  #item;
  #selected;
  #failed;
  #projections = STOPS.map(() => null);
  #seen = false;
  #run = 0;

  /** `item()` returns the current item as fields of a request, or null; `selected(share, when)` gets what remains. */
  constructor(parts, item, selected, failed) {
    this.#parts = parts;
    this.#item = item;
    this.#selected = selected;
    this.#failed = failed;
    parts.stops.replaceChildren(...STOPS.map(([short]) => make("span", {}, short)));
    parts.age.addEventListener("input", () => this.#moved());
    new IntersectionObserver(([{ isIntersecting }]) => {
      this.#seen = isIntersecting;
      if (isIntersecting) this.#fetch();
    }).observe(parts.section);
    this.#show();
  }

  /** Discard all projections, since the memory has changed. */
  reset() {
    this.#projections.fill(null);
    this.#run++;
    this.#show();
    if (this.#seen) this.#fetch();
  }

  get #stop() {
    return Number(this.#parts.age.value);
  }

  #moved() {
    this.#show();
    this.#fetch();
  }

  /** Fetch the projection to the selected time first, then the others, one at a time; a later call takes over. */
  async #fetch() {
    const run = ++this.#run;
    const missing = STOPS.map((_, stop) => stop).filter((stop) => !this.#projections[stop]);
    missing.sort((a, b) => (b === this.#stop) - (a === this.#stop) || a - b);
    try {
      if (this.#parts.section.hidden) return;
      for (const stop of missing) {
        const projection = await request("api/ahead", { seconds: STOPS[stop][2] });
        if (run !== this.#run) return;
        this.#projections[stop] = projection;
        this.#show();
      }
      const item = this.#item();
      if (!item) return;
      const projection = await request("api/ahead", { seconds: STOPS[this.#stop][2], ...item });
      if (run === this.#run) this.#showFigures(projection);
    } catch (error) {
      if (run === this.#run) this.#failed(error);
    }
  }

  #show() {
    const { age, words, confidence, similar } = this.#parts;
    const [, when] = STOPS[this.#stop];
    words.textContent = when;
    age.setAttribute("aria-valuetext", when);
    for (const [place, figure, title, format] of [
      [confidence, "confidence", "Confidence over time, with and without compensation", percent],
      [similar, "similarity", "Similarity over time, with and without compensation", similarity],
    ]) {
      const line = (variant) => this.#projections.map((projection) => projection?.[variant]?.[figure] ?? null);
      const lines = { without: line("without"), with: line("with") };
      chart(place, title, STOPS.map(([short]) => short), lines, this.#stop, format);
    }
    this.#showFigures(this.#projections[this.#stop]);
  }

  #showFigures(projection) {
    const block = (style, name, big, under, title = "") => {
      const figures = [make("dd", { class: "big" }, big), make("dd", { class: "under" }, under)];
      return make("div", { class: style, title }, make("dt", {}, name), ...figures);
    };
    const variant = (style, name) => {
      const figures = projection?.[style];
      const best = figures?.scores?.[0];
      const summary = figures ? `similarity; ${percent(figures.confidence)} sure, ${percent(figures.accuracy)} right` : "";
      const item = best ? `; the current one: ${best.label}, ${similarity(best.similarity)}` : "";
      return block(style, name, figures ? similarity(figures.similarity) : "…", summary + item);
    };
    const fresh = this.#projections[0]?.mean_us, aged = projection?.mean_us;
    const left = fresh && aged ? percent(aged / fresh) : "…";
    this.#parts.said.replaceChildren(
      block("left", "Left of the signal", left, "mean conductance", aged ? `${aged.toFixed(2)} µS on average` : ""),
      ...(projection?.with === null ? [] : [variant("with", "With compensation")]),
      ...(projection?.without === null ? [] : [variant("without", "Without compensation")]),
    );
    this.#selected(fresh && aged ? aged / fresh : 1, this.#stop && aged ? STOPS[this.#stop][1] : "");
  }
}
