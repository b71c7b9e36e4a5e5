// Requests to the service: JSON in, JSON out, with the token; every failure has a one-line message.

const KEY = `insitu-token ${location.pathname}`; // memories of a server may have tokens of their own

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
  sessionStorage.setItem(KEY, token);
}

export function headers() {
  const token = sessionStorage.getItem(KEY);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/** GET `path`, or POST `body` to it; returns the reply, or throws a ServiceError. */
export async function request(path, body, signal) {
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
    throw new ServiceError("The server does not answer. Check that insitu serve is running; your drawing is not lost.");
  }
  if (!response.ok) throw new ServiceError(await errorText(response), response.status);
  return response.json();
}

async function errorText(response) {
  const problem = await response.json().catch(() => ({}));
  const text = [problem.title, problem.detail].filter((part) => typeof part === "string" && part).join(": ");
  return text || `The server replied with status ${response.status}.`;
}
