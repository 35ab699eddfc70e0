// The last part of the lesson: the reader's code over the stream of a real model.

import { choices } from "./models.js";

/** @param {string} selector @returns {any} */
const $ = (selector) => document.querySelector(selector);

const MAX_TOKENS = 200;
const GRACE = 3_000; // milliseconds from a stopped model to the end of the reader's code

export class Live {
  /** @type {import("./models.js").Choice[]} */
  #choices = [];
  /** @type {Map<import("./models.js").Choice, Promise<import("./engines/engine.js").Engine>>} */
  #open = new Map();
  /** @type {import("./engines/engine.js").Engine | undefined} */
  #engine;
  #asked = 0;

  /**
   * @param {import("./python.js").Python} python
   * @param {import("./stage.js").Stage} stage
   * @param {() => string} code the reader's code as it is now
   */
  constructor(python, stage, code) {
    this.python = python;
    this.stage = stage;
    this.code = code;
  }

  /** Offer the models that are within reach. */
  async offer() {
    this.#choices = await choices((progress) => this.#progress(progress));
    $("#no-model").hidden = this.#choices.length > 0;
    $("#live").hidden = this.#choices.length === 0;
    $("#model").replaceChildren(...this.#choices.map(option));
    $("#live").addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      void this.#ask();
    });
    $("#quit").addEventListener("click", () => this.#stop());
  }

  /** Stop the model, and the reader's code as well, should it not come to its end then. */
  #stop() {
    this.#engine?.stop();
    const asked = this.#asked;
    setTimeout(() => {
      if (asked === this.#asked && $("#ask").disabled) this.python.stop();
    }, GRACE);
  }

  async #ask() {
    if ($("#ask").disabled) return;
    $("#ask").disabled = true;
    this.#asked++;
    try {
      const engine = await this.#engineOf(this.#choices[$("#model").selectedIndex]);
      this.#engine = engine;
      await this.python.start();
      $("#quit").disabled = false;
      await this.#consume(engine);
    } catch (error) {
      say(String(error instanceof Error ? error.message : error));
    } finally {
      $("#ask").disabled = false;
      $("#quit").disabled = true;
      $("#progress").hidden = true;
    }
  }

  /** @param {import("./models.js").Choice} choice */
  async #engineOf(choice) {
    let opening = this.#open.get(choice);
    if (!opening) {
      say("Loading the model …");
      opening = choice.open();
      this.#open.set(choice, opening);
      opening.catch(() => this.#open.delete(choice));
    }
    return opening;
  }

  /** @param {import("./engines/engine.js").Engine} engine */
  async #consume(engine) {
    const stop = $("#live-stop").value || null;
    const own = $('input[name="who"]:checked').value === "yours";
    const messages = [{ role: "user", content: $("#prompt").value }];
    const texts = textOf(engine.chat(messages, { max_tokens: MAX_TOKENS, temperature: 0 }));
    const pull = async () => (await texts.next()).value;
    this.stage.clear([], stop);
    say("The model reads …");
    const began = performance.now();
    let n = 0;
    try {
      const chunks = this.python.canWait ? pull : await collected(pull);
      const outcome = await this.python.live(own ? this.code() : null, stop, {
        pull: async () => {
          const chunk = await chunks();
          if (chunk !== undefined) {
            n++;
            this.stage.show("pull", chunk, stop);
            say(`${n} chunks, ${((1000 * n) / (performance.now() - began)).toFixed(1)} a second`);
          }
          return chunk;
        },
        onToken: (token) => this.stage.show("token", token, stop),
      });
      this.stage.show("error" in outcome ? "error" : "result", outcome.error ?? outcome.result, stop);
    } finally {
      await texts.return(undefined); // whoever quits early makes the model quit
    }
  }

  /** @param {import("./engines/engine.js").Progress} progress */
  #progress({ fraction, text }) {
    $("#progress").hidden = false;
    $("#progress").value = fraction;
    say(text);
  }
}

/**
 * Yield the text of a reply, chunk by chunk.
 *
 * @param {AsyncIterable<any>} chunks
 * @returns {AsyncGenerator<string>}
 */
async function* textOf(chunks) {
  for await (const chunk of chunks) {
    const text = chunk.choices[0]?.delta?.content;
    if (text) yield text;
  }
}

/** Where Python cannot wait for a chunk: all of them first. @param {() => Promise<string | undefined>} pull */
async function collected(pull) {
  /** @type {string[]} */
  const chunks = [];
  for (let chunk = await pull(); chunk !== undefined; chunk = await pull()) chunks.push(chunk);
  return async () => chunks.shift();
}

/** @param {import("./models.js").Choice} choice */
function option({ name, megabytes }) {
  const made = document.createElement("option");
  made.textContent = megabytes ? `${name}: ${megabytes} MB` : name;
  return made;
}

/** @param {string} status */
function say(status) {
  $("#live-status").textContent = status;
}
