// Images from files or examples, converted to black-on-white drawings of 105 x 105 pixels.

import { ServiceError } from "./api.js";
import { SIDE } from "./canvas.js";

/** Return an image file or blob as a canvas: scaled to fit and centred, inverted if it is light on dark. */
export async function toDrawing(file) {
  let image;
  try {
    image = await createImageBitmap(file);
  } catch {
    throw new ServiceError(`${file.name ?? "This"} is not an image that the browser can read; use PNG, JPEG or WebP.`);
  }
  const canvas = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.fillStyle = "#fff"; // where the image is transparent
  pen.fillRect(0, 0, SIDE, SIDE);
  pen.imageSmoothingQuality = "high";
  const scale = SIDE / Math.max(image.width, image.height);
  const wide = image.width * scale, high = image.height * scale;
  const box = [(SIDE - wide) / 2, (SIDE - high) / 2, wide, high];
  pen.drawImage(image, ...box);
  image.close();
  if (dark(pen, box)) {
    pen.globalCompositeOperation = "difference";
    pen.fillRect(...box);
  }
  return canvas;
}

function dark(pen, [x, y, wide, high]) {
  const { data } = pen.getImageData(Math.floor(x), Math.floor(y), Math.max(1, wide), Math.max(1, high));
  let sum = 0;
  for (let i = 0; i < data.length; i += 4) sum += data[i] + data[i + 1] + data[i + 2];
  return sum < (data.length / 4) * 3 * 127;
}

/** Return the content of a data URL as a blob. */
export function dataUrlToBlob(url) {
  const bytes = Uint8Array.from(atob(url.slice(url.indexOf(",") + 1)), (letter) => letter.charCodeAt(0));
  return new Blob([bytes], { type: url.slice(5, url.search(/[;,]/)) });
}
