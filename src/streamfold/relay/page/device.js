// The engines on this device, in a worker: it may fetch what the page may not, and does not keep the page waiting.

import { interruptible } from "/learn/engines/engine.js";
import { Queue } from "/learn/engines/queue.js";

import { ChunkReader } from "./chunks.js";
import { Clock } from "./clock.js";

/** @typedef {import("/learn/engines/device.js").Model} Model */

const WORKER = "/learn/engines/worker.js";
/** A small model may never come to an end by itself; the relay's embedded engine has the same limit. */
const MAX_TOKENS = 1024;

/**
 * @typedef {object} Asked
 * @property {Model} model
 * @property {{role: string, content: string}[]} messages
 * @property {string[]} stop stop sequences
 * @property {AbortSignal} signal stops the model, or its download
 * @property {(progress: import("/learn/engines/engine.js").Progress) => void} onProgress
 * @property {() => void} onLoaded
 * @property {(records: import("./fold.js").GenerationRecord[]) => void | Promise<void>} onRecords
 */

/** One model at a time: another one takes its place. */
export class Device {
  #loaded = "";
  /** @type {Worker | null} */
  #worker = null;
  /** What the worker says. @type {Queue<any>} */
  #said = new Queue();

  /** Load the model if it is not there, ask it, and hand on the records of its reply; the last one is its end. @param {Asked} asked */
  async answer({ model, messages, stop, signal, onProgress, onLoaded, onRecords }) {
    const reader = new ChunkReader(stop);
    const clock = new Clock();
    let failure = null;
    try {
      await this.#load(model, signal, onProgress);
      onLoaded();
      clock.start();
      if (!signal.aborted) {
        for await (const chunk of this.#reply(messages, signal)) {
          const records = reader.feed(chunk);
          clock.mark(records.length);
          await onRecords(records);
          if (reader.ended) break;
        }
      }
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
      this.#drop(); // whatever state it is in: the next one is loaded anew, from what the browser has kept
    }
    const last = reader.close(failure, signal.aborted);
    clock.mark(last.length - 1);
    await onRecords(last.map((record) => (record.type === "end" ? { ...record, timing: clock.timing(record.usage) } : record)));
  }

  /** @param {Model} model @param {AbortSignal} signal @param {Asked["onProgress"]} onProgress */
  async #load(model, signal, onProgress) {
    const wanted = JSON.stringify(model);
    if (this.#loaded === wanted || signal.aborted) return;
    this.#drop();
    const said = (this.#said = new Queue());
    const worker = (this.#worker = new Worker(WORKER, { type: "module" }));
    worker.onmessage = ({ data }) => said.push(data);
    worker.onerror = ({ message }) => said.push({ error: message || "the engine could not be started" });
    const leave = () => {
      this.#drop();
      said.push({ done: true });
    };
    signal.addEventListener("abort", leave);
    try {
      for await (const { progress } of this.#asked({ load: model })) onProgress(progress);
      if (!signal.aborted) this.#loaded = wanted;
    } catch (error) {
      this.#drop();
      throw error;
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }

  /** @param {Asked["messages"]} messages @param {AbortSignal} signal */
  async *#reply(messages, signal) {
    const stop = () => this.#worker?.postMessage({ stop: true });
    signal.addEventListener("abort", stop);
    const options = { max_tokens: MAX_TOKENS };
    try {
      for await (const { chunk } of interruptible(this.#asked({ messages, options }), stop)) yield chunk;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /** Yield what the worker answers. @param {object} told */
  async *#asked(told) {
    const said = this.#said;
    this.#worker?.postMessage(told);
    for (let answer = await said.next(); !answer.done; answer = await said.next()) {
      if (answer.error !== undefined) throw new Error(answer.error);
      yield answer;
    }
  }

  #drop() {
    this.#worker?.terminate();
    [this.#worker, this.#loaded] = [null, ""];
  }
}
