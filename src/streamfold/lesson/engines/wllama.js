// wllama: llama.cpp in WebAssembly, on the processor of this device, for a GGUF file.

import { Queue } from "./queue.js";

/** Tokens of a conversation that the model sees; more memory, and a slower start, buy more. */
const CONTEXT = 4096;

/**
 * @typedef {object} Model
 * @property {string} id
 * @property {string} file where the GGUF file is
 * @property {string} module the address of wllama's module
 * @property {string} wasm where its wllama.wasm is
 */

/**
 * @param {Model} model
 * @param {(progress: import("./engine.js").Progress) => void} onProgress
 * @returns {Promise<import("./engine.js").Engine>}
 */
export async function load(model, onProgress) {
  const { Wllama } = await import(model.module);
  const wllama = new Wllama({ default: model.wasm }, { suppressNativeLog: true });
  await wllama.loadModelFromUrl(model.file, {
    n_ctx: CONTEXT,
    n_gpu_layers: 0,
    progressCallback: (/** @type {{loaded: number, total: number}} */ { loaded, total }) =>
      onProgress({ fraction: loaded / total, text: loaded < total ? `Fetching, ${Math.round((100 * loaded) / total)} %` : "Starting" }),
  });
  let controller = new AbortController();
  return {
    model: model.id,
    async *chat(messages, options = {}) {
      controller = new AbortController();
      yield* streamed(wllama, { ...options, messages, stream_options: { include_usage: true } }, controller);
    },
    stop: () => controller.abort(),
    unload: () => wllama.exit(),
  };
}

/**
 * Yield the chunks of a reply. wllama calls back with them and generates on whether or not anybody reads; only its
 * `abortSignal` stops it, and then it throws.
 *
 * @param {any} wllama
 * @param {object} request
 * @param {AbortController} controller
 * @returns {AsyncGenerator<import("./engine.js").Chunk>}
 */
async function* streamed(wllama, request, controller) {
  /** @type {Queue<object | null>} a chunk, or the end */
  const chunks = new Queue();
  let ended = false;
  const onData = (/** @type {object} */ chunk) => chunks.push(chunk);
  const done = wllama
    .createChatCompletion({ ...request, stream: true, onData, abortSignal: controller.signal })
    .catch((/** @type {unknown} */ error) => {
      if (!controller.signal.aborted) throw error;
    })
    .finally(() => {
      ended = true;
      chunks.push(null);
    });
  done.catch(() => {}); // it is awaited below; until then nobody need hear of it
  try {
    for (let chunk = await chunks.next(); chunk; chunk = await chunks.next()) yield chunk;
    if (controller.signal.aborted) yield { choices: [{ index: 0, delta: {}, finish_reason: "abort" }] };
  } finally {
    if (!ended) controller.abort();
    await done;
  }
}
