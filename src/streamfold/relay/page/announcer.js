// What a screen reader hears of a reply: whole sentences, now and then, and how it ended. Never each token.

import { the } from "./elements.js";

/** Milliseconds between two announcements. */
const PAUSE = 4000;

export class Announcer {
  #region = the("#status", HTMLElement);
  #waiting = "";
  #spoken = -Infinity;

  /** Say something at once. @param {string} text */
  say(text) {
    this.#waiting = "";
    this.#region.textContent = text;
  }

  /** Take the next piece of a reply; its sentences are said when it is time. @param {string} text */
  feed(text) {
    this.#waiting += text;
    const end = this.#waiting.search(/[.!?:\n][^.!?:\n]*$/) + 1;
    if (end === 0 || performance.now() - this.#spoken < PAUSE) return;
    this.#spoken = performance.now();
    this.#region.textContent = this.#waiting.slice(0, end);
    this.#waiting = this.#waiting.slice(end);
  }

  /** End a reply: say the rest of it, and how it ended. @param {string} verdict */
  end(verdict) {
    this.say(`${this.#waiting} ${verdict}`);
  }
}
