// The engines of the server that serves the page: `streamfold serve`.

import { interruptible } from "./engine.js";

/** @type {Record<string, string>} a verdict of the server's, in the words of OpenAI's API */
const REASONS = { length: "length", cancelled: "abort", tool_calls: "tool_calls", filtered: "content_filter" };

/** The server's engines; none where the page lies on a plain file server. @returns {Promise<{name: string, model: string}[]>} */
export async function engines() {
  try {
    const response = await fetch("/engines");
    return response.ok ? (await response.json()).engines : [];
  } catch {
    return [];
  }
}

/**
 * @param {{id: string, name: string}} model
 * @returns {Promise<import("./engine.js").Engine>}
 */
export async function load({ id, name }) {
  let cancel = () => {};
  return {
    model: id,
    async *chat(messages, options = {}) {
      const { url } = await sent("/generations", { engine: name, messages, ...options });
      cancel = () => void sent(`${url}/cancel`, {});
      yield* interruptible(chunks(`${url}/events`), cancel);
    },
    stop: () => cancel(),
    unload: async () => {},
  };
}

/** @param {string} url @param {object} body @returns {Promise<any>} */
async function sent(url, body) {
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`the server answers ${response.status}: ${await response.text()}`);
  return response.json();
}

/**
 * Yield the text of the server's events as chunks. The browser reconnects by itself where the connection is cut.
 *
 * @param {string} url
 * @returns {AsyncGenerator<import("./engine.js").Chunk>}
 */
async function* chunks(url) {
  const source = new EventSource(url);
  /** @type {any[]} */
  const waiting = [];
  let wake = () => {};
  source.onmessage = ({ data }) => {
    waiting.push(JSON.parse(data));
    wake();
  };
  source.onerror = () => {
    if (source.readyState !== EventSource.CLOSED) return;
    waiting.push({ type: "end", error: "the server closed the stream" });
    wake();
  };
  try {
    while (true) {
      if (waiting.length === 0) await new Promise((resolve) => (wake = () => resolve(undefined)));
      const event = waiting.shift();
      if (event?.type === "text") yield { choices: [{ index: 0, delta: { content: event.text } }] };
      if (event?.type !== "end") continue;
      if (event.error) throw new Error(String(event.error.message ?? event.error));
      return yield { choices: [{ index: 0, delta: {}, finish_reason: REASONS[event.verdict] ?? "stop" }] };
    }
  } finally {
    source.close();
  }
}
