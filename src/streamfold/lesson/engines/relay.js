// The engines of the server that serves the page: `streamfold serve`.

import { interruptible } from "./engine.js";
import { Queue } from "./queue.js";

/** @type {Record<string, string>} a verdict of the server's, in the words of OpenAI's API; the others are errors */
const REASONS = {
  complete: "stop",
  stopped: "stop",
  length: "length",
  tool_calls: "tool_calls",
  filtered: "content_filter",
  refused: "content_filter",
  cancelled: "abort",
};

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
      let wished = false;
      cancel = () => void (wished = true);
      const begun = await sent("/generations", { engine: name, messages, ...options });
      cancel = () => void sent(`/generations/${begun.id}/cancel`, {});
      if (wished) cancel();
      yield* interruptible(chunks(begun.url), cancel);
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
  /** @type {Queue<any>} */
  const events = new Queue();
  source.onmessage = ({ data }) => events.push(JSON.parse(data));
  source.onerror = () => {
    const error = { message: "the server closed the stream" };
    if (source.readyState === EventSource.CLOSED) events.push({ type: "end", verdict: "errored", error });
  };
  try {
    while (true) {
      const event = await events.next();
      if (event.type === "text") yield { choices: [{ index: 0, delta: { content: event.text } }] };
      if (event.type !== "end") continue;
      const reason = REASONS[event.verdict];
      if (!reason) throw new Error(event.error?.message ?? `the reply is ${event.verdict}`);
      return yield { choices: [{ index: 0, delta: {}, finish_reason: reason }] };
    }
  } finally {
    source.close();
  }
}
