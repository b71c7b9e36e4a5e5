// The form for a token, which the server may require; a token in the address is taken first.

import { keepToken, takeToken } from "./api.js";

const at = (id) => document.getElementById(id);

/** Call `open` now, and again with each token that is entered. */
export function openGate(open) {
  at("gate-form").addEventListener("submit", (event) => {
    event.preventDefault();
    keepToken(at("token").value.trim());
    open();
  });
  takeToken();
  open();
}
