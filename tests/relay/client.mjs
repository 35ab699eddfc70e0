// The Durable Streams project's own client against our server: write, cut, resume, follow to the end.
// Usage: node client.mjs CLIENT_MODULE URL; exits 0 if all is well.
import assert from "node:assert/strict"

const [module, base] = process.argv.slice(2)
const { DurableStream, IdempotentProducer, stream } = await import(module)
const url = `${base}/v1/stream/by-the-client`
const count = 300
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

const handle = await DurableStream.create({ url, contentType: "application/json" })
const producer = new IdempotentProducer(handle, "producer", { autoClaim: true })
const write = (async () => {
  for (let number = 1; number <= count; number++) {
    producer.append(JSON.stringify({ number }))
    if (number % 20 === 0) await sleep(10)
  }
  await producer.flush()
  await handle.close()
})()

// Each mode reads the whole stream in pieces: it is cut after every hundred messages and goes on at its offset.
async function readInPieces(live) {
  const seen = []
  let offset = "-1"
  while (true) {
    const cut = new AbortController()
    const response = await stream({ url, offset, live, signal: cut.signal })
    const before = seen.length
    const done = new Promise((resolve, reject) => {
      let left = false
      response.subscribeJson((batch) => {
        if (left) return
        left = seen.length + batch.items.length - before >= 100
        seen.push(...batch.items.map((item) => item.number))
        offset = batch.offset
        if (batch.streamClosed) resolve(true)
        else if (left) resolve(false)
      })
      response.closed.then(async () => {
        while (!left && offset !== response.offset) await sleep(5) // the last batch comes after the end
        resolve(true)
      }, reject)
    })
    const ended = await done
    cut.abort()
    if (ended) return seen
  }
}

const expected = Array.from({ length: count }, (_, index) => index + 1)
for (const seen of await Promise.all([readInPieces("sse"), readInPieces("long-poll"), readInPieces("sse")])) {
  assert.deepEqual(seen, expected)
}
await write
assert.equal((await DurableStream.connect({ url })).url, url)
