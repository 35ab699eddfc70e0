// One turn on the page: what was asked, and the reply, asked for, followed and kept. Reloads and other tabs find the
// same turn in the store, and follow the same generation; a reply that is made on this device they find as far as its page
// has kept it.

import { made } from "./elements.js";
import { ReplyFold } from "./fold.js";
import { Foot } from "./foot.js";
import { gone } from "./pages.js";
import { cancel, headers, start } from "./relay.js";
import { Reply } from "./reply.js";
import { Backoff, RefusedError, follow, pause } from "./stream.js";
import { endOf, numbers, speedOf, verdictOf } from "./verdicts.js";

/**
 * @typedef {import("./turns.js").Turn} Turn
 *
 * @typedef {object} Around
 * @property {import("./turns.js").Turns} turns
 * @property {import("./device.js").Device} device
 * @property {import("./announcer.js").Announcer} announcer
 * @property {(n: number) => {role: string, content: string}[]} before what was said before turn `n`
 * @property {(paint: () => void) => void} paint changes the page, which stays at its end if it is there
 * @property {() => void} onChange
 * @property {(exchange: Exchange) => void} onRetry
 */

/** Milliseconds between two times that a reply made here is kept; a page that is closed loses what came since. */
const KEEP = 250;

export class Exchange {
  fold = new ReplyFold();
  #reply = new Reply();
  #foot = new Foot(() => this.around.onRetry(this));
  #leave = new AbortController();
  /** Stops the model on this device; there is one while this page makes the reply. @type {AbortController | null} */
  #halt = null;
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
    this.answer = made("div", "answer", made("h2", "unseen", "Reply"), this.#reply.node, this.#foot.node);
    this.node = made("article", "exchange", question, this.answer);
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
      if (!this.turn.maker) await this.#follow(signal);
      else if (fresh) await this.#make(signal);
      else await this.#watch(this.turn.maker, signal);
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    }
    if (!signal.aborted) await this.#keep();
  }

  /** Stop the model; what it has said stays. */
  async stop() {
    this.#wishedToStop = true;
    this.#foot.say("Stopping…");
    if (this.isMaker) return this.#halt?.abort();
    if (this.turn.maker) return this.around.turns.stop(this.turn);
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

  /** Whether it is this page that makes the reply. */
  get isMaker() {
    return this.#halt !== null;
  }

  /** Show what the page that makes the reply has kept of it. @param {Turn} turn */
  catchUp({ blocks, nPieces }) {
    Object.assign(this.fold, { blocks, nPieces });
    this.around.paint(() => this.#paint());
  }

  /** Let go of it: another exchange shows its turn now. */
  leave() {
    this.#leave.abort();
    this.node.remove();
  }

  /** Only the last one may be asked again. @param {boolean} last */
  allowRetry(last) {
    const bad = this.turn.end !== null && verdictOf(this.turn.end).bad;
    this.#foot.allowRetry(last && bad);
  }

  /** Follow the server's reply, once it has been asked for. @param {AbortSignal} signal */
  async #follow(signal) {
    if (!this.turn.generation) await this.#ask(signal);
    if (this.#wishedToStop) this.stop();
    const url = this.turn.generation?.url ?? "";
    const onRecords = (/** @type {import("./fold.js").GenerationRecord[]} */ records) => this.#take(records);
    await follow({ url, headers, signal, onRecords, onConnection: (there) => this.#connection(there) });
  }

  /** Make the reply here. @param {AbortSignal} signal */
  async #make(signal) {
    const { model, stop } = this.turn.asking;
    if (!model) throw new Error("no model on this device is chosen");
    this.#halt = new AbortController();
    let kept = 0;
    const making = this.around.device.answer({
      model,
      messages: this.#messages,
      stop,
      signal: AbortSignal.any([signal, this.#halt.signal]),
      onProgress: (progress) => this.#load(model, progress),
      onLoaded: () => {
        this.#foot.loaded();
        this.#connection(true);
        this.#asked = performance.now();
      },
      onRecords: async (records) => {
        this.#take(records);
        if (performance.now() - kept < KEEP || !this.fold.nPieces || this.fold.end) return;
        kept = performance.now();
        const { blocks, nPieces } = this.fold;
        await this.around.turns.put(Object.assign(this.turn, { blocks, nPieces }));
      },
    });
    await making.finally(() => (this.#halt = null));
  }

  /**
   * Show what another page makes, up to here, until that page is gone: then the reply is no longer made. When it is whole
   * its turn comes, and another exchange takes this one's place.
   *
   * @param {string} maker
   * @param {AbortSignal} signal
   */
  async #watch(maker, signal) {
    this.catchUp(this.turn);
    await gone(maker, signal);
    const { chat, n, key } = this.turn;
    const kept = await this.around.turns.at(chat, n);
    if (kept?.key !== key) return this.#leave.abort();
    if (kept.end) this.fold.attempt++; // its pieces are joined: they are shown anew
    this.catchUp(kept);
    this.fold.end = kept.end ?? endOf("truncated", "its page was closed");
  }

  /** @param {import("./settings.js").Model} model @param {import("/learn/engines/engine.js").Progress} progress */
  #load({ id, megabytes }, { fraction, text }) {
    if (!this.#foot.isLoading) this.around.announcer.say(`Loading ${id}, ${megabytes} megabytes.`);
    this.#foot.load(fraction);
    if (!this.#wishedToStop) this.#foot.say(`Loading ${id}, ${megabytes} MB. ${text}`);
  }

  /** The conversation up to the question. */
  get #messages() {
    const { asking, text, n } = this.turn;
    const system = asking.system ? [{ role: "system", content: asking.system }] : [];
    return [...system, ...this.around.before(n), { role: "user", content: text }];
  }

  /** @param {AbortSignal} signal */
  async #ask(signal) {
    const { asking, key } = this.turn;
    const messages = this.#messages;
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
    this.#foot.count(numbers(this.fold.nPieces, true, first, rate));
  }

  /** @param {boolean} there @param {string} [why] it is not there */
  #connection(there, why = "Connection lost") {
    this.#foot.say(this.#wishedToStop ? "Stopping…" : there ? "" : `${why}. Trying again…`);
  }

  /** @param {unknown} error */
  #fail(error) {
    const message = error instanceof Error ? error.message : String(error);
    this.fold.end ??= endOf("errored", message);
  }

  /** The reply is whole: keep it, so that it outlives the server's log. */
  async #keep() {
    const { fold, turn } = this;
    turn.blocks = fold.blocks.map((block) => ({ ...block, pieces: [block.pieces.join("")] }));
    turn.end = fold.end ?? endOf("truncated");
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
    if (end !== null) this.#foot.loaded();
    this.answer.setAttribute("aria-busy", String(end === null));
    this.node.classList.toggle("running", end === null);
    if (end === null) this.#connection(true);
    else {
      if (this.fold.blocks.length === 0) this.fold.blocks = blocks;
      this.fold.end = end;
      this.#reply.update(this.fold);
      const { label, bad } = verdictOf(end);
      this.#foot.say(label);
      this.node.classList.toggle("bad", bad && end.verdict !== "cancelled");
      this.#foot.count(nPieces > 0 ? speedOf(end, nPieces) : "");
    }
    this.around.onChange();
  }
}
