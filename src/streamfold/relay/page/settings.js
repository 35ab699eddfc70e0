// The settings panel: which engine answers, what it is told first, and where it stops. Kept in this browser.

import { models, UNITS } from "/learn/engines/device.js";

import { made, the } from "./elements.js";
import { engines, useToken } from "./relay.js";
import { RefusedError } from "./stream.js";

const KEPT = "streamfold-settings";
/** How the names of engines on this device begin: none of the server's does. */
const HERE = "here:";
const LOST = "The engine that was chosen on this device is not there any more. Choose one: see Settings.";

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
  /** Whether the engine that was chosen on this device is not there any more. */
  #isLost = false;
  /** @type {Promise<void>} */
  #loading;

  /** @param {(notice: string) => void} tell says what keeps the page from asking; nothing if all is well */
  constructor(tell) {
    this.tell = tell;
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? "{}");
    [this.#model.value, this.#system.value, this.#stop.value] = [kept.model ?? "", kept.system ?? "", kept.stop ?? ""];
    the("#open-settings", HTMLButtonElement).addEventListener("click", () => {
      this.#dialog.showModal();
      if (this.#models.size === 0) this.#lookAround();
    });
    this.#engine.addEventListener("change", () => this.#name());
    this.#dialog.addEventListener("close", () => this.#close());
    this.#loading = this.#load(kept.engine ?? "");
  }

  /** Return how the next turn is asked; `null` where that must be chosen first. @returns {Promise<Asking | null>} */
  async asking() {
    await this.#loading;
    if (this.#isLost && !this.#engine.value) return null;
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
    const notice = await this.#ask();
    this.#list(chosen);
    if (this.#engines.length === 0 || isHere(chosen)) await this.#lookAround(chosen);
    const none = "This server has no engine. Start it with: streamfold serve --engine NAME";
    const here = this.#models.size > 0 ? " Or choose one on this device: see Settings." : "";
    const nobody = this.#engines.length === 0 && !this.#engine.value;
    this.#isLost = isHere(chosen) && !this.#engine.value;
    this.tell(notice || (this.#isLost ? LOST : nobody ? none + here : ""));
  }

  /** Offer what this device can run too. @param {string} [chosen] */
  async #lookAround(chosen) {
    this.#models = new Map((await models()).map((model) => [`${HERE}${model.engine}/${model.id}`, model]));
    this.#list(chosen ?? this.#engine.value);
  }

  /**
   * Fill the menu. An engine on this device is chosen by hand alone, and no other one takes its place.
   *
   * @param {string} chosen
   */
  #list(chosen) {
    const served = this.#engines.map(({ name, model }) => new Option(model ? `${model} (${name})` : name, name));
    const here = [...this.#models].map(([key, { engine, id, megabytes }]) => {
      return new Option(`${id}: ${megabytes} MB, ${UNITS[engine]}`, key);
    });
    const groups = [group("On the server", served), group("On this device", here)];
    const isThere = [...served, ...here].some(({ value }) => value === chosen);
    const none = served.length === 0 || (isHere(chosen) && !isThere) ? [new Option("None", "")] : [];
    this.#engine.replaceChildren(...none, ...groups.filter(({ children }) => children.length > 0));
    if (isThere) this.#engine.value = chosen;
    this.#name();
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
    the("#promise", HTMLElement).hidden = model !== undefined;
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

/** Whether an engine is on this device, be it there or not. @param {string} name */
function isHere(name) {
  return name.startsWith(HERE);
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
  return `${cost} Questions and replies stay in this browser, and a reply ends with its page.`;
}
