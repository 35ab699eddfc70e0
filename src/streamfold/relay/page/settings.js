// The settings panel: which engine answers, what it is told first, and where it stops. Kept in this browser.

import { models, UNITS } from "/learn/engines/device.js";

import { made, the } from "./elements.js";
import { engines, useToken } from "./relay.js";
import { RefusedError } from "./stream.js";

const KEPT = "streamfold-settings";

/**
 * @typedef {import("/learn/engines/device.js").Model} Model
 *
 * @typedef {object} Asking how a turn is asked
 * @property {string} engine the server's, by name; or of the model on this device
 * @property {Model} [model] the model on this device that answers instead of the server
 * @property {string} system
 * @property {string[]} stop
 */

export class Settings {
  #dialog = the("#settings", HTMLDialogElement);
  #engine = the("#engine", HTMLSelectElement);
  #model = the("#model", HTMLInputElement);
  #system = the("#system", HTMLTextAreaElement);
  #stop = the("#stop-sequences", HTMLTextAreaElement);
  #token = the("#token", HTMLInputElement);
  /** @type {import("./relay.js").Engine[]} */
  #engines = [];
  /** On this device, by what they are called in the menu. @type {Map<string, Model>} */
  #models = new Map();

  /** @param {(notice: string) => void} tell says what keeps the page from asking; nothing if all is well */
  constructor(tell) {
    this.tell = tell;
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? "{}");
    [this.#model.value, this.#system.value, this.#stop.value] = [kept.model ?? "", kept.system ?? "", kept.stop ?? ""];
    the("#open-settings", HTMLButtonElement).addEventListener("click", () => this.#dialog.showModal());
    this.#engine.addEventListener("change", () => this.#name());
    this.#dialog.addEventListener("close", () => this.#close());
    this.#load(kept.engine ?? "");
  }

  /** How the next turn is asked. @returns {Asking} */
  get asking() {
    const engine = this.#engines.find(({ name }) => name === this.#engine.value);
    const model = engine && !engine.model ? this.#model.value.trim() : "";
    const here = this.#models.get(this.#engine.value);
    const stop = this.#stop.value.split("\n").filter((line) => line !== "");
    const unescaped = stop.map((line) => line.replaceAll("\\n", "\n").replaceAll("\\t", "\t"));
    return {
      engine: model ? `${this.#engine.value}/${model}` : this.#engine.value,
      ...(here ? { model: here } : {}),
      system: this.#system.value.trim(),
      stop: unescaped,
    };
  }

  /** @param {string} chosen */
  async #load(chosen) {
    const [notice, here] = await Promise.all([this.#ask(), models()]);
    this.#models = new Map(here.map((model) => [`${model.engine}:${model.id}`, model]));
    const served = this.#engines.map(({ name, model }) => new Option(model ? `${model} (${name})` : name, name));
    const own = here.map(({ engine, id, megabytes }) => {
      return new Option(`${id}: ${megabytes} MB, ${UNITS[engine]}`, `${engine}:${id}`);
    });
    const groups = [group("On the server", served), group("On this device", own)];
    this.#engine.replaceChildren(...groups.filter(({ children }) => children.length > 0));
    if ([...this.#engine.options].some(({ value }) => value === chosen)) this.#engine.value = chosen;
    this.#name();
    const none = "This server has no engine. Start it with: streamfold serve --engine NAME";
    this.tell(notice || (this.#engine.options.length > 0 ? "" : none));
  }

  /** Ask the server for its engines; return what keeps it from telling. */
  async #ask() {
    try {
      this.#engines = await engines();
    } catch (error) {
      this.#engines = [];
      const locked = error instanceof RefusedError && error.status === 401;
      the("#token-field", HTMLElement).hidden = !locked;
      const away = "The server cannot be reached. Reload to try again.";
      return locked ? "This server asks for its token: see Settings." : away;
    }
    return "";
  }

  /** Show what answers, and what that costs. */
  #name() {
    const engine = this.#engines.find(({ name }) => name === this.#engine.value);
    const model = this.#models.get(this.#engine.value);
    the("#model-field", HTMLElement).hidden = !engine || engine.model !== null;
    const served = engine ? engine.model ?? (this.#model.value || engine.name) : "";
    the("#engine-name", HTMLElement).textContent = model ? `${model.id}, on this device` : served;
    the("#engine-hint", HTMLElement).textContent = model ? costOf(model) : "";
  }

  #close() {
    if (this.#token.value) useToken(this.#token.value);
    const kept = {
      engine: this.#engine.value,
      model: this.#model.value,
      system: this.#system.value,
      stop: this.#stop.value,
    };
    localStorage.setItem(KEPT, JSON.stringify(kept));
    this.#name();
    if (this.#token.value) this.#load(this.#engine.value);
    this.#token.value = "";
  }
}

/** @param {string} label @param {HTMLOptionElement[]} options */
function group(label, options) {
  const node = made("optgroup", "", ...options);
  node.setAttribute("label", label);
  return node;
}

/** @param {Model} model */
function costOf({ megabytes, host }) {
  const from = host === location.host ? "this server" : host;
  const cost = `The first reply fetches ${megabytes} MB from ${from}; this browser keeps them.`;
  return `${cost} Questions and replies stay in this browser.`;
}
