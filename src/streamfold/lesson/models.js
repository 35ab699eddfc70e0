// The models a reader can choose from: the server's, those on this device, those that whoever serves the page has put there.

import { engines } from "./engines/relay.js";
import { available } from "./engines/webllm.js";
import { MODELS, place } from "./places.js";

/**
 * @typedef {object} Choice
 * @property {string} name what the reader reads
 * @property {number} megabytes what is fetched the first time; 0 for the server's
 * @property {() => Promise<import("./engines/engine.js").Engine>} open
 *
 * @typedef {(progress: import("./engines/engine.js").Progress) => void} OnProgress
 */

/** Models of WebLLM's own list, the smallest ones. */
const WEBLLM = [
  { id: "SmolLM2-135M-Instruct-q0f32-MLC", megabytes: 540 },
  { id: "SmolLM2-360M-Instruct-q4f32_1-MLC", megabytes: 210 },
  { id: "Qwen2.5-0.5B-Instruct-q4f32_1-MLC", megabytes: 290 },
];

/** @param {OnProgress} onProgress @returns {Promise<Choice[]>} */
export async function choices(onProgress) {
  const own = await listed();
  const served = (await engines()).map(({ name, model }) => ({
    name: `${model}, on the server`,
    megabytes: 0,
    open: async () => (await import("./engines/relay.js")).load({ id: model, name }),
  }));
  const onGraphics = (await available()) ? [...own.webllm, ...WEBLLM] : [];
  return [
    ...served,
    ...onGraphics.map((model) => webllm(model, onProgress)),
    ...own.wllama.map((/** @type {any} */ model) => wllama(model, onProgress)),
  ];
}

/** Return what lies beside the page: `{"webllm": [{id, megabytes, list}], "wllama": [{id, megabytes, file}]}`. @returns {Promise<any>} */
async function listed() {
  const none = { webllm: [], wllama: [] };
  try {
    const response = await fetch(MODELS);
    return response.ok ? { ...none, ...(await response.json()) } : none;
  } catch {
    return none;
  }
}

/** @param {any} model @param {OnProgress} onProgress @returns {Choice} */
function webllm({ id, megabytes, list }, onProgress) {
  const absolute = list?.map((/** @type {any} */ record) => ({
    ...record,
    model: new URL(record.model, MODELS).href,
    model_lib: new URL(record.model_lib, MODELS).href,
  }));
  return {
    name: `${id}, on this device's graphics card (WebLLM)`,
    megabytes,
    open: async () => {
      const module = `${await place("web-llm")}index.js`;
      return (await import("./engines/webllm.js")).load({ id, module, list: absolute }, onProgress);
    },
  };
}

/** @param {any} model @param {OnProgress} onProgress @returns {Choice} */
function wllama({ id, megabytes, file }, onProgress) {
  return {
    name: `${id}, on this device's processor (wllama)`,
    megabytes,
    open: async () => {
      const folder = await place("wllama");
      const where = { module: `${folder}index.js`, wasm: `${folder}wasm/wllama.wasm` };
      return (await import("./engines/wllama.js")).load({ id, file: new URL(file, MODELS).href, ...where }, onProgress);
    },
  };
}
