// Animation of a column from before to after an event: every device steps once per pulse.

import { reducedMotion } from "./format.js";

const STEP_MS = 110, LONGEST_MS = 2200, GLOW_MS = 260;

/** Return conductances as the pair [plus, minus], in µS. */
export const signs = ({ plus_us: plus, minus_us: minus }) => [plus, minus];

/** Call `frame(plus, minus, lit, pulse, pulses)` until the conductances `after` are reached, then resolve. */
export function animatePulses(change, frame) {
  const after = signs(change.after), pulses = [change.pulses.plus, change.pulses.minus];
  // a new class, or one that was RESET and written again, starts amorphous
  const before = change.before && !change.reset ? signs(change.before) : after.map((values) => values.map(() => 0));
  const most = pulses.flat().reduce((a, b) => Math.max(a, b), 0);
  if (reducedMotion() || !most) {
    frame(after[0], after[1], null, most, most);
    return Promise.resolve();
  }
  const step = Math.min(STEP_MS, LONGEST_MS / most);
  return new Promise((resolve) => {
    const start = performance.now();
    const tick = () => {
      const passed = performance.now() - start;
      const given = Math.min(most, Math.floor(passed / step) + 1);
      const now = after.map((values, sign) => values.map((value, i) => {
        const total = pulses[sign][i];
        const share = total ? Math.min(1, given / total) : passed >= most * step ? 1 : 0;
        return before[sign][i] + (value - before[sign][i]) * share;
      }));
      const fresh = Math.max(0, 1 - (passed - (given - 1) * step) / GLOW_MS);
      frame(now[0], now[1], (sign, i) => (pulses[sign][i] >= given ? 0.55 * fresh : 0), given, most);
      if (passed < most * step + GLOW_MS) requestAnimationFrame(tick);
      else {
        frame(after[0], after[1], null, most, most);
        resolve();
      }
    };
    tick();
  });
}
