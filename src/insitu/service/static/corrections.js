// What is done to a memory after teaching: forget, rename, move or remove an example, undo; and its backup.

import { headers, ServiceError } from "./api.js";
import { askAboutExample, askName, confirm } from "./dialogs.js";
import { make } from "./format.js";

export class Corrections {
  #change;
  #say;
  #done;
  #undoes;

  /**
   * `change(path, body)` sends a change, null where it failed; `done()` is called after one; `undoes()` is whether the
   * memory can take changes back.
   */
  constructor(change, say, done, undoes) {
    this.#undoes = undoes;
    this.#change = change;
    this.#say = say;
    this.#done = done;
  }

  async forget(label) {
    const back = this.#undoes() ? "Undo brings it back." : "This cannot be undone.";
    if (await confirm(`Forget ${label}?`, `All that was taught of it goes. ${back}`, "Forget")) {
      await this.#apply("api/forget", { label }, `Forgotten: ${label}.`);
    }
  }

  async rename(label) {
    const name = await askName(`Rename ${label}`, label);
    if (name && name !== label) await this.#apply("api/rename", { label, new: name }, `Renamed to ${name}.`);
  }

  async open(label, example, noun) {
    const [act, name] = await askAboutExample(label, example, noun);
    if (act === "move") {
      await this.#apply("api/relabel", { example: example.id, label: name }, `Moved to ${name}.`);
    } else if (act === "remove") {
      await this.#apply("api/remove", { example: example.id }, `Removed from ${label}.`);
    }
  }

  /** Take back the last changes, `times` of them. */
  async undo(times = 1) {
    let reply = null;
    for (let done = 0; done < times; done++) {
      reply = await this.#change("api/undo", {});
      if (!reply) return;
    }
    this.#say(`Undone: ${WORDS[reply.undone] ?? reply.undone} ${reply.labels.join(", ")}.`);
    this.#done();
  }

  async #apply(path, body, text) {
    if (!(await this.#change(path, body))) return;
    this.#say(text, this.#undoes() ? () => this.undo() : null);
    this.#done();
  }
}

const WORDS = { learn: "teaching", forget: "forgetting", rename: "renaming", relabel: "moving", remove: "removing" };

/** Download a copy of the memory's file. */
export async function download() {
  const response = await fetch("api/backup", { headers: headers(), cache: "no-store" });
  if (!response.ok) {
    const { detail = `status ${response.status}` } = await response.json().catch(() => ({}));
    throw new ServiceError(`There is no copy: ${detail}.`, response.status);
  }
  const [, folder = "memory"] = /m\/([^/]+)\/$/.exec(location.pathname) ?? [];
  const link = make("a", { href: URL.createObjectURL(await response.blob()), download: `${folder}.insitu` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
