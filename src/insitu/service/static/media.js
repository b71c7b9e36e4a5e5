// Camera and microphone: permission is requested when the user presses a button, and a refusal is one clear line.

import { ServiceError } from "./api.js";

const WHY = {
  NotAllowedError: "is blocked: allow it in the address bar of the browser, then press the button again",
  NotFoundError: "was not found: connect one, then press the button again",
  NotReadableError: "is used by another program: close it, then press the button again",
};

/** Return a stream of `device`, "camera" or "microphone"; files are the alternative that errors name. */
export async function open(device, constraints) {
  if (!navigator.mediaDevices) {
    throw new ServiceError(`Browsers give the ${device} only to https pages and to localhost; choose files instead.`);
  }
  try {
    return await navigator.mediaDevices.getUserMedia(constraints);
  } catch (error) {
    throw new ServiceError(`The ${device} ${WHY[error.name] ?? `does not start (${error.message})`}; or choose files.`);
  }
}
