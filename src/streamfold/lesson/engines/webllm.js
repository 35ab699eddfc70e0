// WebLLM: a model on the graphics card of this device, through WebGPU. Model ids are those of WebLLM's own list.

import { interruptible } from "./engine.js";

/** Whether this browser lets a page use the graphics card. */
export async function available() {
  return Boolean(await /** @type {any} */ (navigator).gpu?.requestAdapter());
}

/**
 * @typedef {object} Model
 * @property {string} id
 * @property {string} module the address of WebLLM's module
 * @property {object[]} [list] the records of models that WebLLM does not know
 */

/**
 * @param {Model} model
 * @param {(progress: import("./engine.js").Progress) => void} onProgress
 * @returns {Promise<import("./engine.js").Engine>}
 */
export async function load(model, onProgress) {
  const { CreateMLCEngine, prebuiltAppConfig } = await import(model.module);
  const engine = await CreateMLCEngine(model.id, {
    appConfig: model.list ? { model_list: model.list } : prebuiltAppConfig,
    initProgressCallback: (/** @type {{progress: number, text: string}} */ { progress, text }) =>
      onProgress({ fraction: progress, text: `${text.split(/[[:.]/)[0]}, ${Math.round(100 * progress)} %` }),
  });
  return {
    model: model.id,
    async *chat(messages, options = {}) {
      const request = { ...options, messages, stream: true, stream_options: { include_usage: true } };
      const chunks = await engine.chat.completions.create(request);
      yield* interruptible(chunks, () => engine.interruptGenerate());
    },
    stop: () => void engine.interruptGenerate(),
    unload: () => engine.unload(),
  };
}
