// A column of device pairs as an image: 32 pairs per row, in each G+ on the left and G− on the right.

const ACROSS = 32;
const FAINTEST = 0.08; // opacity of a device without conductance, so that an array is visible before it is written

/** Return the number of rows of the image, each ACROSS pairs wide. */
export const rowsOf = (pairs) => Math.ceil(pairs / ACROSS);

/**
 * Paint conductances `plus` and `minus` (µS) on `canvas`, at its size on the screen.
 * `full` is the conductance of the deepest colour; `lit(sign, i)` in 0..1 highlights a device that is being pulsed.
 */
export function paint(canvas, plus, minus, full, lit = null) {
  const wide = Math.round(canvas.clientWidth * devicePixelRatio);
  if (!wide) return;
  const rows = rowsOf(plus.length);
  const cell = wide / ACROSS;
  const high = Math.round(rows * cell);
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
  const pen = canvas.getContext("2d");
  const style = getComputedStyle(canvas);
  const colours = [style.getPropertyValue("--device"), style.getPropertyValue("--novel")];
  const flash = style.getPropertyValue("--flash");
  pen.clearRect(0, 0, wide, high);
  const gap = Math.max(1, Math.round(cell / 9));
  [plus, minus].forEach((values, sign) => {
    for (let i = 0; i < values.length; i++) {
      const left = Math.round((i % ACROSS) * cell), right = Math.round(((i % ACROSS) + 1) * cell) - gap;
      const top = Math.round(Math.floor(i / ACROSS) * cell);
      const bottom = Math.round((Math.floor(i / ACROSS) + 1) * cell) - gap;
      const middle = Math.round((left + right) / 2);
      const box = sign ? [middle, top, right - middle, bottom - top] : [left, top, middle - left, bottom - top];
      pen.fillStyle = colours[sign];
      pen.globalAlpha = FAINTEST + (1 - FAINTEST) * Math.sqrt(Math.min(1, Math.max(0, values[i] / full)));
      pen.fillRect(...box);
      const light = lit ? lit(sign, i) : 0;
      if (light > 0.02) {
        pen.fillStyle = flash;
        pen.globalAlpha = light;
        pen.fillRect(...box);
      }
    }
  });
  pen.globalAlpha = 1;
}
