// Server-sent events, read through fetch: EventSource cannot send a token.

import { headers } from "./api.js";

const LONGEST_MS = 30_000;

/** Call `received({kind, ...data})` for every event, and `reconnected()` after an interruption. */
export async function listen(received, reconnected) {
  for (let wait = 1000, cut = false; ; wait = Math.min(2 * wait, LONGEST_MS)) {
    try {
      const response = await fetch("api/events", { headers: headers(), cache: "no-store" });
      if (response.status === 401) return;
      if (response.ok) {
        if (cut) reconnected();
        wait = 1000;
        await read(response.body, received);
      }
    } catch {
      // the server stopped or the network failed; retry below
    }
    cut = true;
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

async function read(body, received) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split(/\r?\n\r?\n/);
    rest = blocks.pop();
    for (const block of blocks) {
      const event = parsed(block);
      if (event) received(event);
    }
  }
}

function parsed(block) {
  let kind = "message";
  const data = [];
  for (const line of block.split(/\r?\n/)) {
    if (line.startsWith("event:")) kind = line.slice(6).trim();
    if (line.startsWith("data:")) data.push(line.slice(5));
  }
  return data.length ? { kind, ...JSON.parse(data.join("\n")) } : null;
}
