// The page: a sheet to draw on, what the memory says of it, what it holds, and what becomes of it.

import { ask, keepToken, takeToken } from "./api.js";
import { Sheet } from "./canvas.js";
import { listen } from "./events.js";
import { Examples } from "./examples.js";
import { blobOf, fitted, takeImages } from "./images.js";
import { showLedger } from "./ledger.js";
import { MemoryView } from "./memory_view.js";
import { failed, say, settled } from "./messages.js";
import { Similarities } from "./similarities.js";
import { Stage } from "./stage.js";
import { TimeMachine } from "./time_machine.js";
import { energy, make, plural } from "./words.js";

const PAUSE_MS = 150; // after a stroke, before the memory is asked
const at = (id) => document.getElementById(id);

let memory = null; // what /api/memory said last
let full = null; // µS of the deepest colour, once known
let asked = 0; // products computed for this page
let busy = 0; // requests of ours that teach or forget, under way
const ours = new Set(); // numbers of events that we made ourselves
const waiting = []; // events heard while busy: they may be ours

// -- asking -----------------------------------------------------------------------------------------------------------

let pause = 0;
let asking = null;

function drawn() {
  at("undo").disabled = at("clear").disabled = sheet.empty;
  at("placeholder").hidden = !sheet.empty;
  at("canvas").setAttribute("aria-label", sheet.empty ? "Drawing sheet, empty" : "Drawing sheet with a drawing");
  clearTimeout(pause);
  asking?.abort();
  stage.hide();
  const known = memory.classes.length > 0;
  if (!known && memory.cells) stage.glass(memory.dim);
  if (sheet.empty || !known) return answers.wait(invitation());
  if (!answers.answered) answers.wait("Looking …");
  pause = setTimeout(recognise, PAUSE_MS);
}

function invitation() {
  if (memory.classes.length) return "Draw something, and it says what it sees.";
  return sheet.empty ? "Nothing yet: it is new." : "Nothing yet: name it and teach it.";
}

async function recognise() {
  asking = new AbortController();
  try {
    const said = await ask("/api/predict", { image: sheet.png() }, asking.signal);
    answers.show(said.predictions[0], said.classes);
    settled();
    asked += said.query.core_product ?? 0;
    showLedger(at("ledger"), { ...memory, asked });
  } catch (error) {
    failed(error);
  }
}

// -- teaching and forgetting ------------------------------------------------------------------------------------------

/** Do what changes the memory; events of it that come back are known as ours. Returns what was answered, or null. */
async function change(path, body) {
  busy++;
  try {
    const said = await ask(path, body);
    ours.add(said.event);
    settled();
    await refresh();
    return said;
  } catch (error) {
    failed(error);
    return null;
  } finally {
    busy--;
    if (!busy) for (const event of waiting.splice(0)) happened(event);
  }
}

async function teach(event) {
  event.preventDefault();
  const label = nameGiven();
  if (sheet.empty) return tell("Draw something first, or choose an image.", at("choose"));
  if (!label) return tell("Give it a name first.", at("name"));
  at("teach-button").disabled = true;
  const image = sheet.png();
  const said = await change("/api/teach", { label, image, cells: memory.cells });
  at("teach-button").disabled = false;
  if (!said) return;
  if (sheet.shows(image)) sheet.clear(); // else the next drawing has begun already
  const known = classNamed(label);
  if (!known) return; // forgotten by another meanwhile
  await taught(known.label, plural(known.examples, "drawing"), said).catch(failed);
}

/** Show what was just taught until something is drawn. */
async function taught(words, drawings, { spent, energy_nj: nanojoules, cells }) {
  const pulses = spent.set_pulse ? `, ${plural(spent.set_pulse, "pulse")}` : "";
  answers.taught(words, `${drawings} so far${pulses}, ${energy(nanojoules ?? 0).join(" ")}`);
  hint();
  if (!cells) return;
  full ??= (await ask(`/api/cells?label=${encodeURIComponent(cells[0].label)}`)).full_scale_us;
  stage.taught(cells, full);
  for (const each of cells) view.crystallise(each, full);
}

function tell(words, place) {
  at("hint").textContent = words;
  at("hint").classList.add("missing");
  place.focus();
}

/** The class of this name; a memory taught elsewhere may spell it otherwise, with decomposed accents or spaces around. */
const classNamed = (name) =>
  memory.classes.find((each) => each.label === name) ??
  memory.classes.find((each) => spelling(each.label) === spelling(name));
const spelling = (name) => name.normalize("NFC").trim();

/** The name as the memory keeps it. */
const nameGiven = () => classNamed(at("name").value)?.label ?? spelling(at("name").value);

