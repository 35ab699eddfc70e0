// Values that come by themselves, one by one, for a reader that awaits them.

/** @template T */
export class Queue {
  /** @type {T[]} */
  #waiting = [];
  #wake = () => {};

  /** @param {T} value */
  push(value) {
    this.#waiting.push(value);
    this.#wake();
  }

  /** Return the next value, once it is there. @returns {Promise<T>} */
  async next() {
    while (this.#waiting.length === 0) await new Promise((resolve) => (this.#wake = () => resolve(undefined)));
    return /** @type {T} */ (this.#waiting.shift());
  }
}
