// The start page of a server of several memories: open, create, restore and delete them.

import { request, send } from "./api.js";
import { confirm } from "./dialogs.js";
import { make, plural } from "./format.js";
import { openGate } from "./gate.js";
import { failed, say, settled } from "./messages.js";

const at = (id) => document.getElementById(id);

async function refresh() {
  const { memories } = await request("api/memories");
  at("gate").hidden = true;
  at("rest").hidden = false;
  at("nothing").hidden = memories.length > 0;
  at("memories").replaceChildren(...memories.map(card));
}

function card({ name, classes }) {
  const link = make("a", { href: `m/${name}/` }, name);
  const known = classes === null ? "not open" : plural(classes, "class", "classes");
  const button = make("button", { type: "button", class: "plain", "aria-label": `Delete ${name}` }, "Delete");
  button.addEventListener("click", () => remove(name).catch(failed));
  const head = make("div", { class: "head" }, make("h3", {}, link), make("span", { class: "soft" }, known));
  return make("li", {}, head, make("div", { class: "foot" }, make("span"), button));
}

async function remove(name) {
  const text = "Its file, all that it was taught, and its tokens are deleted. This cannot be undone: download a copy first.";
  if (!(await confirm(`Delete ${name}?`, text, "Delete"))) return;
  await send("DELETE", `api/memories/${name}`);
  await refresh();
  say(`Deleted: ${name}.`);
  at("name").focus();
}

async function create(event) {
  event.preventDefault();
  const name = at("name").value;
  const { tokens } = await request("api/memories", { name, encoder: at("encoder").value });
  await created(name, tokens);
  at("create").reset();
}

async function restore(event) {
  event.preventDefault();
  const name = at("restore-name").value, [file] = at("restore-file").files;
  const { tokens } = await send("PUT", `api/memories/${name}`, file, "application/vnd.sqlite3");
  await created(name, tokens);
  at("restore").reset();
}

async function created(name, tokens) {
  settled();
  at("tokens").hidden = !tokens.teach;
  at("token-teach").textContent = tokens.teach ?? "";
  at("token-read").textContent = tokens.read ?? "";
  await refresh();
  say(`Created: ${name}.`);
}

const open = () => refresh().then(settled, failed);

at("create").addEventListener("submit", (event) => create(event).catch(failed));
at("restore").addEventListener("submit", (event) => restore(event).catch(failed));
openGate(open);
