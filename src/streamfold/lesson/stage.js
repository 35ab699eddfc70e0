// The stage: chunks on one side, the text growing on the other, the calls of the callback, the counter, the stop.

const TICK = 420; // milliseconds between two steps at normal speed

export class Stage {
  /** @type {Record<"belt" | "text" | "log" | "count" | "verdict" | "result", HTMLElement>} */
  #at;
  #n = 0;
  #pulled = 0;
  #run = 0;

  /** @param {HTMLElement} root where the stage is put up */
  constructor(root) {
    const parts = /** @type {HTMLTemplateElement} */ (document.querySelector("#stage-parts"));
    root.replaceChildren(parts.content.cloneNode(true));
    const named = (/** @type {string} */ name) => /** @type {HTMLElement} */ (root.querySelector(`.${name}`));
    for (const part of root.querySelectorAll("[aria-label]")) part.ariaLabel += ` of ${root.dataset.of}`;
    this.#at = {
      belt: named("belt"),
      text: named("text"),
      log: named("log"),
      count: named("count"),
      verdict: named("verdict"),
      result: named("result"),
    };
  }

  /**
   * Empty the stage, and lay the chunks that are known ahead on the belt.
   *
   * @param {string[]} chunks
   * @param {string | null} stop
   */
  clear(chunks, stop) {
    this.#run++;
    this.#n = this.#pulled = 0;
    this.#at.belt.replaceChildren();
    for (const chunk of chunks) this.#add(chunk, stop);
    this.#at.text.textContent = "";
    this.#at.log.replaceChildren();
    this.#at.count.textContent = "0";
    this.#at.verdict.textContent = "ready";
    this.#at.verdict.className = "verdict";
    this.#at.result.textContent = "";
  }

  /**
   * Play what happened, step by step.
   *
   * @param {[string, any][]} events
   * @param {string[]} chunks
   * @param {string | null} stop
   * @param {number} speed 1 is normal
   */
  async play(events, chunks, stop, speed = 1) {
    this.clear(chunks, stop);
    const run = this.#run;
    this.#at.verdict.textContent = "running";
    for (const [kind, value] of events) {
      if (!matchMedia("(prefers-reduced-motion: reduce)").matches) await pause(TICK / speed);
      if (run !== this.#run) return;
      this.show(kind, value, stop);
    }
  }

  /** Show one thing that happened. @param {string} kind @param {any} value @param {string | null} stop */
  show(kind, value, stop) {
    if (kind === "pull") this.#pull(value, stop);
    else if (kind === "token") this.#token(String(value));
    else if (kind === "result") this.#end(value, stop);
    else this.#fail(String(value));
  }

  /** @param {string} chunk @param {string | null} stop */
  #add(chunk, stop) {
    const item = document.createElement("li");
    item.textContent = visible(chunk);
    item.dataset.chunk = chunk;
    item.className = stop !== null && chunk === stop ? "marker" : "";
    this.#at.belt.append(item);
    return item;
  }

  /** @param {string} chunk @param {string | null} stop */
  #pull(chunk, stop) {
    const item = this.#at.belt.children[this.#pulled] ?? this.#add(chunk, stop);
    const stopped = this.#at.belt.querySelector(".lit");
    item.classList.add("pulled");
    if (stopped) item.classList.add("late");
    if (item.classList.contains("marker")) item.classList.add("lit");
    item.scrollIntoView?.({ block: "nearest", inline: "nearest" });
    this.#pulled++;
  }

  /** @param {string} chunk */
  #token(chunk) {
    const fresh = document.createElement("span");
    fresh.textContent = chunk;
    this.#at.text.append(fresh);
    const call = document.createElement("li");
    call.textContent = `on_token(${quoted(chunk)})`;
    this.#at.log.append(call);
    this.#at.log.scrollTop = this.#at.log.scrollHeight;
    this.#at.count.textContent = String(++this.#n);
  }

  /** @param {any} result @param {string | null} stop */
  #end(result, stop) {
    if (result?.verdict === "stopped" && stop !== null) this.#light(stop);
    const stopped = result?.stopped === true || result?.verdict === "stopped";
    this.#at.verdict.textContent = result?.verdict ?? (stopped ? "stopped" : "ended");
    this.#at.verdict.className = `verdict ${stopped ? "stopped" : "ended"}`;
    this.#at.result.textContent = `return ${python(result)}`;
  }

  /** Light the last chunks, as many as the stop lies in. @param {string} stop */
  #light(stop) {
    let text = "";
    for (const item of /** @type {HTMLElement[]} */ ([...this.#at.belt.children].reverse())) {
      if (text.includes(stop)) return;
      text = item.dataset.chunk + text;
      item.classList.add("marker", "lit");
    }
  }

  /** @param {string} why */
  #fail(why) {
    this.#at.verdict.textContent = "failed";
    this.#at.verdict.className = "verdict failed";
    this.#at.result.textContent = why;
  }
}

/** @param {number} milliseconds */
function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Return a chunk so that its spaces and line ends are seen. @param {string} chunk */
function visible(chunk) {
  return chunk === "" ? "∅" : chunk.replaceAll(" ", "␣").replaceAll("\n", "↵");
}

/** @param {string} text */
function quoted(text) {
  return JSON.stringify(text);
}

/** Return a value in Python's spelling. @param {any} value @returns {string} */
function python(value) {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (typeof value === "object") {
    return `{${Object.entries(value).map(([key, inner]) => `${quoted(key)}: ${python(inner)}`).join(", ")}}`;
  }
  return typeof value === "string" ? quoted(value) : String(value);
}
