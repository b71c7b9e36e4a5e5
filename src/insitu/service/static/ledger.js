// What teaching and asking have cost so far, as tiles.

import { count, energy, make, plural } from "./words.js";

/** Show what `/api/memory` says in the description list `tiles`; `asked` products were computed for this page. */
export function showLedger(tiles, { input, classes, spent, energy_nj: nanojoules, asked }) {
  const noun = input === "image" ? "drawing" : "vector";
  const examples = classes.reduce((sum, each) => sum + each.examples, 0);
  const [taught, unit] = energy(nanojoules.spent ?? 0);
  const [each, eachUnit] = energy(nanojoules.query ?? 0);
  tiles.replaceChildren(
    tile("Classes", count(classes.length), "", `from ${plural(examples, noun)}`),
    writing(spent),
    tile("Products", count(asked), "", `on this page, ${each} ${eachUnit} a ${noun}`),
    tile("Energy of teaching", taught, unit, "estimated from exact counts"),
  );
}

function writing({ set_pulse: set = 0, reset_pulse: reset = 0, program_and_verify: programmed = 0 }) {
  if (programmed) return tile("Devices programmed", count(programmed), "", "write and verify, until each is right");
  return tile("Pulses", count(set), "", `of SET, and ${count(reset)} of RESET`);
}

function tile(name, number, unit, under) {
  const big = make("dd", { class: "big" }, number, ...(unit ? [make("small", {}, ` ${unit}`)] : []));
  return make("div", {}, make("dt", {}, name), big, make("dd", { class: "under" }, under));
}
