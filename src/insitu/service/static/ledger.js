// The cost of teaching and queries so far, as tiles.

import { count, energy, make, plural } from "./format.js";

/** Show the reply of `/api/memory` in the description list `tiles`, with the number of products of this page. */
export function showLedger(tiles, noun, { classes, spent, energy_nj: nanojoules, products }) {
  if (nanojoules.spent === null) return; // not counted
  const examples = classes.reduce((sum, each) => sum + each.examples, 0);
  const [taught, unit] = energy(nanojoules.spent);
  const [each, eachUnit] = energy(nanojoules.query);
  tiles.replaceChildren(
    tile("Classes", count(classes.length), "", `from ${plural(examples, noun)}`),
    writing(spent),
    tile("Products", count(products), "", `by this page, ${each} ${eachUnit} per ${noun}`),
    tile("Energy of teaching", taught, unit, "estimated from exact counts"),
  );
}

function writing({ set_pulse: set = 0, reset_pulse: reset = 0, program_and_verify: programmed = 0 }) {
  if (programmed) return tile("Devices programmed", count(programmed), "", "by iterative write and verify");
  return tile("SET pulses", count(set), "", `and ${plural(reset, "RESET pulse")}`);
}

function tile(name, number, unit, under) {
  const big = make("dd", { class: "big" }, number, ...(unit ? [make("small", {}, ` ${unit}`)] : []));
  return make("div", {}, make("dt", {}, name), big, make("dd", { class: "under" }, under));
}
