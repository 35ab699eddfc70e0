// A small editor: a textarea over the same text in colour. Tab indents, Escape and then Tab leaves.

const TOKEN =
  /(?<comment>#[^\n]*)|(?<string>"""[\s\S]*?(?:"""|$)|'[^'\n]*'?|"[^"\n]*"?)|(?<number>\b\d[\d_.]*\b)|(?<word>\b[A-Za-z_]\w*\b)|(?<other>[\s\S])/g;
const KEYWORDS = new Set(
  ("False None True and as assert async await break class continue def del elif else except finally for from global " +
    "if import in is lambda nonlocal not or pass raise return try while with yield").split(" "),
);

/**
 * Make `area` an editor; return its text and a way to set it.
 *
 * @param {HTMLTextAreaElement} area
 * @param {HTMLElement} colours
 * @param {(text: string) => void} onChange
 */
export function editor(area, colours, onChange) {
  let leaving = false;
  const paint = () => colours.replaceChildren(...painted(`${area.value}\n`));
  area.addEventListener("input", () => {
    paint();
    onChange(area.value);
  });
  area.addEventListener("scroll", () => {
    colours.scrollTop = area.scrollTop;
    colours.scrollLeft = area.scrollLeft;
  });
  area.addEventListener("keydown", (event) => {
    if (event.key === "Tab" && !leaving && !event.shiftKey) {
      event.preventDefault();
      insert(area, "    ");
    } else if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      insert(area, `\n${indentation(area)}`);
    }
    leaving = event.key === "Escape";
  });
  return {
    get text() {
      return area.value;
    },
    set text(value) {
      area.value = value;
      paint();
    },
  };
}

/** @param {HTMLTextAreaElement} area @param {string} text */
function insert(area, text) {
  area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
  area.dispatchEvent(new Event("input"));
}

/** @param {HTMLTextAreaElement} area */
function indentation(area) {
  const line = area.value.slice(0, area.selectionStart).split("\n").at(-1) ?? "";
  const spaces = line.match(/^ */)?.[0] ?? "";
  return line.trimEnd().endsWith(":") ? `${spaces}    ` : spaces;
}

/** @param {string} code @returns {Node[]} */
function painted(code) {
  return [...code.matchAll(TOKEN)].map((match) => {
    const kind = match.groups?.word && KEYWORDS.has(match[0]) ? "keyword" : kindOf(match.groups ?? {});
    if (!kind) return document.createTextNode(match[0]);
    const span = document.createElement("span");
    span.className = kind;
    span.textContent = match[0];
    return span;
  });
}

/** @param {Record<string, string>} groups */
function kindOf(groups) {
  return ["comment", "string", "number"].find((kind) => groups[kind] !== undefined);
}
