// The page: what is shown to the memory, the prediction for it, the classes of the memory, and their drift over time.

import { request } from "./api.js";
import { BulkTeaching } from "./bulk_teaching.js";
import { ColumnView } from "./column_view.js";
import { Corrections, download } from "./corrections.js";
import { DriftProjection } from "./drift_projection.js";
import { listen } from "./events.js";
import { Examples } from "./examples.js";
import { acceptFiles } from "./files.js";
import { energy, make, plural } from "./format.js";
import { openGate } from "./gate.js";
import { dataUrlToBlob } from "./images.js";
import { makeInput } from "./inputs.js";
import { FIELD, KINDS } from "./kinds.js";
import { showLedger } from "./ledger.js";
import { MemoryView } from "./memory_view.js";
import { failed, quiet, say, settled } from "./messages.js";
import { Similarities } from "./similarities.js";
import { UnknownSwitch } from "./unknown_switch.js";

const PAUSE_MS = 150; // after a change, before the item is classified
const at = (id) => document.getElementById(id);

let memory = null; // the last reply of /api/memory
let input = null; // for what the memory takes
let full = null; // µS of the deepest colour, once known
let products = 0; // computed for this page
let busy = 0; // pending requests that change the memory
let waiting = null; // files that were chosen before they had a name
const ownName = /\/m\/([^/]+)\/$/.exec(location.pathname)?.[1]; // of one memory of a folder
const ours = new Set(); // numbers of events caused by this page
const deferred = []; // events received while busy: they may be ours

const words = () => KINDS[memory.input];
const asField = (item) => ({ [FIELD[memory.input]]: item });

// -- prediction -------------------------------------------------------------------------------------------------------

let pause = 0;
let pending = null;

function itemChanged() {
  at("undo").disabled = at("clear").disabled = input.empty;
  clearTimeout(pause);
  pending?.abort();
  column.hide();
  const known = memory.classes.length > 0;
  if (!known && memory.cells) column.unwritten(memory.dim);
  if (input.empty || !known) return prediction.wait(prompt());
  if (!prediction.hasPrediction) prediction.wait("Looking …");
  pause = setTimeout(predict, PAUSE_MS);
}

function prompt() {
  if (memory.classes.length) return words().start;
  return input.empty ? "No classes yet: the memory is new." : `No classes yet: name this ${words().noun} and teach it.`;
}

async function predict() {
  pending = new AbortController();
  try {
    const rate = unknown.rateFor(memory.classes);
    const body = { ...asField(input.item()), familiarity: rate > 0 };
    const reply = await request("api/predict", body, pending.signal);
    prediction.show(reply.predictions[0], reply.classes, rate);
    settled();
    products += reply.query.core_product ?? 0;
    showLedger(at("ledger"), words().noun, { ...memory, products });
  } catch (error) {
    failed(error);
  }
}

// -- teaching ---------------------------------------------------------------------------------------------------------

/** Send a request that changes the memory, and remember its event as ours. */
async function changed(path, body) {
  busy++;
  try {
    const reply = await request(path, body);
    ours.add(reply.event);
    settled();
    quiet();
    await refresh();
    return reply;
  } finally {
    busy--;
    if (!busy) for (const event of deferred.splice(0)) handleEvent(event);
  }
}

/** Likewise; returns null on failure, which is shown. */
const change = (path, body) => changed(path, body).catch((error) => void failed(error) ?? null);

async function teach(event) {
  event.preventDefault();
  const label = labelGiven();
  if (waiting && label) return received(waiting);
  if (waiting) return requireInput(nameFiles(), at("name"));
  if (input.empty && !input.live) return requireInput(words().missing, at("choose"));
  if (!label) return requireInput("Enter a name first.", at("name"));
  at("teach-button").disabled = true;
  at("bulk").hidden = true;
  try {
    if (input.empty) await input.take();
    const rows = input.rows ?? [{ item: input.item() }];
    const given = rows.length > 1
      ? { labels: rows.map((row) => row.label ?? label), [`${FIELD[memory.input]}s`]: rows.map(({ item }) => item) }
      : { label, ...asField(rows[0].item) };
    const reply = await changed("api/teach", { ...given, cells: memory.cells });
    if (input.shows(rows[0].item)) input.clear(); // else the user has started the next one
    const known = classNamed(label);
    if (known) await showTaught(known.label, plural(known.examples, words().noun), reply); // else forgotten by another
  } catch (error) {
    failed(error);
  } finally {
    at("teach-button").disabled = false;
  }
}

