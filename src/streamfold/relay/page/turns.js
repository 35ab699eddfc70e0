// The conversations, kept in this browser: one record a turn, so that a long one costs no more to go on with. Other
// tabs are told of each change.

/**
 * @typedef {object} Turn what was asked, and how far it is answered
 * @property {string} chat
 * @property {number} n its place in the chat, from 0
 * @property {string} key names the attempt: asked twice with the same key, the server answers once
 * @property {string} text
 * @property {import("./settings.js").Asking} asking
 * @property {{id: string, url: string} | null} generation `null` until the server has said it
 * @property {string | null} maker the page that makes the reply, where the server does not
 * @property {import("./fold.js").Block[]} blocks the reply, once it is whole; before, what its maker has kept of it
 * @property {number} nPieces how many pieces that was
 * @property {import("./fold.js").End | null} end `null` until it is whole
 */

/** @returns {Promise<IDBDatabase>} */
function open() {
  const request = indexedDB.open("streamfold-chat", 1);
  request.onupgradeneeded = () => request.result.createObjectStore("turns", { keyPath: ["chat", "n"] });
  return done(request);
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

export class Turns {
  #database = open();
  #channel = new BroadcastChannel("streamfold-chat");

  /** @param {string} chat @returns {Promise<Turn[]>} */
  async of(chat) {
    return done((await this.#store("readonly")).getAll(IDBKeyRange.bound([chat, 0], [chat, Infinity])));
  }

  /** @param {string} chat @param {number} n @returns {Promise<Turn | undefined>} */
  async at(chat, n) {
    return done((await this.#store("readonly")).get([chat, n]));
  }

  /**
   * Keep a turn that is new.
   *
   * @param {Turn} turn
   * @throws {DOMException} another tab was first: there is one at its place
   */
  async add(turn) {
    await done((await this.#store("readwrite")).add(turn));
    this.#channel.postMessage({ chat: turn.chat, n: turn.n });
  }

  /** Keep a turn in place of what it was. @param {Turn} turn */
  async put(turn) {
    await done((await this.#store("readwrite")).put(turn));
    this.#channel.postMessage({ chat: turn.chat, n: turn.n });
  }

  /** Ask the tab that makes the reply to stop. @param {Turn} turn */
  stop({ chat, n }) {
    this.#channel.postMessage({ chat, n, stop: true });
  }

  /** Hear of turns that other tabs change, or want to stop. @param {(told: {chat: string, n: number, stop?: true}) => void} listener */
  watch(listener) {
    this.#channel.addEventListener("message", ({ data }) => listener(data));
  }

  /** @param {IDBTransactionMode} mode */
  async #store(mode) {
    return (await this.#database).transaction("turns", mode).objectStore("turns");
  }
}
