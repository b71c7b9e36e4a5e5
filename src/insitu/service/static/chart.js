// A line chart over time, as SVG, with the selected time marked.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 440, HEIGHT = 220, LEFT = 46, RIGHT = 6, TOP = 12, BOTTOM = 32;
const STEPS = [0.01, 0.02, 0.05, 0.1, 0.25]; // possible distances of the lines of the grid, of which there are four
const PARTS = [0, 1, 2, 3, 4];

function node(tag, attributes, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text) made.textContent = text;
  return made;
}

/** Return the lower end of the axis and the distance of its lines: the smallest that holds all values. */
function scale(values) {
  const least = Math.min(1, ...values), most = Math.max(0, ...values);
  for (const step of STEPS) {
    const low = Math.min(Math.floor(least / step + 1e-9) * step, 1 - 4 * step);
    if (most <= low + 4 * step + 1e-9) return [low, step];
  }
  return [Math.floor(least / 0.5) * 0.5, 0.5];
}

/** Draw `lines` ({style: [value or null per tick]}) over `ticks` into `place`, tick `marked` highlighted. */
export function chart(place, title, ticks, lines, marked, format) {
  const x = (position) => LEFT + ((WIDTH - LEFT - RIGHT) * (position + 0.5)) / ticks.length;
  const [low, step] = scale(Object.values(lines).flat().filter((value) => value !== null));
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / (4 * step));
  const svg = node("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": title });
  for (const part of PARTS) {
    const value = low + step * part;
    svg.append(node("path", { class: "grid", d: `M${LEFT} ${y(value)}H${WIDTH - RIGHT}` }));
    if (part % 2 === 0) {
      svg.append(node("text", { class: "tick", x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, format(value)));
    }
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
