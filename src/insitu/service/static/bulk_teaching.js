// Teaches many files, a few per request: progress while it goes on, and a list of what could not be read.

import { make, plural } from "./format.js";

const MOST_ITEMS = 16, MOST_LETTERS = 2_000_000; // of a request
const OF_THE_ITEMS = [413, 422]; // status of errors that are about what was sent

export class BulkTeaching {
  #parts;
  #stopped = false;

  constructor(parts) {
    this.#parts = parts;
    parts.stop.addEventListener("click", () => (this.#stopped = true));
  }

  /**
   * Teach `files` ([{file, folder}]); `read(file)` returns [{label, item}] of one, and `send(labels, items)` teaches.
   * A class is the label in the file, else its folder, else `name`. Returns {taught, requests, failures}.
   */
  async run(files, noun, name, read, send) {
    const { section, progress, text, failed, list } = this.#parts;
    const failures = [], labels = new Set();
    let batch = [], letters = 0, taught = 0, requests = 0;
    const teach = async (some) => {
      try {
        await send(some.map(({ label }) => label), some.map(({ item }) => item));
        taught += some.length;
        requests++;
        for (const { label } of some) labels.add(label);
      } catch (error) {
        if (!OF_THE_ITEMS.includes(error.status)) throw error;
        if (some.length === 1) failures.push([some[0].path, error.message]);
        else for (const each of some) await teach([each]); // only the item at fault is left out
      }
    };
    const flush = async () => {
      const some = batch;
      batch = [];
      letters = 0;
      if (some.length) await teach(some);
    };
    this.#stopped = false;
    section.hidden = false;
    failed.hidden = true;
    progress.hidden = false;
    this.#parts.stop.hidden = false;
    progress.max = files.length;
    try {
      for (const [done, { file, folder }] of files.entries()) {
        if (this.#stopped) break;
        progress.value = done;
        text.textContent = `${done} of ${plural(files.length, "file")} …`;
        const path = folder ? `${folder}/${file.name}` : file.name;
        try {
          for (const { label, item } of await read(file)) {
            const given = label || folder || name;
            if (!given) throw new Error("has no name of a class; enter one first");
            batch.push({ path, label: given, item });
            letters += typeof item === "string" ? item.length : 20 * item.length;
            if (batch.length >= MOST_ITEMS || letters >= MOST_LETTERS) await flush();
          }
        } catch (error) {
          if (error.status) throw error; // of the service, not of this file
          failures.push([path, error.message]);
        }
      }
      await flush();
    } finally {
      progress.hidden = this.#parts.stop.hidden = true;
      const left = this.#stopped ? "; stopped" : "";
      text.textContent = `Taught ${plural(taught, noun)} of ${plural(labels.size, "class", "classes")}${left}.`;
      failed.hidden = !failures.length;
      failed.firstElementChild.textContent = `${plural(failures.length, "file")} could not be used`;
      list.replaceChildren(...failures.map(([path, why]) => make("li", {}, make("b", {}, path), ` ${why}`)));
    }
    return { taught, requests, failures };
  }
}
