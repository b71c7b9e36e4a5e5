// The page: a drawing sheet, the prediction for it, the classes of the memory, and their drift over time.

import { request, keepToken, takeToken } from "./api.js";
import { Sheet } from "./canvas.js";
import { listen } from "./events.js";
import { Examples } from "./examples.js";
import { dataUrlToBlob, toDrawing, acceptImages } from "./images.js";
import { showLedger } from "./ledger.js";
import { MemoryView } from "./memory_view.js";
import { failed, say, settled } from "./messages.js";
import { Similarities } from "./similarities.js";
import { ColumnView } from "./column_view.js";
import { DriftProjection } from "./drift_projection.js";
import { energy, make, plural } from "./format.js";

const PAUSE_MS = 150; // after a stroke, before the drawing is classified
const at = (id) => document.getElementById(id);

let memory = null; // the last reply of /api/memory
let full = null; // µS of the deepest colour, once known
let products = 0; // computed for this page
let busy = 0; // pending requests that teach or forget
const ours = new Set(); // numbers of events caused by this page
const deferred = []; // events received while busy: they may be ours

// -- prediction -------------------------------------------------------------------------------------------------------

let pause = 0;
let pending = null;

function drawingChanged() {
  at("undo").disabled = at("clear").disabled = sheet.empty;
  at("placeholder").hidden = !sheet.empty;
  at("canvas").setAttribute("aria-label", sheet.empty ? "Drawing sheet, empty" : "Drawing sheet with a drawing");
  clearTimeout(pause);
  pending?.abort();
  column.hide();
  const known = memory.classes.length > 0;
  if (!known && memory.cells) column.unwritten(memory.dim);
  if (sheet.empty || !known) return prediction.wait(prompt());
  if (!prediction.hasPrediction) prediction.wait("Classifying …");
  pause = setTimeout(predict, PAUSE_MS);
}

function prompt() {
  if (memory.classes.length) return "Draw something to classify it.";
  return sheet.empty ? "No classes yet: the memory is new." : "No classes yet: name this drawing and teach it.";
}

async function predict() {
  pending = new AbortController();
  try {
    const reply = await request("api/predict", { image: sheet.png() }, pending.signal);
    prediction.show(reply.predictions[0], reply.classes);
    settled();
    products += reply.query.core_product ?? 0;
    showLedger(at("ledger"), { ...memory, products });
  } catch (error) {
    failed(error);
  }
}

// -- teaching and forgetting ------------------------------------------------------------------------------------------

/** Send a request that changes the memory, and remember its event as ours. Returns the reply, or null on failure. */
async function change(path, body) {
  busy++;
  try {
    const reply = await request(path, body);
    ours.add(reply.event);
    settled();
    await refresh();
    return reply;
  } catch (error) {
    failed(error);
    return null;
  } finally {
    busy--;
    if (!busy) for (const event of deferred.splice(0)) handleEvent(event);
  }
}

async function teach(event) {
  event.preventDefault();
  const label = labelGiven();
  if (sheet.empty) return requireInput("Draw something first, or choose an image.", at("choose"));
  if (!label) return requireInput("Enter a name first.", at("name"));
  at("teach-button").disabled = true;
  const image = sheet.png();
  const reply = await change("api/teach", { label, image, cells: memory.cells });
  at("teach-button").disabled = false;
  if (!reply) return;
  if (sheet.shows(image)) sheet.clear(); // else the user has started the next drawing
  const known = classNamed(label);
  if (!known) return; // forgotten by another client meanwhile
  await showTaught(known.label, plural(known.examples, "drawing"), reply).catch(failed);
}

/** Show what was just taught until something is drawn. */
async function showTaught(text, drawings, { spent, energy_nj: nanojoules, cells }) {
  const pulses = spent.set_pulse ? `, ${plural(spent.set_pulse, "pulse")}` : "";
  prediction.taught(text, `${drawings} so far${pulses}, ${energy(nanojoules ?? 0).join(" ")}`);
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
  if (!label) at("hint").textContent = "Teach three to five drawings of each character.";
  else if (!known) at("hint").textContent = "A new class.";
  else {
    const advice = known.examples < 3 ? "three to five are recommended" : "more improve the accuracy";
    at("hint").textContent = `${plural(known.examples, "drawing")} so far; ${advice}.`;
  }
}

