// Looking ahead: what the memory would say of what it was taught, when its devices are older. Nothing is changed.

import { ask } from "./api.js";
import { chart } from "./chart.js";
import { make, percent, similarity } from "./words.js";

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

/** Answers are asked for while the section is in view, and anew when the memory has changed. */
export class TimeMachine {
  #parts;
  #drawing;
  #looked;
  #failed;
  #answers = STOPS.map(() => null);
  #seen = false;
  #run = 0;

  /** `drawing()` gives the drawing as a PNG or null; `looked(share, words)` hears what conductance is left when. */
  constructor(parts, drawing, looked, failed) {
    this.#parts = parts;
    this.#drawing = drawing;
    this.#looked = looked;
    this.#failed = failed;
    parts.stops.replaceChildren(...STOPS.map(([short]) => make("span", {}, short)));
    parts.age.addEventListener("input", () => this.#moved());
    new IntersectionObserver(([{ isIntersecting }]) => {
      this.#seen = isIntersecting;
      if (isIntersecting) this.#ask();
    }).observe(parts.section);
    this.#show();
  }

  /** The memory has changed: what was answered holds no more. */
  renew() {
    this.#answers.fill(null);
    this.#run++;
    this.#show();
    if (this.#seen) this.#ask();
  }

  get #stop() {
    return Number(this.#parts.age.value);
  }

  #moved() {
    this.#show();
    this.#ask();
  }

  /** Ask for the age looked at first, then for the others, one at a time; a later call takes over. */
  async #ask() {
    const run = ++this.#run;
    const missing = STOPS.map((_, stop) => stop).filter((stop) => !this.#answers[stop]);
    missing.sort((a, b) => (b === this.#stop) - (a === this.#stop) || a - b);
    try {
      if (this.#parts.section.hidden) return;
      for (const stop of missing) {
        const answer = await ask("/api/ahead", { seconds: STOPS[stop][2] });
        if (run !== this.#run) return;
        this.#answers[stop] = answer;
        this.#show();
      }
      const image = this.#drawing();
      if (!image) return;
      const answer = await ask("/api/ahead", { seconds: STOPS[this.#stop][2], image });
      if (run === this.#run) this.#say(answer);
    } catch (error) {
      if (run === this.#run) this.#failed(error);
    }
  }

  #show() {
    const { age, words, accuracy, confidence } = this.#parts;
    const [, spoken] = STOPS[this.#stop];
    words.textContent = spoken;
    age.setAttribute("aria-valuetext", spoken);
    for (const [place, figure, title] of [
      [accuracy, "accuracy", "Right answers by age, with and without compensation"],
      [confidence, "confidence", "Confidence in its answers by age, with and without compensation"],
    ]) {
      const line = (arm) => this.#answers.map((answer) => answer?.[arm]?.[figure] ?? null);
      chart(place, title, STOPS.map(([short]) => short), { without: line("without"), with: line("with") }, this.#stop);
    }
    this.#say(this.#answers[this.#stop]);
  }

  #say(answer) {
    const block = (style, name, big, under) => {
      const figures = [make("dd", { class: "big" }, big), make("dd", { class: "under" }, under)];
      return make("div", { class: style }, make("dt", {}, name), ...figures);
    };
    const arm = (style, name) => {
      const figures = answer?.[style];
      const best = figures?.scores?.[0];
      const sure = figures ? `right, ${percent(figures.confidence)} confident` : "";
      const drawing = best ? `; this drawing: ${best.label}, ${similarity(best.similarity)}` : "";
      return block(style, name, figures ? percent(figures.accuracy) : "…", sure + drawing);
    };
    const fresh = this.#answers[0]?.mean_us, old = answer?.mean_us;
    const left = fresh && old ? percent(old / fresh) : "…";
    this.#parts.said.replaceChildren(
      block("left", "Conductance left", left, old ? `${old.toFixed(2)} µS on average` : ""),
      ...(answer?.with === null ? [] : [arm("with", "With compensation")]),
      ...(answer?.without === null ? [] : [arm("without", "Without compensation")]),
    );
    this.#looked(fresh && old ? old / fresh : 1, this.#stop && old ? STOPS[this.#stop][1] : "");
  }
}
