// Photos: a live picture of the camera, the photo that was taken or chosen, and files.

import { ServiceError } from "./api.js";
import { open } from "./media.js";

const LONGEST = 480; // pixels per side of what is sent; encoders take about 224
const QUALITY = 0.9;

export class PhotoInput {
  accept = "image/*";
  #parts;
  #changed;
  #taken = ""; // data URL of a JPEG

  /** `changed()` is called when a photo is taken, chosen or removed. */
  constructor(parts, changed, failed) {
    this.#parts = parts;
    this.#changed = changed;
    const { start, shutter } = parts;
    start.addEventListener("click", () => this.#start().catch(failed));
    shutter.addEventListener("click", () => (this.empty ? this.take().catch(failed) : this.clear()));
    addEventListener("keydown", (event) => {
      const idle = event.target === document.body || event.target === shutter;
      if (event.key !== " " || !idle || shutter.disabled || shutter.closest("[hidden]")) return;
      event.preventDefault();
      if (!event.repeat) shutter.click();
    });
  }

  get empty() {
    return !this.#taken;
  }

  get live() {
    return this.#parts.video.readyState >= 2;
  }

  item() {
    return this.#taken;
  }

  shows(item) {
    return this.#taken === item;
  }

  /** Take the current picture of the camera, if it is on. */
  async take() {
    const { video } = this.#parts;
    if (this.live) this.#put(reduced(video, video.videoWidth, video.videoHeight));
  }

  clear() {
    this.#taken = "";
    this.#show();
    this.#changed();
  }

  async load(file) {
    this.#put(await photo(file));
  }

  async read(file) {
    return [{ item: (await photo(file)).toDataURL("image/jpeg", QUALITY) }];
  }

  async #start() {
    const { video } = this.#parts;
    const size = { width: { ideal: 1280 }, height: { ideal: 960 } };
    video.srcObject = await open("camera", { video: { facingMode: { ideal: "environment" }, ...size } });
    await video.play();
    this.#show();
    this.#parts.shutter.focus();
  }

  #put(canvas) {
    const { still } = this.#parts;
    Object.assign(still, { width: canvas.width, height: canvas.height });
    still.getContext("2d").drawImage(canvas, 0, 0);
    this.#taken = canvas.toDataURL("image/jpeg", QUALITY);
    this.#show();
    this.#changed();
  }

  #show() {
    const { video, still, off, shutter } = this.#parts;
    still.hidden = this.empty;
    video.hidden = !this.live || !this.empty;
    off.hidden = this.live || !this.empty;
    shutter.disabled = !this.live && this.empty;
    shutter.textContent = this.empty ? "Take photo" : this.live ? "Retake" : "Remove photo";
  }
}

async function photo(file) {
  let image;
  try {
    image = await createImageBitmap(file);
  } catch {
    throw new ServiceError(`${file.name ?? "This"} is not an image that the browser can read; use PNG, JPEG or WebP.`);
  }
  const canvas = reduced(image, image.width, image.height);
  image.close();
  return canvas;
}

function reduced(image, wide, high) {
  const scale = Math.min(1, LONGEST / Math.max(wide, high));
  const size = { width: Math.max(2, Math.round(wide * scale)), height: Math.max(2, Math.round(high * scale)) };
  const canvas = Object.assign(document.createElement("canvas"), size);
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff"; // where the image is transparent
  pen.fillRect(0, 0, size.width, size.height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(image, 0, 0, size.width, size.height);
  return canvas;
}
