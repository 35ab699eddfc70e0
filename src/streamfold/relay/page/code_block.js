// A block of code that grows: its newest line is plain until it ends, then it gets its colours.

import { highlighter } from "./highlight.js";

/** Longer lines stay plain. */
const MAX_COLOURED = 2000;

export class CodeBlock {
  #code = document.createElement("code");
  /** The line that is not at its end yet. @type {Text[]} */
  #line = [];
  #begun = false;
  #tokens;

  /**
   * @param {HTMLElement} parent
   * @param {string} fence what it began with
   * @param {string} language
   */
  constructor(parent, fence, language) {
    this.fence = fence;
    this.#tokens = highlighter(language);
    const figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    const copy = document.createElement("button");
    const pre = document.createElement("pre");
    figure.className = "code";
    copy.type = "button";
    copy.className = "copy quiet";
    copy.textContent = "Copy";
    caption.append(language || "text", copy);
    pre.tabIndex = 0; // a keyboard scrolls it
    pre.append(this.#code);
    figure.append(caption, pre);
    parent.append(figure);
  }

  /** @param {string} text without line breaks */
  feed(text) {
    const node = new Text(text);
    this.#line.push(node);
    this.#code.append(node);
  }

  /** End the line; the first one is the fence's own. */
  newline() {
    if (this.#begun) {
      this.close();
      this.#code.append("\n");
    }
    this.#begun = true;
  }

  /** Colour the line that is there. */
  close() {
    const nodes = this.#line.splice(0);
    const line = nodes.map((node) => node.data).join("");
    if (line.length > MAX_COLOURED) return;
    for (const node of nodes) node.remove();
    for (const [kind, text] of this.#tokens(line)) this.#code.append(kind ? coloured(kind, text) : text);
  }
}

/** @param {string} kind @param {string} text */
function coloured(kind, text) {
  const span = document.createElement("span");
  span.className = kind;
  span.textContent = text;
  return span;
}
