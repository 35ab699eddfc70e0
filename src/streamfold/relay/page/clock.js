// How soon and how fast the content of a reply came, in seconds of this page's clock: what timing.py measures for others.

export class Clock {
  #asked = performance.now();
  #first = 0;
  #last = 0;
  #n = 0;

  start() {
    this.#asked = performance.now();
  }

  /** @param {number} pieces */
  mark(pieces) {
    if (pieces === 0) return;
    this.#last = performance.now();
    this.#first ||= this.#last;
    this.#n += pieces;
  }

  /** @param {{output_tokens?: number}} usage */
  timing({ output_tokens: tokens = this.#n }) {
    const generating = (this.#last - this.#first) / 1000;
    return {
      first: this.#n > 0 ? (this.#first - this.#asked) / 1000 : null,
      total: (performance.now() - this.#asked) / 1000,
      per_second: tokens > 1 && generating > 0 ? (tokens - 1) / generating : null,
    };
  }
}
