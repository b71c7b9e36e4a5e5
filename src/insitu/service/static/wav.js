// Recordings as WAV files: one channel of 16 bits at 16 kHz.

import { ServiceError } from "./api.js";

export const RATE = 16_000; // samples per second that encoders of sounds take

/** Return samples at `rate` as samples at 16 kHz. */
export async function resampled(samples, rate) {
  const context = new OfflineAudioContext(1, Math.max(1, Math.round((samples.length / rate) * RATE)), RATE);
  const buffer = context.createBuffer(1, samples.length, rate);
  buffer.copyToChannel(samples, 0);
  const source = Object.assign(context.createBufferSource(), { buffer });
  source.connect(context.destination);
  source.start();
  return (await context.startRendering()).getChannelData(0);
}

/** Return the sound in a file as samples of one channel at 16 kHz. */
export async function samplesOf(file) {
  let buffer;
  try {
    buffer = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await file.arrayBuffer());
  } catch {
    throw new ServiceError(`${file.name ?? "This"} is not a sound that the browser can read; use WAV.`);
  }
  const channels = Array.from({ length: buffer.numberOfChannels }, (_, number) => buffer.getChannelData(number));
  return channels[0].map((_, at) => channels.reduce((sum, channel) => sum + channel[at], 0) / channels.length);
}

/** Return samples at 16 kHz as a data URL of a WAV file. */
export function wavUrl(samples) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (at, letters) => [...letters].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * samples.length, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true); // bytes of the header
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // channels
  view.setUint32(24, RATE, true);
  view.setUint32(28, 2 * RATE, true);
  view.setUint16(32, 2, true); // bytes of a sample
  view.setUint16(34, 16, true); // bits
  text(36, "data");
  view.setUint32(40, 2 * samples.length, true);
  samples.forEach((value, i) => {
    view.setInt16(44 + 2 * i, Math.round(32_767 * Math.min(1, Math.max(-1, value))), true);
  });
  const bytes = new Uint8Array(view.buffer);
  let letters = "";
  for (let at = 0; at < bytes.length; at += 8192) letters += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return `data:audio/wav;base64,${btoa(letters)}`;
}