/** Show what was just taught until there is a new item. */
async function showTaught(text, items, { spent, energy_nj: nanojoules, cells }) {
  const pulses = spent.set_pulse ? `${plural(spent.set_pulse, "pulse")}, ` : "";
  const cost = nanojoules === null ? "" : `${pulses}${energy(nanojoules).join(" ")}`;
  prediction.taught(text, `${items} so far`, cost, memory.corrections);
  hint();
  if (!cells) return;
  full ??= (await request(`api/cells?label=${encodeURIComponent(cells[0].label)}`)).full_scale_us;
  column.taught(cells, full);
  for (const each of cells) view.animate(each, full);
}

function requireInput(text, element) {
  at("hint").textContent = text;
  at("hint").classList.add("missing");
  element.focus();
}

/** The class of this name; one taught in Python may differ in decomposed accents or surrounding spaces. */
const classNamed = (name) =>
  memory.classes.find((each) => each.label === name) ??
  memory.classes.find((each) => spelling(each.label) === spelling(name));
const spelling = (name) => name.normalize("NFC").trim();

/** The entered name as the memory stores it. */
const labelGiven = () => classNamed(at("name").value)?.label ?? spelling(at("name").value);

function hint() {
  const label = labelGiven();
  const known = label && classNamed(label);
  at("hint").classList.remove("missing");
  if (!label && waiting) at("hint").textContent = nameFiles();
  else if (!label) at("hint").textContent = `Teach three to five ${words().noun}s of each.`;
  else if (!known) at("hint").textContent = "A new class.";
  else {
    const advice = known.examples < 3 ? "three to five are recommended" : "more improve the accuracy";
    at("hint").textContent = `${plural(known.examples, words().noun)} so far; ${advice}.`;
  }
}

async function teachMany(labels, items) {
  const reply = await change("api/teach", { labels, [`${FIELD[memory.input]}s`]: items, cells: memory.cells });
  if (!reply) return;
  if (!input.empty) return itemChanged(); // classify the current item
  await showTaught(plural(new Set(labels).size, "new class", "new classes"), plural(labels.length, words().noun), reply);
}

const nameFiles = () => `Enter a name for the ${plural(waiting.length, "file")}, then teach; or choose a folder for each class.`;

/** One file is shown; several, or those of a folder, are taught. */
async function received(files) {
  if (!files.length) return;
  waiting = null;
  if (files.length === 1 && !files[0].folder) return input.load(files[0].file).catch(failed);
  const name = labelGiven();
  if (!name && memory.input !== "vector" && files.some(({ folder }) => !folder)) {
    waiting = files;
    return requireInput(nameFiles(), at("name"));
  }
  const send = (labels, items) => changed("api/teach", { labels, [`${FIELD[memory.input]}s`]: items });
  try {
    const { taught, requests } = await bulk.run(files, words().noun, name, (file) => input.read(file), send);
    if (requests) say(`Taught ${plural(taught, words().noun)}.`, memory.corrections ? () => corrections.undo(requests) : null);
    itemChanged();
  } catch (error) {
    failed(error);
  }
}

// -- state of the memory ----------------------------------------------------------------------------------------------

