// Messages: an error stays until it is dismissed or an action succeeds; a status message fades.

import { ServiceError } from "./api.js";

const SHOWN_MS = 5000;
const at = (id) => document.getElementById(id);

/** Show an error; if a token is required and the form for it is not open yet, open it instead. */
export function failed(error) {
  if (error.name === "AbortError") return;
  if (error.status === 401) {
    const open = !at("gate").hidden;
    at("gate").hidden = false;
    at("token").focus();
    if (!open) return;
  }
  const expected = error instanceof ServiceError;
  at("error-text").textContent = expected ? error.message : `This is a bug in the page: ${error.message}`;
  at("error").hidden = false;
}

/** Remove the error message. */
export function settled() {
  at("error").hidden = true;
  at("error-text").textContent = "";
}

let fading = 0;

export function say(text) {
  at("status").textContent = text;
  clearTimeout(fading);
  fading = setTimeout(() => (at("status").textContent = ""), SHOWN_MS);
}

at("error-close").addEventListener("click", settled);
addEventListener("keydown", (event) => event.key === "Escape" && settled());
