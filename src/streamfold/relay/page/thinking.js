// Split the reasoning that a model writes as <think>...</think> before its answer off its text, however it is cut: the
// rules of tags.py, for the tag of the models that browsers run.

import { StopMatcher } from "./stops.js";

const OPEN = "<think>";
const CLOSE = "</think>";

/** @typedef {{type: "reasoning" | "text", text: string}} Piece */

export class ThinkingSplitter {
  /** Whether the answer has begun: all that follows is text. */
  #answering = false;
  /** Finds the end of the reasoning; there is one exactly inside of it. @type {StopMatcher | null} */
  #block = null;
  /** White space and what may still become a tag. */
  #held = "";

  /** Return what of the text so far is decided now. @param {string} text @returns {Piece[]} */
  feed(text) {
    /** @type {Piece[]} */
    const pieces = [];
    let rest = text;
    while (rest && !this.#answering) rest = this.#block ? this.#think(this.#block, rest, pieces) : this.#look(rest, pieces);
    if (rest) pieces.push({ type: "text", text: rest });
    return pieces;
  }

  /** Release what is held back, at the end. @returns {Piece[]} */
  close() {
    const type = this.#block ? "reasoning" : "text";
    const text = this.#block ? this.#block.close() : this.#held;
    this.#held = "";
    return text ? [{ type, text }] : [];
  }

  /** Look for a tag after white space; return what is still to be read. @param {string} text @param {Piece[]} pieces */
  #look(text, pieces) {
    const held = this.#held + text;
    const lead = held.trimStart();
    const white = held.slice(0, held.length - lead.length);
    const tag = [OPEN, CLOSE].find((one) => lead.startsWith(one));
    const mayCome = lead === "" || [OPEN, CLOSE].some((one) => one.startsWith(lead));
    this.#held = !tag && mayCome ? held : "";
    if (!tag && mayCome) return "";
    this.#answering = !tag;
    if (!tag) return held;
    if (white) pieces.push({ type: "reasoning", text: white });
    this.#block = tag === OPEN ? new StopMatcher([CLOSE]) : null;
    return lead.slice(tag.length);
  }

  /** @param {StopMatcher} block @param {string} text @param {Piece[]} pieces */
  #think(block, text, pieces) {
    const shown = block.feed(text);
    if (shown) pieces.push({ type: "reasoning", text: shown });
    if (block.match === null) return "";
    this.#block = null;
    return text.slice(text.length - block.discarded);
  }
}
