// What every engine on this device has in common.

/**
 * @typedef {{role: string, content: string}} Message
 * @typedef {object} Chunk a chunk of a streamed reply, as in OpenAI's chat completions API
 * @typedef {{fraction: number, text: string}} Progress how much of the present step of loading is done (0 to 1), and a line about it
 *
 * @typedef {object} Engine
 * @property {string} model
 * @property {(messages: Message[], options?: Record<string, unknown>) => AsyncIterable<Chunk>} chat
 *   Start a reply; `options` are the API's other parameters (`max_tokens`, `temperature`, `seed`, ...). Leaving the
 *   iteration early, by `break` or by the iterator's `return`, stops the model and waits until it has stopped.
 * @property {() => void} stop Stop the reply that is being made; its chunks end soon after.
 * @property {() => Promise<void>} unload Free the model's memory.
 */

/**
 * Yield `chunks`; if the reader leaves early, interrupt the model and wait until it has stopped. An engine that is only
 * left may generate on, or hold its lock, so that the next request would wait for ever.
 *
 * @template T
 * @param {AsyncIterable<T>} chunks
 * @param {() => unknown} interrupt
 * @returns {AsyncGenerator<T>}
 */
export async function* interruptible(chunks, interrupt) {
  const iterator = chunks[Symbol.asyncIterator]();
  let ended = false;
  const next = async () => {
    const { done, value } = await iterator.next();
    ended = done === true;
    return value;
  };
  try {
    for (let chunk = await next(); !ended; chunk = await next()) yield chunk;
  } catch (error) {
    ended = true;
    throw error;
  } finally {
    if (!ended) {
      await interrupt();
      while (!ended) await next();
    }
  }
}
