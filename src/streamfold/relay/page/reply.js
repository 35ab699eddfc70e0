// A reply on the page: grows with what is folded, and in the end says how it ended.

import { made } from "./elements.js";
import { Markdown } from "./markdown.js";

/**
 * @typedef {import("./fold.js").Block} Block
 * @typedef {import("./fold.js").ReplyFold} ReplyFold
 * @typedef {{shown: number, feed: (text: string) => void, update: (block: Block, ended: boolean) => void}} View
 */

export class Reply {
  #body = made("div", "reply-body");
  /** @type {View[]} */
  #views = [];
  #attempt = 0;
  node = made("div", "reply", this.#body);

  /** Show what is new; return the new text of the answer. @param {ReplyFold} fold @returns {string} */
  update(fold) {
    if (fold.attempt !== this.#attempt) this.clear();
    this.#attempt = fold.attempt;
    let said = "";
    for (const [index, block] of fold.blocks.entries()) {
      const view = (this.#views[index] ??= this.#view(block));
      const text = block.pieces.slice(view.shown).join("");
      view.shown = block.pieces.length;
      if (text) view.feed(text);
      if (block.type === "text") said += text;
      const passed = block.type !== "tool_call" && index < fold.blocks.length - 1; // calls may fill side by side
      view.update(block, passed || fold.end !== null);
    }
    return said;
  }

  clear() {
    this.#body.replaceChildren();
    this.#views = [];
  }

  /** @param {Block} block @returns {View} */
  #view(block) {
    if (block.type === "tool_call") return this.#toolCall();
    const isAnswer = block.type === "text" || block.type === "refusal";
    if (isAnswer) return words(this.#append(made("div", `words ${block.type}`)));
    const summary = made("summary", "");
    const inside = made("div", "words");
    this.#append(made("details", "reasoning", summary, inside));
    const [now, then] = block.type === "plan" ? ["Planning…", "Plan"] : ["Thinking…", "Reasoning"];
    return words(inside, (ended) => (summary.textContent = ended ? then : now));
  }

  #toolCall() {
    const name = made("code", "");
    const state = made("span", "state");
    const inside = made("code", "");
    const pre = made("pre", "", inside);
    pre.tabIndex = 0;
    const details = this.#append(made("details", "tool", made("summary", "", "Tool call ", name, state), pre));
    details.setAttribute("open", "");
    return {
      shown: 0,
      feed: (/** @type {string} */ text) => inside.append(text),
      update: (/** @type {Block} */ block, /** @type {boolean} */ ended) => {
        if (block.type !== "tool_call") return;
        if (name.textContent !== block.name) name.textContent = block.name;
        const unfinished = ended && block.complete === null;
        const told = block.complete ? "" : block.complete === false || unfinished ? " is not complete" : " …";
        if (state.textContent !== told) state.textContent = told;
      },
    };
  }

  /** @param {HTMLElement} node */
  #append(node) {
    this.#body.append(node);
    return node;
  }
}

/** Words as Markdown. @param {HTMLElement} node @param {(ended: boolean) => void} [told] @returns {View} */
function words(node, told) {
  const markdown = new Markdown(node);
  let closed = false;
  return {
    shown: 0,
    feed: (text) => markdown.feed(text),
    update: (_, ended) => {
      if (ended && !closed) markdown.close();
      closed ||= ended;
      told?.(ended);
    },
  };
}
