// Requests to the service: JSON in, JSON out, with the token; every failure has a one-line message.

// a memory of a folder may have a token of its own; else that of the server, whose page is two levels up, opens it
const key = (path) => `insitu-token ${path}`;
const HERE = location.pathname, ABOVE = HERE.replace(/m\/[^/]+\/$/, "");

/** An error of the service or the connection; `message` is one line for the user. */
export class ServiceError extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

/** Move the token from the address, where it is visible, to the storage of this tab. */
export function takeToken() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) {
    keepToken(token);
    history.replaceState(null, "", location.pathname + location.search);
  }
}

export function keepToken(token) {
  sessionStorage.setItem(key(HERE), token);
}

export function headers() {
  const token = sessionStorage.getItem(key(HERE)) ?? sessionStorage.getItem(key(ABOVE));
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/** GET `path`, or POST `body` to it; returns the reply, or throws a ServiceError. */
export function request(path, body, signal) {
  if (body === undefined) return send("GET", path, undefined, undefined, signal);
  return send("POST", path, JSON.stringify(body), "application/json", signal);
}

/** Send a request of any method; returns the reply, or throws a ServiceError. */
export async function send(method, path, body, type, signal) {
  const options = { method, body, headers: headers(), signal, cache: "no-store" };
  if (type) options.headers["Content-Type"] = type;
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServiceError("The server does not answer. Check that insitu serve is running; nothing here is lost.");
  }
  if (!response.ok) throw new ServiceError(await errorText(response), response.status);
  return response.json();
}

async function errorText(response) {
  const problem = await response.json().catch(() => ({}));
  const text = [problem.title, problem.detail].filter((part) => typeof part === "string" && part).join(": ");
  return text || `The server replied with status ${response.status}.`;
}
