// A line chart over time, as SVG, with the selected time marked.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 440, HEIGHT = 220, LEFT = 46, RIGHT = 6, TOP = 12, BOTTOM = 32;
const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]; // possible distances of the lines of the grid
const FEWEST = 2, MOST = 5; // distances on the axis

function node(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text) made.textContent = text;
  return made;
}

/** Return the lines of the grid: as close to one another as all values allow. */
function gridOf(values) {
  const least = Math.min(...values, 1), most = Math.max(...values, least);
  const ends = (step) => [Math.floor(least / step + 1e-9), Math.ceil(most / step - 1e-9)];
  const step = STEPS.find((step) => ends(step)[1] - ends(step)[0] <= MOST) ?? STEPS.at(-1);
  const [first, last] = ends(step);
  const low = Math.min(first, last - FEWEST);
  return Array.from({ length: last - low + 1 }, (_, place) => (low + place) * step);
}

/** Draw `lines` ({style: [value or null per tick]}) over `ticks` into `place`, tick `marked` highlighted. */
export function chart(place, title, ticks, lines, marked, format) {
  const x = (position) => LEFT + ((WIDTH - LEFT - RIGHT) * (position + 0.5)) / ticks.length;
  const grid = gridOf(Object.values(lines).flat().filter((value) => value !== null));
  const [low, high] = [grid[0], grid.at(-1)];
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / (high - low));
  const svg = node("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": title });
  for (const value of grid) {
    svg.append(node("path", { class: "grid", d: `M${LEFT} ${y(value)}H${WIDTH - RIGHT}` }));
    svg.append(node("text", { class: "tick", x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, format(value)));
  }
  ticks.forEach((tick, position) => {
    const style = position === marked ? "tick marked" : "tick";
    svg.append(node("text", { class: style, x: x(position), y: HEIGHT - 8, "text-anchor": "middle" }, tick));
  });
  svg.append(node("path", { class: "mark", d: `M${x(marked)} ${TOP}V${HEIGHT - BOTTOM}` }));
  for (const [style, values] of Object.entries(lines)) {
    const group = node("g", { class: style });
    let path = "";
    values.forEach((value, position) => {
      if (value === null) return;
      path += `${path && values[position - 1] !== null ? "L" : "M"}${x(position)} ${y(value).toFixed(1)}`;
      const dot = { cx: x(position), cy: y(value).toFixed(1), r: position === marked ? 5 : 2.6 };
      group.append(node("circle", dot));
    });
    group.prepend(node("path", { class: "line", d: path || "M0 0" }));
    svg.append(group);
  }
  place.replaceChildren(svg);
}
