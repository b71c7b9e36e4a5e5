// Sounds: recorded by the microphone while its level is shown, or chosen as files.

import { ServiceError } from "./api.js";
import { open } from "./media.js";
import { RATE, resampled, samplesOf, wavUrl } from "./wav.js";

const SILENT = 1e-3, CLIPPED = 0.999, MOST_CLIPPED = 0.01; // of full scale; as the encoders have them
const QUIETEST_DB = -60; // at the left end of the level

export class SoundInput {
  accept = "audio/*,.wav";
  #parts;
  #changed;
  #context = null; // of the microphone
  #blocks = null; // recorded so far
  #recorded = null; // called when enough is recorded
  #samples = null; // at 16 kHz

  /** `changed()` is called when a sound is recorded, chosen or removed. */
  constructor(parts, changed, failed) {
    this.#parts = parts;
    this.#changed = changed;
    const { start, record, play, wave } = parts;
    start.addEventListener("click", () => this.#start().catch(failed));
    record.addEventListener("click", () => this.take().catch(failed));
    play.addEventListener("click", () => this.#play());
    addEventListener("keydown", (event) => {
      const idle = event.target === document.body || event.target === record;
      if (event.key !== " " || !idle || record.disabled || record.closest("[hidden]")) return;
      event.preventDefault();
      if (!event.repeat) record.click();
    });
    new ResizeObserver(() => this.#paint()).observe(wave);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#paint());
  }

  get empty() {
    return !this.#samples;
  }

  get live() {
    return this.#context !== null;
  }

  item() {
    return wavUrl(this.#samples);
  }

  shows(item) {
    return !this.empty && this.item() === item;
  }

  /** Record for the selected number of seconds, if the microphone is on. */
  async take() {
    if (!this.live || this.#blocks) return;
    const { record, seconds } = this.#parts;
    await this.#context.resume();
    this.#put(null);
    record.disabled = true;
    record.textContent = "Recording …";
    const rate = this.#context.sampleRate, wanted = Math.round(Number(seconds.value) * rate);
    const samples = await new Promise((resolve) => {
      this.#blocks = [];
      this.#recorded = { wanted, resolve };
    });
    record.disabled = false;
    record.textContent = "Record";
    this.#put(checked(await resampled(samples, rate)));
  }

  clear() {
    this.#put(null);
  }

  async load(file) {
    this.#put(checked(await samplesOf(file)));
  }

  async read(file) {
    return [{ item: wavUrl(checked(await samplesOf(file))) }];
  }

  async #start() {
    const { off, record, meter, hint } = this.#parts;
    const stream = await open("microphone", { audio: { autoGainControl: false, noiseSuppression: false } });
    const context = new AudioContext();
    await context.audioWorklet.addModule("static/microphone_worklet.js");
    const node = new AudioWorkletNode(context, "microphone", { numberOfOutputs: 0 });
    node.port.onmessage = ({ data }) => this.#hear(data);
    context.createMediaStreamSource(stream).connect(node);
    this.#context = context;
    off.hidden = true;
    hint.hidden = !this.empty;
    meter.hidden = false;
    record.disabled = false;
    record.focus();
  }

  #hear(block) {
    const loudest = block.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9);
    this.#parts.level.value = Math.max(0, 1 - (20 * Math.log10(loudest)) / QUIETEST_DB);
    if (!this.#recorded) return;
    this.#blocks.push(...block);
    const { wanted, resolve } = this.#recorded;
    if (this.#blocks.length < wanted) return;
    const samples = Float32Array.from(this.#blocks.slice(0, wanted));
    this.#blocks = this.#recorded = null;
    resolve(samples);
  }

  #put(samples) {
    this.#samples = samples;
    this.#parts.play.disabled = this.empty;
    this.#parts.off.hidden = this.live || !this.empty;
    this.#parts.hint.hidden = !this.live || !this.empty;
    this.#paint();
    this.#changed();
  }

  #play() {
    const context = this.#context ?? new AudioContext();
    const buffer = context.createBuffer(1, this.#samples.length, RATE);
    buffer.copyToChannel(this.#samples, 0);
    const source = Object.assign(context.createBufferSource(), { buffer });
    source.connect(context.destination);
    source.start();
  }

  /** Draw the loudness over time. */
  #paint() {
    const { wave } = this.#parts;
    const wide = Math.round(wave.clientWidth * devicePixelRatio), high = Math.round(wave.clientHeight * devicePixelRatio);
    if (!wide || !high) return;
    Object.assign(wave, { width: wide, height: high });
    const seconds = this.empty ? "" : `, ${(this.#samples.length / RATE).toFixed(1)} seconds`;
    wave.setAttribute("aria-label", this.empty ? "No recording" : `Recording${seconds}`);
    if (this.empty) return;
    const pen = wave.getContext("2d"), step = 4 * devicePixelRatio, columns = Math.floor(wide / step);
    pen.fillStyle = getComputedStyle(wave).getPropertyValue("--device");
    const each = this.#samples.length / columns;
    for (let column = 0; column < columns; column++) {
      const part = this.#samples.subarray(Math.floor(column * each), Math.floor((column + 1) * each));
      const loudest = part.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const tall = Math.max(step / 2, Math.min(1, loudest) * high * 0.9);
      pen.fillRect(column * step, (high - tall) / 2, step * 0.6, tall);
    }
  }
}

function checked(samples) {
  const loud = samples.map(Math.abs), loudest = loud.reduce((a, b) => Math.max(a, b), 0);
  if (loudest < SILENT) throw new ServiceError("This recording is silent; check the microphone, and record again.");
  const clipped = loud.reduce((number, value) => number + (value >= CLIPPED), 0) / loud.length;
  if (clipped > MOST_CLIPPED) throw new ServiceError("This recording is too loud: it is clipped. Record from further away.");
  return samples;
}
