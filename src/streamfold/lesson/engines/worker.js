// An engine in a worker of its own: out of the page's way, and with a policy of its own, so that the page itself need not
// be allowed what an engine needs. Told {load: Model}, it answers {progress}s; told {messages, options}, {chunk}s; each
// ends with {done: true} or {error}. Told {stop: true} it stops the reply.

import { open } from "./device.js";

/** @type {import("./engine.js").Engine | undefined} */
let engine;

/** @param {any} told @returns {Promise<void>} */
async function work({ load, messages, options }) {
  if (load) engine = await open(load, (progress) => postMessage({ progress }));
  else if (!engine) throw new Error("no model is loaded");
  else for await (const chunk of engine.chat(messages, options)) postMessage({ chunk });
}

onmessage = async ({ data }) => {
  if (data.stop) return engine?.stop();
  try {
    await work(data);
    postMessage({ done: true });
  } catch (error) {
    postMessage({ error: String(error instanceof Error ? error.message : error) });
  }
};
