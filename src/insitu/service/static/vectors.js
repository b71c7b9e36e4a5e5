// Vectors as text: CSV with an optional label in the first or last column, or JSON.

import { ServiceError } from "./api.js";

/** Return the vectors in a text: [{label, item}], `label` undefined where the text has none. */
export function parseVectors(text, name = "This text") {
  const rows = /^\s*[[{]/.test(text) ? fromJson(text, name) : fromCsv(text, name);
  if (!rows.length) throw new ServiceError(`${name} holds no numbers.`);
  const lengths = new Set(rows.map(({ item }) => item.length));
  if (lengths.size > 1) {
    throw new ServiceError(`${name} has rows of ${[...lengths].slice(0, 3).join(" and ")} numbers; all rows have one length.`);
  }
  return rows;
}

function fromJson(text, name) {
  let given;
  try {
    given = JSON.parse(text);
  } catch {
    throw new ServiceError(`${name} is not valid JSON.`);
  }
  if (given.vectors) given = given.vectors.map((item, row) => ({ item, label: given.labels?.[row] }));
  if (typeof given[0] === "number") given = [given];
  if (!Array.isArray(given)) given = [given];
  return given.map((row, number) => {
    const item = row.item ?? row.vector ?? row;
    if (!Array.isArray(item) || !item.every(Number.isFinite)) {
      throw new ServiceError(`${name}: row ${number + 1} is not a list of numbers.`);
    }
    return { item, label: row.label === undefined ? undefined : String(row.label) };
  });
}

function fromCsv(text, name) {
  const lines = text.split(/\r?\n/).map((line, number) => [line.trim(), number + 1]).filter(([line]) => line);
  const cells = lines.map(([line]) => line.split(/[,;\t]/.test(line) ? /\s*[,;\t]\s*/ : /\s+/).filter(Boolean));
  const isNumber = (cell) => Number.isFinite(Number(cell));
  const header = cells.length > 1 && !cells[0].some(isNumber);
  return cells.slice(header ? 1 : 0).map((row, place) => {
    const odd = row.map(isNumber).indexOf(false), last = row.map(isNumber).lastIndexOf(false);
    if (odd !== last || (odd > 0 && odd < row.length - 1)) {
      const line = lines[place + (header ? 1 : 0)][1];
      throw new ServiceError(`${name}, line ${line}: "${row[last].slice(0, 20)}" is not a number.`);
    }
    const label = odd < 0 ? undefined : row[odd].replace(/^"(.*)"$/, "$1");
    return { item: row.filter((_, column) => column !== odd).map(Number), label };
  }).filter(({ item }) => item.length);
}
