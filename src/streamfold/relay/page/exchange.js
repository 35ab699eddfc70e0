// One turn on the page: what was asked, and the reply, asked for, followed and kept. Reloads and other tabs find the
// same turn in the store, and follow the same generation.

import { made } from "./elements.js";
import { ReplyFold } from "./fold.js";
import { cancel, headers, start } from "./relay.js";
import { Reply } from "./reply.js";
import { Backoff, RefusedError, follow, pause } from "./stream.js";
import { numbers, speedOf, verdictOf } from "./verdicts.js";

/**
 * @typedef {import("./turns.js").Turn} Turn
 *
 * @typedef {object} Around
 * @property {import("./turns.js").Turns} turns
 * @property {import("./announcer.js").Announcer} announcer
 * @property {(n: number) => {role: string, content: string}[]} before what was said before turn `n`
 * @property {(paint: () => void) => void} paint changes the page, which stays at its end if it is there
 * @property {() => void} onChange
 * @property {(exchange: Exchange) => void} onRetry
 */

export class Exchange {
  fold = new ReplyFold();
  #reply = new Reply();
  #verdict = made("span", "verdict");
  #speed = made("span", "speed");
  #retry = made("button", "quiet", "Try again");
  #foot = made("div", "foot", this.#verdict, this.#speed, this.#retry);
  #leave = new AbortController();
  #painting = false;
  #wishedToStop = false;
  /** When it was asked, and when its first piece came: by this tab's clock, if this tab has seen both. */
  #asked = 0;
  #first = 0;

  /** @param {Turn} turn @param {Around} around */
  constructor(turn, around) {
    this.turn = turn;
    this.around = around;
    const question = made("div", "question", made("h2", "unseen", "You"), made("div", "said", turn.text));
    this.answer = made("div", "answer", made("h2", "unseen", "Reply"), this.#reply.node, this.#foot);
    this.node = made("article", "exchange", question, this.answer);
    this.#retry.setAttribute("type", "button");
    this.#retry.addEventListener("click", () => around.onRetry(this));
  }

  get running() {
    return this.turn.end === null;
  }

  /** Go on with the turn from wherever it stands. @param {boolean} [fresh] whether it was asked just now */
  async run(fresh = false) {
    const { signal } = this.#leave;
    if (fresh) this.#asked = performance.now();
    this.#show();
    if (!this.running) return;
    try {
      if (!this.turn.generation) await this.#ask(signal);
      if (this.#wishedToStop) this.stop();
      const url = this.turn.generation?.url ?? "";
      const onRecords = (/** @type {import("./fold.js").GenerationRecord[]} */ records) => this.#take(records);
      await follow({ url, headers, signal, onRecords, onConnection: (there) => this.#connection(there) });
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    }
    if (!signal.aborted) await this.#keep();
  }

  /** Stop the model; what it has said stays. */
  async stop() {
    this.#wishedToStop = true;
    this.#verdict.textContent = "Stopping…";
    const id = this.turn.generation?.id;
    const backoff = new Backoff();
    while (id && this.running && !this.#leave.signal.aborted) {
      try {
        return await cancel(id);
      } catch (error) {
        if (error instanceof RefusedError) return; // it is gone, which the follower hears too
      }
      await pause(backoff.wait(Math.random()), this.#leave.signal);
    }
  }

  /** Let go of it: another exchange shows its turn now. */
  leave() {
    this.#leave.abort();
    this.node.remove();
  }

  /** Only the last one may be asked again. @param {boolean} last */
  allowRetry(last) {
    const bad = this.turn.end !== null && verdictOf(this.turn.end).bad;
    this.#retry.hidden = !last || !bad;
  }

  /** @param {AbortSignal} signal */
  async #ask(signal) {
    const { asking, text, key, n } = this.turn;
    const system = asking.system ? [{ role: "system", content: asking.system }] : [];
    const messages = [...system, ...this.around.before(n), { role: "user", content: text }];
    const body = { engine: asking.engine, messages, ...(asking.stop.length > 0 ? { stop: asking.stop } : {}) };
    const backoff = new Backoff();
    while (!signal.aborted) {
      try {
        this.turn.generation = await start(body, key, signal);
        return await this.around.turns.put(this.turn);
      } catch (error) {
        if (error instanceof RefusedError || signal.aborted) throw error;
        if (this.#wishedToStop) throw new RefusedError(0, "It was stopped before the server had it");
        const isNetwork = error instanceof TypeError; // what `fetch` fails with
        this.#connection(false, error instanceof Error && !isNetwork ? error.message : undefined);
      }
      await pause(backoff.wait(Math.random()), signal);
    }
  }

  /** @param {import("./fold.js").GenerationRecord[]} records */
  #take(records) {
    for (const record of records) this.fold.feed(record);
    if (this.fold.nPieces > 0) this.#first ||= performance.now();
    if (this.#painting || records.length === 0) return;
    this.#painting = true;
    requestAnimationFrame(() => {
      this.#painting = false;
      if (this.running) this.around.paint(() => this.#paint());
    });
  }

  #paint() {
    const said = this.#reply.update(this.fold);
    if (said) this.around.announcer.feed(said);
    if (this.fold.nPieces > 0) this.#count();
  }

  /** The numbers while it runs. */
  #count() {
    const now = performance.now();
    const first = this.#asked ? (this.#first - this.#asked) / 1000 : null;
    const seconds = (now - this.#first) / 1000;
    const rate = this.#asked && seconds > 0.5 ? (this.fold.nPieces - 1) / seconds : null;
    this.#speed.textContent = numbers(this.fold.nPieces, true, first, rate);
  }

  /** @param {boolean} there @param {string} [why] it is not there */
  #connection(there, why = "Connection lost") {
    const text = this.#wishedToStop ? "Stopping…" : there ? "" : `${why}. Trying again…`;
    if (this.#verdict.textContent !== text) this.#verdict.textContent = text;
  }

  /** @param {unknown} error */
  #fail(error) {
    const message = error instanceof Error ? error.message : String(error);
    this.fold.end ??= { verdict: "errored", stop: null, usage: {}, timing: null, error: { type: "page", message } };
  }

  /** The reply is whole: keep it, so that it outlives the server's log. */
  async #keep() {
    const { fold, turn } = this;
    const truncated = { verdict: "truncated", stop: null, usage: {}, timing: null, error: null };
    turn.blocks = fold.blocks.map((block) => ({ ...block, pieces: [block.pieces.join("")] }));
    turn.end = fold.end ?? truncated;
    turn.nPieces = fold.nPieces;
    fold.end = turn.end;
    this.around.paint(() => {
      this.#paint();
      this.#show();
    });
    this.around.announcer.end(verdictOf(turn.end).label);
    await this.around.turns.put(turn);
  }

  /** Show the turn as it stands. */
  #show() {
    const { end, blocks, nPieces } = this.turn;
    this.answer.setAttribute("aria-busy", String(end === null));
    this.node.classList.toggle("running", end === null);
    if (end === null) this.#connection(true);
    else {
      if (this.fold.blocks.length === 0) this.fold.blocks = blocks;
      this.fold.end = end;
      this.#reply.update(this.fold);
      const { label, bad } = verdictOf(end);
      this.#verdict.textContent = label;
      this.node.classList.toggle("bad", bad && end.verdict !== "cancelled");
      this.#speed.textContent = nPieces > 0 ? speedOf(end, nPieces) : "";
    }
    this.around.onChange();
  }
}
