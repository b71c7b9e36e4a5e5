// Asking the service: JSON in, JSON out, the token beside it, and every failure one sentence.

const KEY = "insitu-token";

/** What the service refused, or that it did not answer; `message` is one line for the reader. */
export class Problem extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

/** Take the token out of the address, where others could read it over the shoulder, and keep it for this tab. */
export function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    keepToken(given);
    history.replaceState(null, "", location.pathname + location.search);
  }
}

export function keepToken(token) {
  sessionStorage.setItem(KEY, token);
}

export function headers() {
  const token = sessionStorage.getItem(KEY);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/** GET `path`, or POST `body` to it; returns what was answered, or throws a Problem. */
export async function ask(path, body, signal) {
  const options = { headers: headers(), signal, cache: "no-store" };
  if (body !== undefined) {
    options.method = "POST";
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("The memory does not answer. See whether insitu serve still runs; your drawing is kept.");
  }
  if (!response.ok) throw new Problem(await sentence(response), response.status);
  return response.json();
}

async function sentence(response) {
  const said = await response.json().catch(() => ({}));
  const text = [said.title, said.detail].filter((part) => typeof part === "string" && part).join(": ");
  return text || `The service answered ${response.status}.`;
}
