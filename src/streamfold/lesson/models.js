// The models a reader can choose from: the server's, and those on this device.

import { models, open, UNITS } from "./engines/device.js";
import { engines } from "./engines/relay.js";

/**
 * @typedef {object} Choice
 * @property {string} name what the reader reads
 * @property {number} megabytes what is fetched the first time; 0 for the server's
 * @property {() => Promise<import("./engines/engine.js").Engine>} open
 *
 * @typedef {(progress: import("./engines/engine.js").Progress) => void} OnProgress
 */

const ENGINES = { webllm: "WebLLM", wllama: "wllama" };

/** @param {OnProgress} onProgress @returns {Promise<Choice[]>} */
export async function choices(onProgress) {
  const served = (await engines()).map(({ name, model }) => ({
    name: `${model}, on the server`,
    megabytes: 0,
    open: async () => (await import("./engines/relay.js")).load({ id: model, name }),
  }));
  const here = (await models()).map((model) => ({
    name: `${model.id}, on this device's ${UNITS[model.engine]} (${ENGINES[model.engine]})`,
    megabytes: model.megabytes,
    open: () => open(model, onProgress),
  }));
  return [...served, ...here];
}
