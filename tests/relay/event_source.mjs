// An EventSource on a generation: its connection is cut again and again, it goes on by itself, and stops at the end.
// Usage: node event_source.mjs EVENTSOURCE_MODULE URL TOKENS; exits 0 if all is well.
import assert from "node:assert/strict"

const [module, url, count] = process.argv.slice(2)
const { EventSource } = await import(module)
const seen = []
let cuts = 0
let cutting = false

// The body of a response as it comes, until somebody cuts it: then it ends where it is.
function cuttable(body) {
  const reader = body.getReader()
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read()
      if (done || cutting) {
        cutting = false
        controller.close()
        await reader.cancel()
      } else controller.enqueue(value)
    },
  })
}

const source = new EventSource(url, {
  fetch: async (target, options) => {
    const { body, status, headers, redirected } = await fetch(target, options)
    return { body: body && cuttable(body), status, headers, redirected, url: String(target) }
  },
})
const alive = setInterval(() => {}, 1000) // while it waits to come again, an EventSource lets the process end
await new Promise((resolve) => {
  source.onmessage = (event) => {
    seen.push([Number(event.lastEventId), JSON.parse(event.data)])
    if (seen.length % 25 === 0 && cuts < 4) {
      cuts += 1
      cutting = true
    }
  }
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) resolve() // a 204 closes it for good
  }
})
clearInterval(alive)
assert.equal(cuts, 4)
assert.deepEqual(seen.map(([id]) => id), Array.from({ length: seen.length }, (_, i) => i + 1))
const text = seen.map(([, record]) => (record.type === "text" ? record.text : "")).join("")
assert.equal(text, Array.from({ length: Number(count) }, (_, i) => `t${i + 1} `).join(""))
assert.equal(seen.at(-1)[1].verdict, "complete")
