// Makes the input for what a memory takes, and shows its part of the page.

import { DrawingInput } from "./drawing_input.js";
import { PhotoInput } from "./photo_input.js";
import { SoundInput } from "./sound_input.js";
import { VectorInput } from "./vector_input.js";

const at = (id) => document.getElementById(id);

/**
 * Return the input of a kind: it has `empty`, `item()`, `shows(item)`, `clear()`, `load(file)` and `read(file)`; one of a
 * device has `live` and `take()`. `began()` is called at the start of a stroke, `changed()` after every change.
 */
export function makeInput(kind, began, changed, failed) {
  for (const part of document.querySelectorAll(".source")) part.hidden = part.dataset.kind !== kind;
  const input = MAKERS[kind](began, changed, failed);
  at("file").accept = input.accept;
  at("undo").addEventListener("click", () => input.undo());
  at("clear").addEventListener("click", () => input.clear());
  return input;
}

const MAKERS = {
  drawing: (began, changed) => new DrawingInput(at("canvas"), at("placeholder"), began, changed),
  photo: (began, changed, failed) => new PhotoInput({
    video: at("video"), still: at("still"), off: at("camera-off"), start: at("camera-start"), shutter: at("shutter"),
  }, changed, failed),
  sound: (began, changed, failed) => new SoundInput({
    wave: at("wave"), off: at("microphone-off"), start: at("microphone-start"), record: at("record"), play: at("play"),
    seconds: at("seconds"), meter: at("meter"), level: at("level"), hint: at("wave-hint"),
  }, changed, failed),
  vector: (began, changed, failed) => new VectorInput(at("numbers"), changed, failed),
};
