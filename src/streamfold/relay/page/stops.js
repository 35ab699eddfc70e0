// Find the first of several stop strings in a text that arrives in chunks, however it is cut: the rules of stops.py.
// The winner is the stop whose last character comes first; of those that end on the same one, the first in the list.

/** Matches stops against one text. Time is linear in the text (Knuth, Morris and Pratt 1977), for each stop. */
export class StopMatcher {
  /** The stop that ended the text; `null` if none has. @type {string | null} */
  match = null;
  /** How many characters of the chunk that completed the stop come after it. */
  discarded = 0;
  #stops;
  #include;
  #held = "";

  /**
   * @param {string[]} stops in order of precedence
   * @param {{include?: boolean}} options whether the stop that matched is part of the text
   * @throws {RangeError} a stop is empty: it would match before the first character
   */
  constructor(stops, { include = false } = {}) {
    if (stops.includes("")) throw new RangeError("a stop is empty");
    this.#stops = stops.map((string) => ({ string, borders: bordersOf(string), size: 0 }));
    this.#include = include;
  }

  /**
   * Take the next chunk; return what can be shown now: nothing after a match.
   *
   * @param {string} chunk
   * @returns {string}
   */
  feed(chunk) {
    if (this.match !== null) return "";
    const text = this.#held + chunk;
    for (let at = 0; at < chunk.length; at++) {
      const found = this.#stops.filter((stop) => advance(stop, chunk[at] ?? ""))[0];
      if (!found) continue;
      this.match = found.string;
      this.discarded = chunk.length - at - 1;
      const end = this.#held.length + at + 1;
      this.#held = "";
      return text.slice(0, end - (this.#include ? 0 : found.string.length));
    }
    const size = Math.max(0, ...this.#stops.map((stop) => stop.size));
    this.#held = text.slice(text.length - size);
    return text.slice(0, text.length - size);
  }

  /** End the text, for whatever reason; return what was held back: nothing after a match, or again. */
  close() {
    const held = this.#held;
    this.#held = "";
    for (const stop of this.#stops) stop.size = 0;
    return held;
  }
}

/** @typedef {{string: string, borders: number[], size: number}} Stop `size` characters of it are the text's end */

/** Read one character; return whether the stop is complete. @param {Stop} stop @param {string} char */
function advance(stop, char) {
  while (stop.size > 0 && stop.string[stop.size] !== char) stop.size = stop.borders[stop.size - 1] ?? 0;
  if (stop.string[stop.size] === char) stop.size++;
  return stop.size === stop.string.length;
}

/** Of each beginning of `string`: the size of its longest proper prefix that is its end too. @param {string} string */
function bordersOf(string) {
  const borders = [0];
  for (let size = 0, at = 1; at < string.length; at++) {
    while (size > 0 && string[size] !== string[at]) size = borders[size - 1] ?? 0;
    if (string[size] === string[at]) size++;
    borders.push(size);
  }
  return borders;
}
