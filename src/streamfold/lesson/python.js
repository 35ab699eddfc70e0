// The page's side of the worker: tasks as promises, and an end to what does not end by itself.

import { place, STREAMFOLD } from "./places.js";

/**
 * @typedef {object} Live what a task over a live stream needs
 * @property {() => Promise<string | undefined>} pull the next chunk; undefined after the last one
 * @property {(token: string) => void} onToken
 */

export class Stopped extends Error {}

export class Python {
  /** Whether Python can wait for a chunk: then live streams are consumed as they come. */
  canWait = false;
  /** @type {Worker | undefined} */
  #worker;
  /** @type {Promise<unknown> | undefined} */
  #started;
  /** @type {Map<number, {resolve: (value: any) => void, reject: (error: Error) => void, live?: Live}>} */
  #tasks = new Map();
  #n = 0;

  /** Load Python, if that has not begun yet. */
  start() {
    this.#started ??= this.#start();
    return this.#started;
  }

  /** End whatever runs. Python is loaded anew at the next task, or by `start`. */
  stop() {
    this.#worker?.terminate();
    this.#worker = this.#started = undefined;
    for (const { reject } of this.#tasks.values()) reject(new Stopped("stopped"));
    this.#tasks.clear();
  }

  /** @param {string} code @returns {Promise<{name: string, passed: boolean, why: string}[]>} */
  async grade(code) {
    await this.start();
    return this.#run({ task: "grade", code });
  }

  /** @param {string} code @param {string[]} chunks @param {string | null} stop @returns {Promise<[string, any][]>} */
  async trace(code, chunks, stop) {
    await this.start();
    return this.#run({ task: "trace", code, chunks, stop });
  }

  /** @param {string | null} code @param {string | null} stop @param {Live} live @returns {Promise<any>} */
  async live(code, stop, live) {
    await this.start();
    return this.#run({ task: "live", code, stop }, live);
  }

  async #start() {
    const pyodide = await place("pyodide");
    this.#worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    this.#worker.onmessage = ({ data }) => this.#heard(data);
    this.canWait = await this.#run({ task: "start", pyodide, streamfold: STREAMFOLD });
  }

  /** @param {Record<string, unknown>} task @param {Live} [live] @returns {Promise<any>} */
  #run(task, live) {
    const id = ++this.#n;
    return new Promise((resolve, reject) => {
      this.#tasks.set(id, { resolve, reject, live });
      this.#worker?.postMessage({ ...task, id });
    });
  }

  /** @param {{id: number, pull?: true, token?: string, result?: unknown, error?: string}} said */
  async #heard(said) {
    const task = this.#tasks.get(said.id);
    if (!task) return;
    if (said.token !== undefined) task.live?.onToken(said.token);
    else if (said.pull) await this.#give(said.id, /** @type {Live} */ (task.live));
    else {
      this.#tasks.delete(said.id);
      if (said.error !== undefined) task.reject(new Error(said.error));
      else task.resolve(said.result);
    }
  }

  /** @param {number} id @param {Live} live */
  async #give(id, live) {
    try {
      this.#worker?.postMessage({ chunk: await live.pull() });
    } catch (error) {
      this.#tasks.get(id)?.reject(/** @type {Error} */ (error));
      this.#tasks.delete(id);
      this.stop();
    }
  }
}
