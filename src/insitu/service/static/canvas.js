// A sheet of paper: strokes by mouse, finger or pen, over an image or none, seen large and sent as 105 x 105 pixels.

export const SIDE = 105; // pixels of an Omniglot drawing
const WIDTH = 5; // of a stroke, in those pixels; the drawings that the backbone knows have strokes as wide
const INK = "#000", PAPER = "#fff";

/** Strokes are kept as points in units of 1/105 of the sheet, so that any size can be drawn from them. */
export class Sheet {
  #canvas;
  #changed;
  #strokes = [];
  #image = null;
  #pointer = null;
  #frame = 0;

  /** `changed()` is called when a stroke has ended or the sheet was changed otherwise; `began()` when one begins. */
  constructor(canvas, changed, began) {
    this.#canvas = canvas;
    this.#changed = changed;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !event.isPrimary) return; // a second finger draws nothing
      event.preventDefault();
      this.#pointer = event.pointerId;
      try {
        canvas.setPointerCapture(event.pointerId);
      } catch {
        // a pointer that is gone already; its stroke is a dot
      }
      this.#strokes.push([this.#at(event)]);
      this.#paint();
      began();
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.pointerId !== this.#pointer) return;
      const parts = event.getCoalescedEvents?.() ?? [];
      this.#strokes.at(-1).push(...(parts.length ? parts : [event]).map((part) => this.#at(part)));
      this.#frame ||= requestAnimationFrame(() => this.#paint()); // points come faster than frames
    });
    for (const kind of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(kind, (event) => {
        if (event.pointerId !== this.#pointer) return;
        this.#pointer = null;
        this.#paint();
        this.#changed();
      });
    }
    new ResizeObserver(() => this.#paint()).observe(canvas);
  }

  get empty() {
    return !this.#strokes.length && !this.#image;
  }

  undo() {
    if (this.#strokes.length) this.#strokes.pop();
    else this.#image = null;
    this.#redrawn();
  }

  clear() {
    this.#strokes = [];
    this.#image = null;
    this.#redrawn();
  }

  /** Begin anew on `image`, a canvas of 105 x 105 pixels. */
  put(image) {
    this.#strokes = [];
    this.#image = image;
    this.#redrawn();
  }

  /** Tell whether this is what `png` was made of. */
  shows(png) {
    return !this.empty && this.png() === png;
  }

  /** Return the drawing as the memory takes it: a data URL of a PNG, black ink on white paper. */
  png() {
    const small = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
    this.#draw(small);
    return small.toDataURL("image/png");
  }

  #redrawn() {
    this.#pointer = null;
    this.#paint();
    this.#changed();
  }

  #at(event) {
    const box = this.#canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
  }

  #paint() {
    this.#frame = 0;
    const side = Math.round(this.#canvas.clientWidth * devicePixelRatio);
    if (!side) return;
    if (this.#canvas.width !== side) this.#canvas.width = this.#canvas.height = side;
    this.#draw(this.#canvas);
  }

  #draw(canvas) {
    const pen = canvas.getContext("2d");
    pen.setTransform(canvas.width / SIDE, 0, 0, canvas.height / SIDE, 0, 0);
    pen.fillStyle = PAPER;
    pen.fillRect(0, 0, SIDE, SIDE);
    if (this.#image) pen.drawImage(this.#image, 0, 0, SIDE, SIDE);
    Object.assign(pen, { strokeStyle: INK, lineWidth: WIDTH, lineCap: "round", lineJoin: "round" });
    for (const points of this.#strokes) trace(pen, points);
  }
}

/** Draw a smooth line: through the middles between points, bent towards the points. */
function trace(pen, points) {
  pen.beginPath();
  pen.moveTo(...points[0]);
  for (let i = 1; i < points.length - 1; i++) {
    const [x, y] = points[i], [u, v] = points[i + 1];
    pen.quadraticCurveTo(x, y, (x + u) / 2, (y + v) / 2);
  }
  pen.lineTo(...points.at(-1));
  pen.stroke();
}
