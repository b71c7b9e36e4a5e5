// Messages: an error stays until it is dismissed or an action succeeds; a status message fades, with a button to undo.

import { ServiceError } from "./api.js";

const SHOWN_MS = 5000, UNDO_MS = 12_000;
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

/** Show a message; with `undo`, a button next to it calls that. */
export function say(text, undo = null) {
  at("status").textContent = text;
  at("status-undo").hidden = !undo;
  at("status-undo").onclick = () => {
    quiet();
    undo();
  };
  clearTimeout(fading);
  fading = setTimeout(quiet, undo ? UNDO_MS : SHOWN_MS);
}

/** Remove the message: what it offers to undo is no longer the last change. */
export function quiet() {
  at("status").textContent = "";
  at("status-undo").hidden = true;
}

at("error-close").addEventListener("click", settled);
addEventListener("keydown", (event) => event.key === "Escape" && settled());
