// The relay's own API, as the page uses it (docs/relay.md).

import { refuse } from "./stream.js";

const TOKEN = "streamfold-token";

/** @typedef {{name: string, model: string | null}} Engine */

/** Keep the server's token for as long as the tab is open. @param {string} token */
export function useToken(token) {
  sessionStorage.setItem(TOKEN, token);
}

/** @returns {Record<string, string>} */
export function headers() {
  const token = sessionStorage.getItem(TOKEN);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/** @returns {Promise<Engine[]>} */
export async function engines() {
  const response = await fetch("/engines", { headers: headers() });
  return response.ok ? (await response.json()).engines : refuse(response);
}

/**
 * Begin a generation, or find the one that was begun with the same key.
 *
 * @param {object} body
 * @param {string} key
 * @param {AbortSignal} signal
 * @returns {Promise<{id: string, url: string}>}
 */
export async function start(body, key, signal) {
  const told = { ...headers(), "Content-Type": "application/json", "Idempotency-Key": key };
  const response = await fetch("/generations", { method: "POST", headers: told, body: JSON.stringify(body), signal });
  return response.ok ? response.json() : refuse(response);
}

/** Ask the model to stop. @param {string} id */
export async function cancel(id) {
  const response = await fetch(`/generations/${id}/cancel`, { method: "POST", headers: headers(), keepalive: true });
  if (!response.ok) await refuse(response);
}
