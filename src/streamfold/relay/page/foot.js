// The line under a reply: how its model loads, how it ended, how fast it came, and a second try.

import { made } from "./elements.js";

export class Foot {
  #verdict = made("span", "verdict");
  #speed = made("span", "speed");
  #retry = made("button", "quiet", "Try again");
  #bar = document.createElement("progress");
  node = made("div", "foot", this.#bar, this.#verdict, this.#speed, this.#retry);

  /** @param {() => void} onRetry */
  constructor(onRetry) {
    this.#bar.setAttribute("aria-label", "Loading the model");
    this.#bar.hidden = true;
    this.#retry.setAttribute("type", "button");
    this.#retry.hidden = true;
    this.#retry.addEventListener("click", onRetry);
  }

  /** Say how the reply goes on, or ended. @param {string} text */
  say(text) {
    if (this.#verdict.textContent !== text) this.#verdict.textContent = text;
  }

  /** Show numbers. @param {string} numbers */
  count(numbers) {
    this.#speed.textContent = numbers;
  }

  /** Show how far a model is loaded. @param {number} fraction from 0 to 1 */
  load(fraction) {
    this.#bar.hidden = false;
    this.#bar.value = fraction;
  }

  loaded() {
    this.#bar.hidden = true;
  }

  get isLoading() {
    return !this.#bar.hidden;
  }

  /** @param {boolean} allowed */
  allowRetry(allowed) {
    this.#retry.hidden = !allowed;
  }
}
