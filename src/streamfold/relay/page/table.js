// A table that grows row by row. Only its second line tells that it is one; until then the first is held, and if it is
// none, the lines are a paragraph.

import { Inline } from "./inline.js";

const DELIMITERS = /^\|(?:[ \t]*:?-+:?[ \t]*\|)*(?:[ \t]*:?-+:?[ \t]*)?$/;

export class Table {
  /** @type {string | null} */
  #first = null;
  /** @type {HTMLTableElement | null} */
  #table = null;
  /** Each column's alignment, a CSS class. @type {string[]} */
  #columns = [];
  /** The paragraph, if it is no table. @type {Inline | null} */
  #words = null;
  #parent;

  /** @param {HTMLElement} parent */
  constructor(parent) {
    this.#parent = parent;
  }

  /** @param {string} line */
  feed(line) {
    if (this.#table) this.#row(this.#table.tBodies[0] ?? this.#table.createTBody(), "td", line);
    else if (this.#words) this.#words.feed(`\n${line}`);
    else if (this.#first === null) this.#first = line;
    else if (line.includes("-") && DELIMITERS.test(line)) this.#begin(this.#first, line);
    else {
      this.#say(this.#first);
      this.feed(line);
    }
  }

  close() {
    if (this.#first !== null && !this.#table && !this.#words) this.#say(this.#first);
    this.#words?.close();
  }

  /** @param {string} header @param {string} delimiters */
  #begin(header, delimiters) {
    this.#columns = cells(delimiters).map((cell) => {
      if (!cell.endsWith(":")) return "";
      return cell.startsWith(":") ? "center" : "right";
    });
    const scroller = document.createElement("div");
    scroller.className = "table";
    scroller.tabIndex = 0; // a keyboard scrolls it
    this.#table = document.createElement("table");
    this.#row(this.#table.createTHead(), "th", header);
    scroller.append(this.#table);
    this.#parent.append(scroller);
  }

  /** @param {HTMLTableSectionElement} section @param {"td" | "th"} tag @param {string} line */
  #row(section, tag, line) {
    const row = section.insertRow();
    const said = cells(line);
    for (const [index, column] of this.#columns.entries()) {
      const cell = document.createElement(tag);
      if (column) cell.className = column;
      const inline = new Inline(cell);
      inline.feed(said[index] ?? "");
      inline.close();
      row.append(cell);
    }
  }

  /** @param {string} line */
  #say(line) {
    const paragraph = document.createElement("p");
    this.#parent.append(paragraph);
    this.#words = new Inline(paragraph);
    this.#words.feed(line);
  }
}

/** Return the cells of a row. @param {string} line */
function cells(line) {
  const inner = line.slice(1).replace(/(?<!\\)\|[ \t]*$/, "");
  return inner.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
}
