// A line chart of shares in percent over time, as SVG, with the selected time marked.

import { percent } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 440, HEIGHT = 220, LEFT = 46, RIGHT = 6, TOP = 12, BOTTOM = 32;
const LOWEST = [0.9, 0.8, 0.5, 0]; // possible lower ends of the axis

function node(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text) made.textContent = text;
  return made;
}

/** Draw `lines` ({style: [share or null per tick]}) over `ticks` into `place`, tick `marked` highlighted. */
export function chart(place, title, ticks, lines, marked) {
  const positions = ticks.length;
  const x = (position) => LEFT + ((WIDTH - LEFT - RIGHT) * (position + 0.5)) / positions;
  const known = Object.values(lines).flat().filter((share) => share !== null);
  const low = LOWEST.find((low) => known.every((share) => share > low + (1 - low) / 8)) ?? 0;
  const y = (share) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - (share - low) / (1 - low));
  const svg = node("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": title });
  for (const part of [0, 0.25, 0.5, 0.75, 1]) {
    const share = low + (1 - low) * part;
    svg.append(node("path", { class: "grid", d: `M${LEFT} ${y(share)}H${WIDTH - RIGHT}` }));
    if (part % 0.5 === 0) {
      svg.append(node("text", { class: "tick", x: LEFT - 8, y: y(share) + 4, "text-anchor": "end" }, percent(share)));
    }
  }
  ticks.forEach((tick, position) => {
    const style = position === marked ? "tick marked" : "tick";
    svg.append(node("text", { class: style, x: x(position), y: HEIGHT - 8, "text-anchor": "middle" }, tick));
  });
  svg.append(node("path", { class: "mark", d: `M${x(marked)} ${TOP}V${HEIGHT - BOTTOM}` }));
  for (const [style, shares] of Object.entries(lines)) {
    const group = node("g", { class: style });
    let path = "";
    shares.forEach((share, position) => {
      if (share === null) return;
      path += `${path && shares[position - 1] !== null ? "L" : "M"}${x(position)} ${y(share).toFixed(1)}`;
      const dot = { cx: x(position), cy: y(share).toFixed(1), r: position === marked ? 5 : 2.6 };
      group.append(node("circle", dot));
    });
    group.prepend(node("path", { class: "line", d: path || "M0 0" }));
    svg.append(group);
  }
  place.replaceChildren(svg);
}
