// A drawing sheet: strokes by mouse, finger or pen, optionally over an image; sent as 105 x 105 pixels.

export const SIDE = 105; // pixels of an Omniglot drawing
const WIDTH = 5; // of a stroke, in those pixels, as in the backbone's training set
const INK = "#000", PAPER = "#fff";

/** Strokes are stored as points in units of 1/105 of the sheet, independent of its size on the screen. */
export class Sheet {
  #canvas;
  #changed;
  #strokes = [];
  #image = null;
  #pointer = null;
  #frame = 0;

  /** `changed()` is called after every change, for a stroke at its end; `began()` at the start of a stroke. */
  constructor(canvas, changed, began) {
    this.#canvas = canvas;
    this.#changed = changed;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !event.isPrimary) return; // ignore a second finger
      event.preventDefault();
      this.#pointer = event.pointerId;
      try {
        canvas.setPointerCapture(event.pointerId);
      } catch {
        // the pointer is already gone; its stroke is a dot
      }
      this.#strokes.push([this.#at(event)]);
      this.#paint();
      began();
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.pointerId !== this.#pointer) return;
      const parts = event.getCoalescedEvents?.() ?? [];
      this.#strokes.at(-1).push(...(parts.length ? parts : [event]).map((part) => this.#at(part)));
      this.#frame ||= requestAnimationFrame(() => this.#paint()); // there are more points than frames
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
    this.#replaced();
  }

  clear() {
    this.#strokes = [];
    this.#image = null;
    this.#replaced();
  }

  /** Replace the drawing by `image`, a canvas of 105 x 105 pixels. */
  put(image) {
    this.#strokes = [];
    this.#image = image;
    this.#replaced();
  }

  /** Return whether `png` is the current drawing. */
  shows(png) {
    return !this.empty && this.png() === png;
  }

  /** Return the drawing as a data URL of a PNG, black on white. */
  png() {
    const small = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
    this.#draw(small);
    return small.toDataURL("image/png");
  }

  #replaced() {
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

/** Draw a smooth line through the midpoints between points. */
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
