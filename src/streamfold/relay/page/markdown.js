// Markdown into DOM as it arrives: what is there stays, and each character costs the same, however long the text.
//
// CommonMark's blocks and GFM's tables, line by line; `inline.js` does what is within them. Left out, because models do
// not mean them: indented code, link reference definitions, underlined headings, live HTML, images (a link stands for
// them: the page asks no other server for anything). A line break in a paragraph is shown as one.

import { CodeBlock } from "./code_block.js";
import { Inline } from "./inline.js";
import { Table } from "./table.js";

/** Deeper lists and quotes are text. */
const MAX_DEPTH = 16;
/** A line whose first characters do not tell what it is, for longer than this, is text. */
const MAX_HELD = 4000;

/** Lines of which it cannot be told yet what they are. */
const OPEN = /^(?:#{1,6}[ \t]*|[-+*][ \t]*|\d{1,9}(?:[.)][ \t]*)?|`{1,2}|~{1,2})$/;
/** Lines that are known when they end: fences, rules, rows of a table. */
const OPEN_LINE = /^(?:`{3}[^`]*$|~{3}|\||(?:-[ \t]*){1,}$|(?:\*[ \t]*){1,}$|(?:_[ \t]*){1,}$)/;
const FENCE = /^(`{3,}|~{3,})[ \t]*([^\s`]*)[^`]*$/;
const RULE = /^(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const HEADING = /^(#{1,6})[ \t]+/;
const ITEM = /^([-+*]|(\d{1,9})[.)])(?:[ \t]+|$)/;

/**
 * @typedef {object} Container a quote, or an item of a list
 * @property {HTMLElement} node
 * @property {number} indent where an item's content begins; 0 for a quote
 * @property {number} marker where an item's mark stands
 * @property {HTMLElement | null} list
 *
 * @typedef {{inline: Inline, oneLine: boolean}} Words a paragraph, or a heading that ends with its line
 */

/** One text. Feed it, then close it. */
export class Markdown {
  /** The current line while it is not told what it is. */
  #held = "";
  /** How many containers the current line continues; `null` while it is not told. @type {number | null} */
  #matched = null;
  /** Whether the rest of the line goes to the leaf as it comes. */
  #told = false;
  /** @type {Container[]} */
  #containers = [];
  /** @type {Words | null} */
  #words = null;
  /** @type {CodeBlock | null} */
  #code = null;
  /** @type {Table | null} */
  #table = null;
  /** How many marks the first heading had. @type {number | null} */
  #topHeading = null;
  /** The level of the latest heading. */
  #level = 2;
  #root;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
  }

  /** @param {string} text */
  feed(text) {
    const lines = text.split("\n");
    for (const [index, line] of lines.entries()) {
      if (line) this.#piece(line);
      if (index < lines.length - 1) this.#endLine();
    }
  }

  close() {
    if (this.#held) this.#endLine();
    this.#closeLeaf();
  }

  /** @param {string} text */
  #piece(text) {
    if (this.#told) return this.#into(text);
    this.#held += text;
    this.#decide(false);
  }

  #endLine() {
    if (!this.#told) this.#decide(true);
    this.#code?.newline();
    if (this.#words?.oneLine) this.#closeLeaf();
    [this.#held, this.#matched, this.#told] = ["", null, false];
  }

  /** @param {string} text */
  #into(text) {
    if (this.#code) this.#code.feed(text);
    else this.#words?.inline.feed(text);
  }

  /** Hand what is held to the leaf, and the rest of the line as it comes. */
  #tell() {
    const text = this.#held;
    [this.#held, this.#told] = ["", true];
    this.#into(text);
  }

  /** Tell what the current line is, if that is clear. @param {boolean} whole whether the line is at its end */
  #decide(whole) {
    const sure = whole || this.#held.length > MAX_HELD;
    while (!this.#told) {
      const start = this.#held.replace(/^[ \t>]+/, "");
      if (!sure && (start === "" || OPEN.test(start))) return;
      this.#matched ??= this.#match();
      const outside = this.#matched < this.#containers.length;
      if (this.#code && !outside) return this.#inCode(sure);
      const line = this.#held.trimStart();
      if (line === "" && whole) return this.#blank();
      if (!sure && OPEN_LINE.test(line)) return;
      if (!this.#block(line, outside, whole)) return this.#paragraph(line, outside);
    }
  }

  /** Take the marks of the containers that the line continues off it; return how many these are. */
  #match() {
    let matched = 0;
    for (const { indent, marker } of this.#containers) {
      const spaces = this.#held.length - this.#held.trimStart().length;
      const blank = spaces === this.#held.length;
      const nested = spaces >= marker + 2 && ITEM.test(this.#held.slice(spaces)); // as many models indent it
      const mark = indent > 0 ? null : /^ {0,3}> ?/.exec(this.#held)?.[0].length;
      if (indent > 0 ? !blank && spaces < indent && !nested : !mark) break;
      this.#held = this.#held.slice(mark ?? Math.min(spaces, indent));
      matched++;
    }
    return matched;
  }

  /** @param {boolean} sure */
  #inCode(sure) {
    const code = /** @type {CodeBlock} */ (this.#code);
    const line = this.#held.trim();
    const fence = /^(`+|~+)$/.test(line) && line[0] === code.fence[0];
    if (fence && !sure) return;
    if (!fence || line.length < code.fence.length) return this.#tell();
    this.#closeLeaf();
    this.#told = true;
  }

  #blank() {
    const quoted = this.#containers.findIndex(({ indent }) => indent === 0);
    this.#closeLeaf();
    if (quoted >= (this.#matched ?? 0)) this.#closeTo(quoted);
    this.#told = true;
    this.#held = "";
  }

  /**
   * Open the block that `line` begins; return whether it begins one other than a paragraph.
   *
   * @param {string} line
   * @param {boolean} outside whether it continues less than all containers
   * @param {boolean} whole
   */
  #block(line, outside, whole) {
    const fence = whole ? FENCE.exec(line) : null;
    const heading = HEADING.exec(line);
    const rule = whole && RULE.test(line);
    const item = rule ? null : ITEM.exec(line);
    if (fence) this.#fence(fence[1] ?? "", fence[2] ?? "");
    else if (rule) this.#rule();
    else if (heading) this.#heading(heading);
    else if (line.startsWith(">") && this.#containers.length < MAX_DEPTH) this.#quote(line);
    else if (item && this.#containers.length < MAX_DEPTH && !this.#isText(item)) this.#item(line, item);
    else if (whole && line.startsWith("|") && !(outside && this.#words)) this.#row(line, outside);
    else return false;
    return true;
  }

  /** Whether an item is a paragraph's next line: `14. The end` (CommonMark 5.2). @param {RegExpExecArray} item */
  #isText(item) {
    const inParagraph = this.#words !== null && this.#matched === this.#containers.length;
    return inParagraph && (item[0].trim() === item.input.trim() || (item[2] !== undefined && item[2] !== "1"));
  }

  /** @param {string} line @param {boolean} outside */
  #paragraph(line, outside) {
    const lazy = this.#words !== null;
    if (outside && !lazy) this.#closeTo(this.#matched ?? 0);
    if (this.#table) this.#closeLeaf();
    if (lazy) this.#words?.inline.feed("\n");
    else this.#words = { inline: new Inline(this.#open("p")), oneLine: false };
    this.#held = line;
    this.#tell();
  }

  /** @param {string} fence @param {string} language */
  #fence(fence, language) {
    this.#begin();
    this.#code = new CodeBlock(this.#here, fence, language);
    this.#told = true;
  }

  #rule() {
    this.#begin();
    this.#open("hr");
    this.#told = true;
  }

  /** The text's first heading is the page's third level, and none is skipped. @param {RegExpExecArray} heading */
  #heading(heading) {
    this.#begin();
    const said = (heading[1] ?? "").length;
    this.#topHeading ??= said;
    const level = Math.max(3, Math.min(6, 3 + said - this.#topHeading, this.#level + 1));
    this.#level = level;
    this.#words = { inline: new Inline(this.#open(`h${level}`)), oneLine: true };
    this.#held = heading.input.slice(heading[0].length);
    this.#tell();
  }

  /** @param {string} line */
  #quote(line) {
    this.#begin();
    this.#containers.push({ node: this.#open("blockquote"), indent: 0, marker: 0, list: null });
    this.#goOn(line.replace(/^> ?/, ""));
  }

  /** @param {string} line @param {RegExpExecArray} item */
  #item(line, item) {
    const marker = this.#held.length - line.length;
    const tag = item[2] === undefined ? "ul" : "ol";
    const sibling = this.#containers[this.#matched ?? 0];
    this.#begin();
    let list = sibling?.list?.localName === tag ? sibling.list : null;
    if (!list) {
      list = this.#open(tag);
      if (tag === "ol" && item[2] !== "1") list.setAttribute("start", String(Number(item[2])));
    }
    const node = document.createElement("li");
    list.append(node);
    const mark = (item[1] ?? "").length;
    const indent = marker + (item[0].length > mark + 4 ? mark + 1 : Math.max(item[0].length, mark + 1));
    this.#containers.push({ node, indent, marker, list });
    this.#goOn(line.slice(item[0].length));
  }

  /** A row of a table: the first two decide whether it is one. @param {string} line @param {boolean} outside */
  #row(line, outside) {
    if (outside || !this.#table) this.#begin();
    this.#table ??= new Table(this.#here);
    this.#table.feed(line.trimEnd());
    this.#told = true;
  }

  /** The rest of a line, after a container's mark. @param {string} rest */
  #goOn(rest) {
    this.#matched = this.#containers.length;
    this.#held = rest;
  }

  /** Close what the line does not continue. */
  #begin() {
    this.#closeLeaf();
    this.#closeTo(this.#matched ?? 0);
  }

  /** @param {number} depth */
  #closeTo(depth) {
    if (depth < this.#containers.length) this.#closeLeaf();
    this.#containers.length = depth;
  }

  #closeLeaf() {
    this.#words?.inline.close();
    this.#code?.close();
    this.#table?.close();
    [this.#words, this.#code, this.#table] = [null, null, null];
  }

  get #here() {
    return this.#containers.at(-1)?.node ?? this.#root;
  }

  /** @param {string} tag */
  #open(tag) {
    const node = document.createElement(tag);
    this.#here.append(node);
    return node;
  }
}
