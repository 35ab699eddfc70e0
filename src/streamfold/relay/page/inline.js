// Markdown within a block, into DOM, as it arrives: emphasis, code, links.
//
// What is there stays: a span opens with its first mark and text goes into it. If its end never comes, the mark was
// text after all: the span is taken away around its content, and the mark put before it. Everything is made with
// createElement and text nodes, so that nothing a model writes is ever live.

/** Deeper spans are text: no model means them, and a document so deep is slow. */
const MAX_DEPTH = 12;
/** A longer row of one mark is several. */
const MAX_RUN = 64;
/** Longer destinations of links are text. */
const MAX_DESTINATION = 2000;

/** A text node that is longer is left alone: appending to it copies it. */
const MAX_NODE = 500;

/** @type {Record<string, string>} */
const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&nbsp;": "\u00a0" };
/** What may be more than a character of text. */
const SPECIAL = /[\\`*_~[\]!<&h]/g;
/** What may still become a tag or an address in angle brackets. */
const OPEN_ANGLE = /^<(b|br ?\/?|h|ht|htt|https?(:\/?|:\/\/[^\s<>]*)?)?$/i;
/** @type {Record<string, string>} */
const TAGS = { "*": "em", _: "em", "**": "strong", __: "strong", "~~": "del" };

/**
 * @typedef {{mark: string, node: HTMLElement}} Span an open one; its mark is `[` for a link, `![` for an image
 * @typedef {{ticks: number, node: HTMLElement, parts: string[]}} Code an open code span, with its text as it came
 */

/** One block's text. Feed it, then close it: only then is it known what an unfinished mark was. */
export class Inline {
  /** What cannot be told yet: a mark whose next character decides, a destination. */
  #held = "";
  /** The last character that was taken, which decides what a mark is. */
  #before = " ";
  /** @type {Span[]} */
  #spans = [];
  /** @type {Code | null} */
  #code = null;
  /** Lengths of runs of backticks that open nothing, because no end came. @type {Set<number>} */
  #dead = new Set();
  #root;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
  }

  /** @param {string} text */
  feed(text) {
    this.#run(this.#held + text, false);
  }

  close() {
    this.#run(this.#held, true);
    while (this.#code) {
      const { ticks, node, parts } = this.#code;
      this.#dead.add(ticks);
      this.#code = null;
      node.remove();
      this.#text("`".repeat(ticks));
      this.#run(parts.join(""), true);
    }
    this.#unwrap(0);
  }

  /** @param {string} text @param {boolean} whole whether nothing follows */
  #run(text, whole) {
    let at = 0;
    while (at < text.length) {
      const size = this.#code ? this.#inCode(text, at, whole) : this.#step(text, at, whole);
      if (size === 0) break;
      at += size;
      this.#before = text[at - 1] ?? " ";
    }
    this.#held = text.slice(at);
  }

  /**
   * Take what stands at `at`; return how much that was, 0 if it cannot be told yet. So do the methods below.
   *
   * @param {string} text
   * @param {number} at
   * @param {boolean} whole
   */
  #step(text, at, whole) {
    const char = text[at] ?? "";
    if (char === "h" && !/\w/.test(this.#before)) return this.#url(text, at, whole);
    SPECIAL.lastIndex = char === "h" ? at + 1 : at;
    const next = SPECIAL.exec(text)?.index ?? text.length;
    if (next > at) return this.#text(text.slice(at, next));
    if (char === "`") return this.#ticks(text, at, whole);
    if ("*_~".includes(char)) return this.#marks(text, at, whole);
    if (char === "]") return this.#closeLink(text, at, whole);
    if (char === "[") return this.#open("[", "span") ? 1 : this.#text("[");
    if (at + 1 === text.length && !whole) return 0;
    if (char === "!" && text[at + 1] === "[") return this.#open("![", "span") ? 2 : this.#text("![");
    if (char === "\\" && /[!-/:-@[-`{-~]/.test(text[at + 1] ?? "")) return this.#text(text[at + 1] ?? "") + 1;
    if (char === "&") return this.#entity(text, at, whole);
    if (char === "<") return this.#angle(text, at, whole);
    return this.#text(char);
  }

  get #top() {
    return this.#spans.at(-1)?.node ?? this.#root;
  }

  /** @param {string} text */
  #text(text) {
    const last = this.#top.lastChild;
    if (last instanceof Text && last.length < MAX_NODE) last.appendData(text);
    else this.#top.append(text);
    return text.length;
  }

  /** @param {string} mark @param {string} tag */
  #open(mark, tag) {
    if (this.#spans.length >= MAX_DEPTH) return false;
    const node = document.createElement(tag);
    this.#top.append(node);
    this.#spans.push({ mark, node });
    return true;
  }

  /** Turn the spans from `depth` on back into text. @param {number} depth */
  #unwrap(depth) {
    for (const { mark, node } of this.#spans.splice(depth).reverse()) {
      node.before(mark);
      moved(node, (child) => node.before(child));
      node.remove();
    }
  }

  /** Backticks: the beginning of a code span. @param {string} text @param {number} at @param {boolean} whole */
  #ticks(text, at, whole) {
    const size = runAt(text, at);
    if (at + size === text.length && !whole) return 0;
    if (this.#dead.has(size)) return this.#text("`".repeat(size));
    const node = document.createElement("code");
    this.#top.append(node);
    this.#code = { ticks: size, node, parts: [] };
    return size;
  }

  /** @param {string} text @param {number} at @param {boolean} whole */
  #inCode(text, at, whole) {
    const code = /** @type {Code} */ (this.#code);
    const end = text.indexOf("`", at);
    if (end !== at) return this.#intoCode(text.slice(at, end < 0 ? text.length : end));
    const size = runAt(text, at);
    if (at + size === text.length && !whole) return 0;
    if (size !== code.ticks) return this.#intoCode("`".repeat(size));
    const said = code.node.textContent ?? "";
    if (/^ .*[^ ].* $/s.test(said)) code.node.textContent = said.slice(1, -1); // CommonMark 6.1
    this.#code = null;
    return size;
  }

  /** @param {string} text */
  #intoCode(text) {
    this.#code?.parts.push(text);
    this.#code?.node.append(text);
    return text.length;
  }

  /** Emphasis: stars, underscores, tildes. @param {string} text @param {number} at @param {boolean} whole */
  #marks(text, at, whole) {
    const char = text[at] ?? "";
    const size = runAt(text, at);
    if (at + size === text.length && !whole) return 0;
    const after = text[at + size] ?? " ";
    const wordy = char === "_" && /[\p{L}\p{N}]/u.test(this.#before) && /[\p{L}\p{N}]/u.test(after);
    let left = size;
    if (!/\s/.test(this.#before) && !wordy) left = this.#closeMarks(char, left);
    const opens = !/\s/.test(after) && !wordy && (char !== "~" || left === 2) && left <= 3;
    for (const length of opens ? (left === 3 ? [2, 1] : [left]) : []) {
      const mark = char.repeat(length);
      if (length > 0 && this.#open(mark, TAGS[mark] ?? "em")) left -= length;
    }
    this.#text(char.repeat(left));
    return size;
  }

  /** Close what these marks close; return how many are left. @param {string} char @param {number} left */
  #closeMarks(char, left) {
    while (left > 0) {
      const fits = (/** @type {Span} */ span) => span.mark[0] === char && span.mark.length <= left;
      const depth = this.#spans.findLastIndex(fits);
      const inLink = this.#spans.slice(depth + 1).some((span) => span.mark.endsWith("["));
      if (depth < 0 || inLink || this.#spans[depth]?.node.hasChildNodes() === false) break;
      left -= this.#spans[depth]?.mark.length ?? left;
      this.#unwrap(depth + 1);
      this.#spans.pop();
    }
    return left;
  }

  /** The end of a link, if a destination follows. @param {string} text @param {number} at @param {boolean} whole */
  #closeLink(text, at, whole) {
    const depth = this.#spans.findLastIndex((span) => span.mark.endsWith("["));
    if (depth < 0) return this.#text("]");
    if (at + 1 === text.length && !whole) return 0;
    const end = text[at + 1] === "(" ? endOfDestination(text, at + 2) : -1;
    if (end === 0 && !whole) return 0;
    const destination = text.slice(at + 2, Math.max(end, at + 2)).trim().split(/\s/, 1)[0] ?? "";
    const address = destination.replace(/^<(.*)>$/, "$1");
    if (end <= 0 || !isSafe(address)) {
      this.#unwrap(depth);
      return this.#text("]");
    }
    this.#unwrap(depth + 1);
    const [span] = this.#spans.splice(depth);
    if (span) link(span.node, address);
    return end + 1 - at;
  }

  /** A bare address. @param {string} text @param {number} at @param {boolean} whole */
  #url(text, at, whole) {
    const start = text.slice(at, at + 8);
    if (!whole && ["https://", "http://"].some((scheme) => scheme !== start && scheme.startsWith(start))) return 0;
    if (!/^https?:\/\//.test(start)) return this.#text("h");
    const size = text.slice(at, at + MAX_DESTINATION).search(/[\s<>`"|]/);
    const found = size < 0 ? text.slice(at, at + MAX_DESTINATION) : text.slice(at, at + size);
    if (size < 0 && found.length < MAX_DESTINATION && !whole) return 0;
    return this.#linked(addressIn(found));
  }

  /** A character by its name. @param {string} text @param {number} at @param {boolean} whole */
  #entity(text, at, whole) {
    const name = text.slice(at, at + 6);
    const found = Object.keys(ENTITIES).find((entity) => name.startsWith(entity));
    if (found) {
      this.#text(ENTITIES[found] ?? found);
      return found.length;
    }
    const open = !whole && Object.keys(ENTITIES).some((entity) => entity.startsWith(name));
    return open ? 0 : this.#text("&");
  }

  /** `<br>` or `<https://...>`. @param {string} text @param {number} at @param {boolean} whole */
  #angle(text, at, whole) {
    const rest = text.slice(at, at + MAX_DESTINATION);
    const [found] = /^<(br ?\/?|https?:\/\/[^\s<>]*)>/i.exec(rest) ?? [];
    if (found === undefined) return !whole && OPEN_ANGLE.test(rest) ? 0 : this.#text("<");
    if (/^<br/i.test(found)) this.#top.append(document.createElement("br"));
    else this.#linked(found.slice(1, -1));
    return found.length;
  }

  /** @param {string} address */
  #linked(address) {
    const node = document.createElement("span");
    node.textContent = address;
    this.#top.append(node);
    link(node, address);
    return address.length;
  }
}

/** Return how often the character at `at` stands there in a row. @param {string} text @param {number} at */
function runAt(text, at) {
  let end = at + 1;
  while (text[end] === text[at] && end - at < MAX_RUN) end++;
  return end - at;
}

/**
 * Return where the bracket closes that `at` is in; 0 if it is not there yet, -1 if it never may.
 *
 * @param {string} text
 * @param {number} at
 */
function endOfDestination(text, at) {
  let depth = 1;
  for (let end = at; end < Math.min(text.length, at + MAX_DESTINATION); end++) {
    if (text[end] === "\n") return -1;
    if (text[end] === "(") depth++;
    if (text[end] === ")" && --depth === 0) return end;
  }
  return text.length - at < MAX_DESTINATION ? 0 : -1;
}

/** Return the address without what ends the sentence around it. @param {string} found */
function addressIn(found) {
  const address = found.replace(/[.,:;!?'"*_~\])]+$/, "");
  return address.includes("(") && found[address.length] === ")" ? `${address})` : address;
}

/** @param {string} address */
function isSafe(address) {
  return /^(https?:\/\/|mailto:)/i.test(address) && URL.canParse(address);
}

/** Make `node` a link, if that is safe. @param {HTMLElement} node @param {string} destination */
function link(node, destination) {
  if (!isSafe(destination)) return;
  const anchor = document.createElement("a");
  anchor.href = destination;
  anchor.rel = "noopener noreferrer nofollow";
  anchor.target = "_blank";
  moved(node, (child) => anchor.append(child));
  if (!anchor.hasChildNodes()) anchor.textContent = destination;
  node.replaceWith(anchor);
}

/**
 * Move all that is in `node`, one by one: there may be more than a call takes.
 *
 * @param {Node} node
 * @param {(child: Node) => void} move
 */
function moved(node, move) {
  for (let child = node.firstChild; child; child = node.firstChild) move(child);
}
