// Follow a generation to its end: over cuts, reloads and time offline, no record is lost and none comes twice.

import { SSE } from "./sse.js";

/** Milliseconds: the first wait after a cut is no longer; then it doubles. */
const FIRST_WAIT = 250;
/** Milliseconds: no wait is longer. */
const MAX_WAIT = 8000;
/** Milliseconds without a byte after which a connection counts as dead; the server says something every 15 seconds. */
const PATIENCE = 40_000;
/** Answers that asking again may change; so may every 5xx. */
const PASSING = new Set([408, 409, 425, 429]);

/**
 * @typedef {import("./fold.js").GenerationRecord} GenerationRecord
 *
 * @typedef {object} Followed
 * @property {string} url where the events are
 * @property {() => Record<string, string>} [headers] to be sent along
 * @property {AbortSignal} signal stops the following, not the generation
 * @property {(records: GenerationRecord[]) => void} onRecords
 * @property {(connected: boolean) => void} [onConnection]
 */

/** What the server will not give, however often it is asked. */
export class RefusedError extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Where a reader stands in the numbered records of a log. Pure: it decides, others wait and ask. */
export class Position {
  /** The number of the last record that was taken. */
  last = 0;
  ended = false;

  /**
   * Return the records of `events` that are new. They are numbered from 1, so what was read before is known, and so is
   * a gap.
   *
   * @param {import("./sse.js").ServerSentEvent[]} events
   * @returns {GenerationRecord[]}
   */
  take(events) {
    const records = [];
    for (const { id, data } of events) {
      const number = Number(id);
      if (number <= this.last) continue;
      if (number !== this.last + 1) {
        if (records.length > 0) break; // these first: the next event fails
        throw new Error(`record ${id} came after record ${this.last}`);
      }
      const record = JSON.parse(data);
      records.push(record);
      this.last = number;
      this.ended ||= record.type === "end";
    }
    return records;
  }
}

/** How long to wait before the next attempt: half of a limit that doubles, and a random share of the other half. */
export class Backoff {
  #failures = 0;

  /** Return the milliseconds to wait after one more failure. @param {number} random from 0 to 1 */
  wait(random) {
    const limit = Math.min(MAX_WAIT, FIRST_WAIT * 2 ** this.#failures++);
    return (limit / 2) * (1 + random);
  }

  reset() {
    this.#failures = 0;
  }
}

/**
 * Follow a generation until its end was read.
 *
 * @param {Followed} followed
 * @throws {RefusedError} the log is gone, or is not ours to read
 */
export async function follow({ url, headers, signal, onRecords, onConnection }) {
  const position = new Position();
  const backoff = new Backoff();
  while (!position.ended && !signal.aborted) {
    try {
      await connect(position, url, { ...headers?.() }, signal, (records) => {
        backoff.reset();
        onConnection?.(true);
        onRecords(records);
      });
    } catch (error) {
      if (error instanceof RefusedError) throw error;
      onConnection?.(false); // a response that ends in order, as servers do from time to time, is no news
    }
    if (position.ended || signal.aborted) return;
    await pause(backoff.wait(Math.random()), signal);
  }
}

/**
 * Read one response until it is cut.
 *
 * @param {Position} position
 * @param {string} url
 * @param {Record<string, string>} headers
 * @param {AbortSignal} signal
 * @param {(records: GenerationRecord[]) => void} onRecords
 */
async function connect(position, url, headers, signal, onRecords) {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), PATIENCE);
  const leave = onceOffline(() => silence.abort());
  try {
    if (position.last > 0) headers["Last-Event-ID"] = String(position.last);
    const left = AbortSignal.any([signal, silence.signal]);
    const response = await fetch(url, { headers, cache: "no-store", signal: left });
    if (response.status === 204) return void (position.ended = true);
    if (!response.ok || !response.body) return await refuse(response);
    const sse = new SSE();
    const reader = response.body.getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), PATIENCE);
      onRecords(position.take(sse.feed(read.value)));
      if (position.ended) return await reader.cancel();
    }
  } finally {
    clearTimeout(timer);
    leave();
  }
}

/** Throw what a response says that is not the one hoped for. @param {Response} response @returns {Promise<never>} */
export async function refuse(response) {
  const said = await response.json().catch(() => null);
  const message = said?.error?.message ?? `the server answers ${response.status}`;
  if (response.status >= 500 || PASSING.has(response.status)) throw new Error(message);
  throw new RefusedError(response.status, message);
}

/**
 * Wait; shorter if the device comes online meanwhile.
 *
 * @param {number} milliseconds
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
export function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const go = () => {
      clearTimeout(timer);
      globalThis.removeEventListener?.("online", go);
      signal.removeEventListener("abort", go);
      resolve();
    };
    const timer = setTimeout(go, milliseconds);
    globalThis.addEventListener?.("online", go);
    signal.addEventListener("abort", go);
    if (signal.aborted) go();
  });
}

/** Without a network a connection is not cut, but stays silent for minutes. @param {() => void} leave */
function onceOffline(leave) {
  globalThis.addEventListener?.("offline", leave);
  return () => globalThis.removeEventListener?.("offline", leave);
}
