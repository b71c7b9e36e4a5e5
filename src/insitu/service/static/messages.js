// One line for the reader: what went wrong stays until it is dismissed or mended, what went well fades.

import { Problem } from "./api.js";

const SAID_MS = 5000;
const at = (id) => document.getElementById(id);

/** Say what went wrong; where a token is asked for and none was given yet, open the gate instead. */
export function failed(error) {
  if (error.name === "AbortError") return;
  if (error.status === 401) {
    const open = !at("gate").hidden;
    at("gate").hidden = false;
    at("token").focus();
    if (!open) return;
  }
  at("error-text").textContent = error instanceof Problem ? error.message : `The page made a mistake: ${error.message}`;
  at("error").hidden = false;
}

/** Take back what went wrong: something has gone well since. */
export function settled() {
  at("error").hidden = true;
  at("error-text").textContent = "";
}

let fading = 0;

export function say(words) {
  at("status").textContent = words;
  clearTimeout(fading);
  fading = setTimeout(() => (at("status").textContent = ""), SAID_MS);
}

at("error-close").addEventListener("click", settled);
addEventListener("keydown", (event) => event.key === "Escape" && settled());
