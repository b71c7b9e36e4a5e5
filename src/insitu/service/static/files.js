// Files that the user drops or chooses, with the name of the folder that each lies in.

const HIDDEN = /^\./;

/** Call `received([{file, folder}])` for files dropped on `place` or chosen; `folder` is "" where there is none. */
export function acceptFiles({ place, files, chooseFiles, folder, chooseFolder }, received, failed) {
  for (const [button, chooser] of [[chooseFiles, files], [chooseFolder, folder]]) {
    button.addEventListener("click", () => chooser.click());
    chooser.addEventListener("change", () => {
      const chosen = [...chooser.files].map((file) => ({ file, folder: parent(file.webkitRelativePath) }));
      received(sorted(chosen));
      chooser.value = ""; // so that the same files can be chosen again
    });
  }
  const over = (event, is) => {
    event.preventDefault();
    place.classList.toggle("over", is);
  };
  place.addEventListener("dragover", (event) => over(event, true));
  place.addEventListener("dragleave", (event) => over(event, false));
  place.addEventListener("drop", (event) => {
    over(event, false);
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
    const plain = [...event.dataTransfer.files].map((file) => ({ file, folder: "" }));
    const found = entries.length ? Promise.all(entries.map((entry) => walk(entry, ""))) : Promise.resolve([plain]);
    found.then((all) => received(sorted(all.flat())), failed);
  });
  // elsewhere, the browser would open a dropped file instead of the page
  for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => event.preventDefault());
}

const parent = (path) => path.split("/").slice(0, -1).at(-1) ?? "";

const sorted = (found) =>
  found
    .filter(({ file }) => !HIDDEN.test(file.name))
    .sort((a, b) => a.folder.localeCompare(b.folder) || a.file.name.localeCompare(b.file.name));

async function walk(entry, folder) {
  if (entry.isFile) return [{ file: await new Promise((resolve, reject) => entry.file(resolve, reject)), folder }];
  const reader = entry.createReader(), found = [];
  for (;;) { // at most a hundred entries come at once
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) break;
    found.push(...some);
  }
  return (await Promise.all(found.map((each) => walk(each, entry.name)))).flat();
}
