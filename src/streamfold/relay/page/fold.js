// The records of a generation, folded into what there is of its reply (docs/relay.md, "Records").

/**
 * @typedef {Record<string, any> & {type: string}} GenerationRecord
 *
 * @typedef {object} Words
 * @property {"text" | "reasoning" | "refusal" | "plan"} type
 * @property {string[]} pieces as they came: joined, they are the words
 *
 * @typedef {object} ToolCall
 * @property {"tool_call"} type
 * @property {number} index
 * @property {string} name
 * @property {string[]} pieces the arguments as they came: joined, they are JSON once the call is complete
 * @property {boolean | null} complete `null` while it fills
 *
 * @typedef {Words | ToolCall} Block
 *
 * @typedef {object} End
 * @property {string} verdict
 * @property {{string: string, offset: number} | null} stop
 * @property {{output_tokens?: number, input_tokens?: number}} usage
 * @property {{first: number | null, total: number, per_second: number | null} | null} timing
 * @property {{type: string, message: string} | null} error
 */

const WORDS = new Set(["text", "reasoning", "refusal", "plan"]);

/** What there is of a reply so far. Only its first choice: the page asks for no other. */
export class ReplyFold {
  /** In the order in which they began. @type {Block[]} */
  blocks = [];
  /** How the reply ended; `null` before. @type {End | null} */
  end = null;
  /** How many pieces of content came: about as many as tokens, where the engine sends one each. */
  nPieces = 0;
  /** How often the reply began anew: whoever shows it shows it anew too. */
  attempt = 0;
  /** Whether further words begin a block of their own. */
  #broken = false;

  /** @param {GenerationRecord} record */
  feed(record) {
    if (record.choice) return;
    if (WORDS.has(record.type)) this.#say(/** @type {Words["type"]} */ (record.type), record.text);
    else if (record.type === "tool_call_start") this.#call(record);
    else if (record.type === "tool_call_delta") this.#argue(record.index, record.arguments);
    else if (record.type === "tool_call_end") this.#called(record);
    else if (record.type === "part_break") this.#broken = true;
    else if (record.type === "reset") this.#reset();
    else if (record.type === "end") this.end = /** @type {any} */ (record);
  }

  /** The answer, without the reasoning. */
  get text() {
    return this.blocks.map((block) => (block.type === "text" ? block.pieces.join("") : "")).join("");
  }

  /** @param {Words["type"]} type @param {string} text */
  #say(type, text) {
    let block = this.blocks.at(-1);
    if (block?.type !== type || this.#broken) {
      block = { type, pieces: [] };
      this.blocks.push(block);
    }
    this.#broken = false;
    block.pieces.push(text);
    this.nPieces++;
  }

  /** @param {GenerationRecord} record */
  #call({ index, name }) {
    this.blocks.push({ type: "tool_call", index, name, pieces: [], complete: null });
  }

  /** @param {number} index @returns {ToolCall | undefined} */
  #callAt(index) {
    return this.blocks.filter((block) => block.type === "tool_call").findLast((call) => call.index === index);
  }

  /** @param {number} index @param {string} piece */
  #argue(index, piece) {
    this.#callAt(index)?.pieces.push(piece);
    this.nPieces++;
  }

  /** @param {GenerationRecord} record */
  #called({ index, name, complete }) {
    const call = this.#callAt(index);
    if (call) [call.name, call.complete] = [name || call.name, complete];
  }

  #reset() {
    [this.blocks, this.nPieces, this.#broken] = [[], 0, false];
    this.attempt++;
  }
}
