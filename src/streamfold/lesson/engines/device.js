// The models that can run on this device: those that whoever serves the page has put there, and the smallest ones of
// WebLLM's own list.

import { MODELS, place } from "../places.js";
import { available } from "./webllm.js";

/**
 * @typedef {object} Model plain data: it can be kept, and sent to a worker
 * @property {"webllm" | "wllama"} engine
 * @property {string} id
 * @property {number} megabytes what is fetched the first time
 * @property {string} host where that comes from
 * @property {object[]} [list] for WebLLM: the records of models that it does not know
 * @property {string} [file] for wllama: where the GGUF file is
 */

/** What an engine runs on. */
export const UNITS = { webllm: "graphics card", wllama: "processor" };

/** What is offered where `models.json` names no models for WebLLM. */
const WEBLLM = [
  { id: "SmolLM2-135M-Instruct-q0f32-MLC", megabytes: 540 },
  { id: "SmolLM2-360M-Instruct-q4f32_1-MLC", megabytes: 210 },
  { id: "Qwen2.5-0.5B-Instruct-q4f32_1-MLC", megabytes: 290 },
];

/** What this browser can run; over http from another machine it lets no page keep a model. @returns {Promise<Model[]>} */
export async function models() {
  if (!isSecureContext) return [];
  const { webllm = WEBLLM, wllama = [] } = await listed();
  return [...((await available()) ? webllm.map(forWebLLM) : []), ...wllama.map(forWllama)];
}

/** Return what is in `models.json`: `{"webllm": [{id, megabytes, list}], "wllama": [{id, megabytes, file}]}`. @returns {Promise<any>} */
async function listed() {
  try {
    const response = await fetch(MODELS);
    return response.ok ? await response.json() : {};
  } catch {
    return {};
  }
}

/** @param {any} model @returns {Model} */
function forWebLLM({ id, megabytes, list }) {
  if (!list) return { engine: "webllm", id, megabytes, host: "huggingface.co" };
  const records = list.map((/** @type {any} */ record) => ({
    ...record,
    model: new URL(record.model, MODELS).href,
    model_lib: new URL(record.model_lib, MODELS).href,
  }));
  return { engine: "webllm", id, megabytes, host: new URL(records[0].model).host, list: records };
}

/** @param {any} model @returns {Model} */
function forWllama({ id, megabytes, file }) {
  const { href, host } = new URL(file, MODELS);
  return { engine: "wllama", id, megabytes, host, file: href };
}

/**
 * Load a model; the first time it is fetched, and then the browser keeps it.
 *
 * @param {Model} model
 * @param {(progress: import("./engine.js").Progress) => void} onProgress
 * @returns {Promise<import("./engine.js").Engine>}
 */
export async function open({ engine, id, list, file = "" }, onProgress) {
  if (engine === "webllm") {
    const module = `${await place("web-llm")}index.js`;
    return (await import("./webllm.js")).load({ id, module, list }, onProgress);
  }
  const folder = await place("wllama");
  const where = { module: `${folder}index.js`, wasm: `${folder}wasm/wllama.wasm` };
  return (await import("./wllama.js")).load({ id, file, ...where }, onProgress);
}
