// Colour for the code of the usual languages, line by line as it arrives: comments, strings, numbers, keywords, calls.
// It is a reader's aid, not a parser: what it does not know is plain.

/** @typedef {[kind: string, text: string]} Token its kind is a CSS class; empty for plain text */

const C_LIKE =
  "abstract as async await bool boolean break byte case catch char class const continue crate debugger default " +
  "defer delete do double else enum export extends extern false final finally float fn for foreach from func " +
  "function go if impl implements import in instanceof int interface internal is let long loop map match mod " +
  "module mut namespace new nil null of operator override package private protected pub public range readonly ref " +
  "return self short signed sizeof static string struct super switch template this throw throws trait true try " +
  "type typedef typeof undefined union unsafe unsigned use using var virtual void volatile where while yield";
const PYTHON =
  "False None True and as assert async await break case class continue def del elif else except finally for from " +
  "global if import in is lambda match nonlocal not or pass raise return self try type while with yield";
const SHELL =
  "case do done elif else esac export fi for function if in local return set then until while cd echo sudo apt pip " +
  "npm git curl docker";
const SQL =
  "add all alter and as asc avg begin between by case commit constraint count create cross default delete desc " +
  "distinct drop else end exists foreign from full group having if in index inner insert into is join key left like " +
  "limit max min not null offset on or order outer primary references right rollback select set sum table then union " +
  "unique update values view when where with";
const RUBY =
  "and begin break case class def do else elsif end ensure false for function if in local module next nil not or " +
  "redo repeat rescue retry return self super then true unless until when while yield";
const DATA = "false no null off on true yes";

/**
 * @typedef {object} Language
 * @property {string} keywords
 * @property {string[]} line what begins a comment to the end of the line
 * @property {[string, string, string][]} spans what begins and ends a span over lines, and its kind
 * @property {boolean} [anyCase] whether keywords may be written in capitals
 */

/** @type {[string, string, string]} */
const BLOCK = ["/*", "*/", "comment"];
/** @type {Record<string, Language>} */
const LANGUAGES = {
  "js ts jsx tsx javascript typescript mjs": { keywords: C_LIKE, line: ["//"], spans: [BLOCK, ["`", "`", "string"]] },
  "c h cpp c++ cc hpp cs csharp java kotlin kt swift scala dart php rust rs zig objc": {
    keywords: C_LIKE,
    line: ["//"],
    spans: [BLOCK],
  },
  "go golang": { keywords: C_LIKE, line: ["//"], spans: [BLOCK, ["`", "`", "string"]] },
  "css scss less": { keywords: "", line: [], spans: [BLOCK] },
  "py python python3": {
    keywords: PYTHON,
    line: ["#"],
    spans: [
      ['"""', '"""', "string"],
      ["'''", "'''", "string"],
    ],
  },
  "sh bash shell zsh console": { keywords: SHELL, line: ["#"], spans: [] },
  "rb ruby": { keywords: RUBY, line: ["#"], spans: [] },
  "lua": { keywords: RUBY, line: ["--"], spans: [["--[[", "]]", "comment"]] },
  "sql sqlite postgresql mysql": { keywords: SQL, line: ["--"], spans: [BLOCK], anyCase: true },
  "json jsonc json5": { keywords: DATA, line: ["//"], spans: [BLOCK] },
  "yaml yml toml ini dockerfile makefile make": { keywords: DATA, line: ["#"], spans: [] },
  "html xml svg vue": { keywords: "", line: [], spans: [["<!--", "-->", "comment"]] },
};

/** @type {Map<string, {rule: RegExp, keywords: Set<string>, language: Language}>} */
const known = new Map();
for (const [names, language] of Object.entries(LANGUAGES)) {
  const made = { rule: ruleOf(language), keywords: new Set(language.keywords.split(" ")), language };
  for (const name of names.split(" ")) known.set(name, made);
}

/** Return what matches the next token: a span, a comment, a string, a word, a number. @param {Language} language */
function ruleOf({ line, spans }) {
  const escaped = (/** @type {string} */ text) => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
  const either = (/** @type {string[]} */ texts) => texts.map(escaped).join("|") || "(?!)";
  const span = `(?<span>${either(spans.map(([start]) => start))})`;
  const comment = `(?<comment>(?:${either(line)}).*)`;
  const string = `(?<string>"(?:[^"\\\\]|\\\\.)*"|'(?:[^'\\\\]|\\\\.)*')`;
  const word = "(?<word>[\\p{L}_$][\\p{L}\\p{N}_$]*)";
  const number = "(?<number>\\d[\\w.]*)";
  return new RegExp(`${span}|${comment}|${string}|${word}|${number}`, "gu");
}

/**
 * Return a function that cuts the next line of code into tokens; it remembers what began on earlier lines.
 *
 * @param {string} name of the language; what is not known stays plain
 * @returns {(line: string) => Token[]}
 */
export function highlighter(name) {
  const found = known.get(name.toLowerCase());
  if (!found) return (line) => [["", line]];
  /** @type {[string, string, string] | undefined} */
  let open;
  return (line) => {
    /** @type {Token[]} */
    const tokens = [];
    let at = 0;
    const take = (/** @type {string} */ kind, /** @type {number} */ end) => {
      if (end > at) tokens.push([kind, line.slice(at, end)]);
      at = end;
    };
    while (at < line.length) {
      if (open) {
        const end = line.indexOf(open[1], at);
        take(open[2], end < 0 ? line.length : end + open[1].length);
        if (end >= 0) open = undefined;
        continue;
      }
      found.rule.lastIndex = at;
      const match = found.rule.exec(line);
      take("", match?.index ?? line.length);
      if (!match) break;
      open = match.groups?.span ? found.language.spans.find(([start]) => start === match[0]) : undefined;
      take(open ? open[2] : kindOf(match, line, found), match.index + match[0].length);
    }
    return tokens;
  };
}

/** @param {RegExpExecArray} match @param {string} line @param {{keywords: Set<string>, language: Language}} found */
function kindOf({ groups, index, 0: text }, line, { keywords, language }) {
  if (groups?.comment) return "comment";
  if (groups?.string) return "string";
  if (groups?.number) return "number";
  if (keywords.has(language.anyCase ? text.toLowerCase() : text)) return "keyword";
  return line[index + text.length] === "(" ? "call" : "";
}
