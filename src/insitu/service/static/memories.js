// The start page of a server of several memories: a link to each.

import { keepToken, request, takeToken } from "./api.js";
import { make, plural } from "./format.js";

const at = (id) => document.getElementById(id);

async function open() {
  try {
    const { memories } = await request("api/memories");
    at("memories").replaceChildren(...memories.map(item));
    at("said").textContent = plural(memories.length, "memory", "memories");
    at("gate-form").hidden = true;
  } catch (error) {
    at("said").textContent = error.message;
    at("gate-form").hidden = error.status !== 401;
  }
}

function item({ name, classes }) {
  const out = make("li");
  out.append(make("a", { href: `m/${name}/`, textContent: name }));
  if (classes !== null) out.append(`, ${plural(classes, "class", "classes")}`);
  return out;
}

at("gate-form").addEventListener("submit", (event) => {
  event.preventDefault();
  keepToken(at("token").value.trim());
  open();
});

takeToken();
open();
