// Dialogs: a confirmation, a question for a name, and an example that can be moved or removed.

import { when } from "./taught.js";

const at = (id) => document.getElementById(id);

/** Ask whether to do something; `action` names it on its button. */
export async function confirm(title, text, action) {
  at("confirm-title").textContent = title;
  at("confirm-text").textContent = text;
  at("confirm-action").textContent = action;
  return (await closed(at("confirm"))) === "act";
}

/** Ask for a name; returns "" where the user keeps what there is. */
export async function askName(title, value) {
  at("rename-title").textContent = title;
  at("rename-name").value = value;
  const done = closed(at("rename"));
  at("rename-name").select();
  return (await done) === "act" ? at("rename-name").value.trim() : "";
}

/** Show an example; returns ["move", name], ["remove"] or []. */
export async function askAboutExample(label, example, noun) {
  at("example-title").textContent = `A ${noun} of ${label}`;
  at("example-text").textContent = when(example);
  const picture = at("example-picture");
  picture.hidden = !example.picture;
  if (example.picture) picture.src = example.picture;
  at("example-name").value = "";
  const done = await closed(at("example"));
  const name = at("example-name").value.trim();
  return done === "move" && name ? ["move", name] : done === "remove" ? ["remove"] : [];
}

async function closed(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  return dialog.returnValue;
}
