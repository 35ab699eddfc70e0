// The chunks of an engine on this device, shaped as in OpenAI's chat completions API, into the records that the relay
// writes of such a stream (docs/relay.md, "Records"): reasoning split off, stop sequences found wherever they lie.

import { StopMatcher } from "./stops.js";
import { ThinkingSplitter } from "./thinking.js";

/** @typedef {import("./fold.js").GenerationRecord} GenerationRecord */

/** @type {Record<string, string>} a finish reason, as a verdict */
const VERDICTS = { stop: "complete", length: "length", abort: "cancelled", tool_calls: "tool_calls" };

export class ChunkReader {
  /** Whether a stop sequence was found: the rest is not wanted. */
  ended = false;
  #thinking = new ThinkingSplitter();
  #stops;
  /** Characters of the answer so far. */
  #size = 0;
  /** @type {{output_tokens?: number, input_tokens?: number}} */
  #usage = {};
  #reason = "";

  /** @param {string[]} stops in order of precedence */
  constructor(stops) {
    this.#stops = new StopMatcher(stops);
  }

  /** Return what can be shown now. @param {any} chunk @returns {GenerationRecord[]} */
  feed({ choices, usage }) {
    if (usage) this.#usage = { output_tokens: usage.completion_tokens, input_tokens: usage.prompt_tokens };
    const { delta, finish_reason: reason } = choices?.[0] ?? {};
    this.#reason = reason ?? this.#reason;
    const reasoning = delta?.reasoning_content ? [{ type: "reasoning", text: delta.reasoning_content }] : [];
    return [...reasoning, ...this.#read(this.#thinking.feed(delta?.content ?? ""))];
  }

  /**
   * End the reply; return what was held back, and how it ended. Without a finish reason it broke off.
   *
   * @param {string | null} error what went wrong
   * @param {boolean} cancelled whether it was stopped by the reader
   * @returns {GenerationRecord[]}
   */
  close(error = null, cancelled = false) {
    const held = this.#read(this.#thinking.close());
    const rest = this.#stops.close();
    if (rest) held.push({ type: "text", text: rest });
    const stop = this.#stops.match === null ? null : { string: this.#stops.match, offset: this.#size };
    const finished = error === null ? VERDICTS[this.#reason] : undefined;
    const broken = cancelled ? "cancelled" : error === null ? "truncated" : "errored";
    const verdict = stop ? "stopped" : (finished ?? broken);
    const told = error !== null && verdict === "errored" ? { type: "engine", message: error } : null;
    return [...held, { type: "end", verdict, stop, usage: this.#usage, timing: null, error: told }];
  }

  /** @param {import("./thinking.js").Piece[]} pieces @returns {GenerationRecord[]} */
  #read(pieces) {
    const records = pieces.map(({ type, text }) => ({ type, text: type === "text" ? this.#stops.feed(text) : text }));
    for (const { type, text } of records) if (type === "text") this.#size += [...text].length;
    this.ended ||= this.#stops.match !== null;
    return records.filter(({ text }) => text !== "");
  }
}