async function teachMany(labels, images) {
  const reply = await change("api/teach", { labels, images, cells: memory.cells });
  if (!reply) return;
  if (!sheet.empty) return drawingChanged(); // classify the current drawing
  await showTaught(plural(new Set(labels).size, "new class", "new classes"), plural(labels.length, "drawing"), reply);
}

async function forget(label) {
  const dialog = at("confirm");
  at("confirm-title").textContent = `Forget ${label}?`;
  const devices = `The ${2 * memory.dim} devices of this class are RESET to the amorphous state.`;
  at("confirm-text").textContent = `${memory.cells ? devices : "Its column is erased."} This cannot be undone.`;
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  if (dialog.returnValue !== "forget") return;
  if (!(await change("api/forget", { label }))) return;
  say(`Forgotten: ${label}.`);
  (at("classes").querySelector("button") ?? at("name")).focus();
  drawingChanged();
}

// -- state of the memory ----------------------------------------------------------------------------------------------

/** Fetch the state of the memory and show it. */
async function refresh() {
  const before = memory && fingerprint(memory);
  memory = await request("api/memory");
  const images = memory.input === "image";
  at("about").textContent = `· ${memory.substrate}`;
  at("rows").textContent = memory.dim;
  at("bench").hidden = !images;
  at("lead").hidden = !images;
  at("vectors").hidden = images;
  if (!images) {
    at("title").textContent = "A memory for vectors";
    const numbers = memory.features === null ? "of any length" : `of ${memory.features} numbers`;
    at("vectors").textContent = `This memory takes vectors ${numbers}, which are taught through the HTTP interface. ` +
      "This page shows its classes, their cost and their drift over time.";
  }
  at("rest").hidden = false;
  at("gate").hidden = true;
  at("nothing").hidden = memory.classes.length > 0;
  at("machine").hidden = !memory.classes.length || !memory.cells;
  at("devices").hidden = !memory.cells;
  showLedger(at("ledger"), { ...memory, products });
  if (fingerprint(memory) === before) return;
  view.sync(memory.classes, memory.cells, images ? "drawing" : "vector");
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
    drawingChanged();
  }, failed);
}

async function open() {
  try {
    await refresh();
    drawingChanged();
    if (memory.input === "image") {
      const { sets } = await request("api/examples");
      examples.load(sets);
    }
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
  title: at("answer-title"), said: at("answer"), under: at("answer-under"), bars: at("bars"), note: at("bars-note"),
}, (label) => {
  at("name").value = label;
  hint();
  at("name").focus();
});
const view = new MemoryView(at("classes"), forget, failed);
const sheet = new Sheet(at("canvas"), drawingChanged, () => {
  at("placeholder").hidden = true;
  clearTimeout(pause);
});
const examples = new Examples(
  { section: at("examples"), sets: at("sets"), note: at("offered"), thumbs: at("try"), tried: at("tried") },
  teachMany,
  (url) => toDrawing(dataUrlToBlob(url)).then((image) => sheet.put(image), failed),
);
const column = new ColumnView(at("stage"));
const drift = new DriftProjection(
  {
    section: at("machine"), age: at("age"), words: at("age-words"), stops: at("stops"), said: at("age-said"),
    accuracy: at("accuracy"), confidence: at("confidence"),
  },
  () => (memory?.input === "image" && !sheet.empty ? sheet.png() : null),
  (share, when) => view.project(share, when),
  failed,
);

acceptImages(at("paper"), at("file"), at("choose"), (image) => sheet.put(image), failed);
at("undo").addEventListener("click", () => sheet.undo());
at("clear").addEventListener("click", () => sheet.clear());
at("teach").addEventListener("submit", teach);
at("name").addEventListener("input", hint);
addEventListener("keydown", (event) => {
  const field = event.target instanceof HTMLInputElement;
  if (event.key === "z" && (event.ctrlKey || event.metaKey) && !field && !sheet.empty) sheet.undo();
});
at("gate-form").addEventListener("submit", (event) => {
  event.preventDefault();
  keepToken(at("token").value.trim());
  open();
});

takeToken();
open();