/** Fetch the state of the memory and show it. */
async function refresh() {
  const before = memory && fingerprint(memory);
  memory = await request("api/memory");
  input ??= makeInput(memory.input, () => clearTimeout(pause), () => ((waiting = null), itemChanged()), failed);
  at("about").textContent = `${ownName ? `· ${ownName} ` : ""}· ${memory.encoder ?? `vectors${memory.features ? ` of ${memory.features} numbers` : ""}`}`;
  at("about").title = memory.substrate;
  document.body.dataset.input = memory.input;
  at("title").textContent = words().title;
  at("lead").textContent = words().lead;
  at("rows").textContent = memory.dim;
  at("bench").hidden = at("rest").hidden = false;
  at("gate").hidden = true;
  at("nothing").hidden = memory.classes.length > 0;
  at("undo-change").hidden = !memory.events || !memory.corrections;
  at("machine").hidden = !memory.classes.length || !memory.cells;
  at("devices").hidden = !memory.cells;
  at("backup").hidden = !memory.kept_in_file;
  at("cost").hidden = memory.energy_nj.spent === null;
  at("unlisted").hidden = memory.class_count <= memory.classes.length;
  at("unlisted").textContent = `The ${memory.classes.length} of ${memory.class_count} classes that were taught last.`;
  unknown.show(memory.familiarity);
  showLedger(at("ledger"), words().noun, { ...memory, products });
  if (fingerprint(memory) === before) return;
  view.sync(memory.classes, memory.cells, memory.corrections, words().noun);
  examples.sync(memory.classes);
  at("names").replaceChildren(...memory.classes.map(({ label }) => make("option", { value: label })));
  drift.reset();
  hint();
}

const fingerprint = ({ classes, now_s }) => JSON.stringify([classes, now_s]);

const CHANGED = {
  learn: "Taught", forget: "Forgotten", undo: "Undone", rename: "Renamed",
  relabel: "Example moved", remove: "Example removed",
};

function handleEvent(event) {
  if (busy) return deferred.push(event);
  if (ours.delete(event.event)) return;
  refresh().then(() => {
    view.refetch(event.labels ?? []);
    say(`${CHANGED[event.kind] ?? "Changed"} elsewhere: ${(event.labels ?? []).join(", ")}.`);
    itemChanged();
  }, failed);
}

async function open() {
  try {
    await refresh();
    itemChanged();
    if (memory.input === "drawing") examples.load((await request("api/examples")).sets);
    examples.sync(memory.classes);
    settled();
  } catch (error) {
    failed(error);
    return;
  }
  listen(handleEvent, () => refresh().then(() => view.refetch(memory.classes.map((each) => each.label)), failed));
}

// -- parts ------------------------------------------------------------------------------------------------------------

const prediction = new Similarities({
  title: at("answer-title"), said: at("answer"), under: at("answer-under"), undo: at("answer-undo"), bars: at("bars"),
}, (label) => {
  at("name").value = label;
  hint();
  at("name").focus();
});
const unknown = new UnknownSwitch(
  { section: at("unknown-switch"), on: at("unknown"), rate: at("unknown-rate") }, itemChanged,
);
const corrections = new Corrections(change, say, itemChanged, () => memory.corrections);
const view = new MemoryView(at("classes"), {
  forget: (label) => corrections.forget(label).then(() => (at("classes").querySelector("button") ?? at("name")).focus()),
  rename: (label) => corrections.rename(label),
  open: (label, example) => corrections.open(label, example, words().noun),
}, failed);
const bulk = new BulkTeaching({
  section: at("bulk"), progress: at("bulk-progress"), text: at("bulk-text"), stop: at("bulk-stop"),
  failed: at("bulk-failed"), list: at("bulk-list"),
});
const examples = new Examples(
  { section: at("examples"), sets: at("sets"), note: at("offered"), thumbs: at("try"), tried: at("tried") },
  teachMany,
  (url) => input.load(dataUrlToBlob(url)).catch(failed),
);
const column = new ColumnView(at("stage"));
const drift = new DriftProjection(
  {
    section: at("machine"), age: at("age"), words: at("age-words"), stops: at("stops"), said: at("age-said"),
    confidence: at("confidence"), similar: at("similarity"),
  },
  () => (input && !input.empty ? asField(input.item()) : null),
  (share, when) => view.project(share, when),
  failed,
);

acceptFiles({
  place: at("paper"), files: at("file"), chooseFiles: at("choose"), folder: at("folder"), chooseFolder: at("choose-folder"),
}, received, failed);
at("above").hidden = !ownName;
if (ownName) document.title = `${ownName} · insitu`;
at("teach").addEventListener("submit", teach);
at("name").addEventListener("input", hint);
at("answer-undo").addEventListener("click", () => corrections.undo());
at("undo-change").addEventListener("click", () => corrections.undo());
at("backup-get").addEventListener("click", () => download().catch(failed));
for (const button of document.querySelectorAll("dialog .cancel")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}
openGate(open);