function hint() {
  const label = nameGiven();
  const known = label && classNamed(label);
  at("hint").classList.remove("missing");
  if (!label) at("hint").textContent = "Three to five drawings of each name make it reliable.";
  else if (!known) at("hint").textContent = "A new class.";
  else {
    const more = known.examples < 3 ? "three to five make it reliable" : "more make it surer still";
    at("hint").textContent = `${plural(known.examples, "drawing")} so far; ${more}.`;
  }
}

async function teachMany(labels, images) {
  const said = await change("/api/teach", { labels, images, cells: memory.cells });
  if (!said) return;
  if (!sheet.empty) return drawn(); // what was drawn before is asked about now
  await taught(plural(new Set(labels).size, "new class", "new classes"), plural(labels.length, "drawing"), said);
}

async function forget(label) {
  const dialog = at("confirm");
  at("confirm-title").textContent = `Forget ${label}?`;
  const devices = `The ${2 * memory.dim} devices of this class are RESET to glass.`;
  const lasting = "That cannot be undone: to know it again, it is taught again.";
  at("confirm-text").textContent = `${memory.cells ? devices : "Its column is erased."} ${lasting}`;
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  if (dialog.returnValue !== "forget") return;
  if (!(await change("/api/forget", { label }))) return;
  say(`Forgotten: ${label}.`);
  (at("classes").querySelector("button") ?? at("name")).focus();
  drawn();
}

// -- what the memory is -----------------------------------------------------------------------------------------------

/** Ask what the memory is now, and show it. */
async function refresh() {
  const before = memory && fingerprint(memory);
  memory = await ask("/api/memory");
  const images = memory.input === "image";
  at("about").textContent = `· ${memory.substrate}`;
  at("rows").textContent = memory.dim;
  at("bench").hidden = !images;
  at("lead").hidden = !images;
  at("vectors").hidden = images;
  if (!images) {
    at("title").textContent = "A memory you teach by example";
    const numbers = memory.features === null ? "of any length" : `of ${memory.features} numbers`;
    at("vectors").textContent = `It takes vectors ${numbers}, so there is nothing to draw: teach it through the ` +
      "interface. What it holds, what that has cost and what becomes of it is shown here.";
  }
  at("rest").hidden = false;
  at("gate").hidden = true;
  at("nothing").hidden = memory.classes.length > 0;
  at("machine").hidden = !memory.classes.length || !memory.cells;
  at("devices").hidden = !memory.cells;
  showLedger(at("ledger"), { ...memory, asked });
  if (fingerprint(memory) === before) return;
  view.sync(memory.classes, memory.cells, images ? "drawing" : "vector");
  examples.sync(memory.classes);
  at("names").replaceChildren(...memory.classes.map(({ label }) => make("option", { value: label })));
  machine.renew();
  hint();
}

const fingerprint = ({ classes, now_s }) => JSON.stringify([classes, now_s]);

function happened(event) {
  if (busy) return waiting.push(event);
  if (ours.delete(event.event)) return;
  refresh().then(() => {
    view.renew(event.labels ?? []);
    say(`${event.kind === "forget" ? "Forgotten" : "Taught"} elsewhere: ${(event.labels ?? []).join(", ")}.`);
    drawn();
  }, failed);
}

async function open() {
  try {
    await refresh();
    if (memory.input === "image") {
      const { sets } = await ask("/api/examples");
      examples.take(sets);
    }
    examples.sync(memory.classes);
    settled();
    drawn();
  } catch (error) {
    failed(error);
    return;
  }
  listen(happened, () => refresh().then(() => view.renew(memory.classes.map((each) => each.label)), failed));
}

// -- parts ------------------------------------------------------------------------------------------------------------

const answers = new Similarities({
  title: at("answer-title"), said: at("answer"), under: at("answer-under"), bars: at("bars"), note: at("bars-note"),
}, (label) => {
  at("name").value = label;
  hint();
  at("name").focus();
});
const view = new MemoryView(at("classes"), forget, failed);
const sheet = new Sheet(at("canvas"), drawn, () => {
  at("placeholder").hidden = true;
  clearTimeout(pause);
});
const examples = new Examples(
  { section: at("examples"), sets: at("sets"), note: at("offered"), thumbs: at("try"), tried: at("tried") },
  teachMany,
  (url) => fitted(blobOf(url)).then((image) => sheet.put(image), failed),
);
const stage = new Stage(at("stage"));
const machine = new TimeMachine(
  {
    section: at("machine"), age: at("age"), words: at("age-words"), stops: at("stops"), said: at("age-said"),
    accuracy: at("accuracy"), confidence: at("confidence"),
  },
  () => (memory?.input === "image" && !sheet.empty ? sheet.png() : null),
  (share, words) => view.look(share, words),
  failed,
);

takeImages(at("paper"), at("file"), at("choose"), (image) => sheet.put(image), failed);
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
