// How a reply ended, in words, and how fast it came.

/**
 * @typedef {import("./fold.js").End} End
 * @typedef {{label: string, bad: boolean}} Verdict `bad` is what one may want to try again
 */

/** @type {Record<string, Verdict>} */
const VERDICTS = {
  complete: { label: "Complete", bad: false },
  length: { label: "Cut off: it ran into its length limit", bad: true },
  tool_calls: { label: "Waits for the results of its tools", bad: false },
  filtered: { label: "The provider withheld the rest", bad: true },
  refused: { label: "The model declined", bad: true },
  truncated: { label: "Broke off before its end", bad: true },
  cancelled: { label: "Stopped by you", bad: true },
  timed_out: { label: "Took too long", bad: true },
};

/** The end of a reply that the page itself sees to. @param {string} verdict @param {string} [message] what went wrong @returns {End} */
export function endOf(verdict, message) {
  return { verdict, stop: null, usage: {}, timing: null, error: message ? { type: "page", message } : null };
}

/** @param {End} end @returns {Verdict} */
export function verdictOf(end) {
  const { verdict, stop, error } = end;
  if (verdict === "stopped") return { label: stop ? `Stopped at ${quoted(stop.string)}` : "Stopped", bad: false };
  const known = VERDICTS[verdict] ?? { label: "Failed", bad: true };
  const why = verdict === "cancelled" || !error?.message ? "" : `: ${error.message}`;
  return { ...known, label: known.label + why };
}

/** @param {string} text */
function quoted(text) {
  return `“${text.replaceAll("\n", "⏎").replaceAll("\t", "⇥")}”`;
}

/** @param {End} end @param {number} nPieces */
export function speedOf({ usage, timing }, nPieces) {
  const counted = usage?.output_tokens;
  return numbers(counted ?? nPieces, counted === undefined, timing?.first ?? null, timing?.per_second ?? null);
}

/**
 * The line of numbers under a reply.
 *
 * @param {number} tokens
 * @param {boolean} about whether they are pieces, not counted by the model
 * @param {number | null} first seconds to the first one
 * @param {number | null} perSecond
 */
export function numbers(tokens, about, first, perSecond) {
  const parts = [`${about ? "≈ " : ""}${tokens.toLocaleString("en")} token${tokens === 1 ? "" : "s"}`];
  if (first !== null) parts.push(`first after ${first.toFixed(2)} s`);
  if (perSecond !== null) {
    const digits = perSecond < 10 ? 1 : 0;
    parts.push(`${perSecond.toLocaleString("en", { maximumFractionDigits: digits })} tokens/s`);
  }
  return parts.join(" · ");
}
