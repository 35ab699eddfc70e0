// The settings panel: which engine answers, what it is told first, and where it stops. Kept in this browser.

import { the } from "./elements.js";
import { engines, useToken } from "./relay.js";
import { RefusedError } from "./stream.js";

const KEPT = "streamfold-settings";

/** @typedef {{engine: string, system: string, stop: string[]}} Asking how a turn is asked */

export class Settings {
  #dialog = the("#settings", HTMLDialogElement);
  #engine = the("#engine", HTMLSelectElement);
  #model = the("#model", HTMLInputElement);
  #system = the("#system", HTMLTextAreaElement);
  #stop = the("#stop-sequences", HTMLTextAreaElement);
  #token = the("#token", HTMLInputElement);
  /** @type {import("./relay.js").Engine[]} */
  #engines = [];

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
    const model = engine?.model ? "" : this.#model.value.trim();
    const stop = this.#stop.value.split("\n").filter((line) => line !== "");
    const unescaped = stop.map((line) => line.replaceAll("\\n", "\n").replaceAll("\\t", "\t"));
    return {
      engine: model ? `${this.#engine.value}/${model}` : this.#engine.value,
      system: this.#system.value.trim(),
      stop: unescaped,
    };
  }

  /** @param {string} chosen */
  async #load(chosen) {
    try {
      this.#engines = await engines();
    } catch (error) {
      const locked = error instanceof RefusedError && error.status === 401;
      the("#token-field", HTMLElement).hidden = !locked;
      const away = "The server cannot be reached. Reload to try again.";
      this.tell(locked ? "This server asks for its token: see Settings." : away);
      return;
    }
    const options = this.#engines.map(({ name, model }) => new Option(model ? `${model} (${name})` : name, name));
    this.#engine.replaceChildren(...options);
    if (this.#engines.some(({ name }) => name === chosen)) this.#engine.value = chosen;
    this.#name();
    this.tell(options.length > 0 ? "" : "This server has no engine. Start it with: streamfold serve --engine NAME");
  }

  /** Show what answers. */
  #name() {
    const engine = this.#engines.find(({ name }) => name === this.#engine.value);
    the("#model-field", HTMLElement).hidden = !engine || engine.model !== null;
    the("#engine-name", HTMLElement).textContent = engine ? engine.model ?? (this.#model.value || engine.name) : "";
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
