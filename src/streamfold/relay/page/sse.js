// Server-sent events: bytes into events, by WHATWG HTML 9.2.6, however the bytes are cut.

/**
 * @typedef {object} ServerSentEvent
 * @property {string} event its type; `message` where none was given
 * @property {string} data
 * @property {string} id the last event id at this point of the stream
 * @property {number | null} retry the reconnection time that this event sets, in milliseconds
 */

/** Cuts bytes into events. Time is linear in the bytes; memory is one event. */
export class SSE {
  /** What a reader sends as `Last-Event-ID` to resume here. */
  lastEventId = "";
  /** The reconnection time that the server asked for last, in milliseconds. @type {number | null} */
  retry = null;

  #decoder = new TextDecoder(); // takes a byte order mark off the start, and only there
  /** The line that is not at its end yet. @type {string[]} */
  #line = [];
  #afterCR = false;
  /** @type {string[]} */
  #data = [];
  #event = "";
  /** @type {string | null} */
  #id = null;
  /** @type {number | null} */
  #blockRetry = null;

  /**
   * Return the events that `bytes` completes. What the end of a stream leaves unfinished is dropped, as the standard
   * says: a reader resumes after the last whole event.
   *
   * @param {Uint8Array} bytes
   * @returns {ServerSentEvent[]}
   */
  feed(bytes) {
    let text = this.#decoder.decode(bytes, { stream: true });
    if (text && this.#afterCR) {
      this.#afterCR = false;
      if (text.startsWith("\n")) text = text.slice(1);
    }
    this.#afterCR ||= text.endsWith("\r");
    const lines = text.split(/\r\n|\r|\n/);
    /** @type {ServerSentEvent[]} */
    const events = [];
    for (const [index, line] of lines.entries()) {
      this.#line.push(line);
      if (index < lines.length - 1) this.#take(this.#line.splice(0).join(""), events);
    }
    return events;
  }

  /** @param {string} line @param {ServerSentEvent[]} events */
  #take(line, events) {
    if (line === "") return this.#dispatch(events);
    const colon = line.indexOf(":");
    if (colon === 0) return; // a comment
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (name === "data") this.#data.push(value);
    else if (name === "event") this.#event = value;
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    else if (name === "retry" && /^[0-9]{1,15}$/.test(value)) this.#blockRetry = this.retry = Number(value);
  }

  /** @param {ServerSentEvent[]} events */
  #dispatch(events) {
    this.lastEventId = this.#id ?? this.lastEventId;
    if (this.#data.length > 0) {
      const [event, retry] = [this.#event || "message", this.#blockRetry];
      events.push({ event, data: this.#data.join("\n"), id: this.lastEventId, retry });
    }
    [this.#data, this.#event, this.#id, this.#blockRetry] = [[], "", null, null];
  }
}
