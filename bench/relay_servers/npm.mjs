// The comparators of npm. Usage: node npm.mjs durable-streams | resumable-stream REDIS

import { createServer } from "node:http"
import { createRequire } from "node:module"
import { createInterface } from "node:readline"

const require = createRequire(`${process.env.BENCH_PACKAGES}/`)
const load = (name) => import(require.resolve(name))
const [kind, where] = process.argv.slice(2)
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const line = async () => (await lines.next()).value
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

async function* tokens(number, rate, seconds) {
  const start = performance.now() + ((number / rate) * 1000) / 200
  for (let count = 0; count < rate * seconds; count++) {
    await sleep(Math.max(0, start + (count / rate) * 1000 - performance.now()))
    yield `{"type":"text","text":"@${process.hrtime.bigint()};"}`
  }
}

async function durableStreams() {
  const { DurableStreamTestServer } = await load("@durable-streams/server")
  const server = new DurableStreamTestServer({ port: 0 })
  console.log(await server.start())
  const [streams, rate, seconds] = (await line()).split(" ").map(Number)
  const paths = Array.from({ length: streams }, (_, number) => `/v1/stream/generations/${number}`)
  for (const path of paths) await server.store.create(path, { contentType: "application/json" })
  console.log("ready")
  await line()
  const encoder = new TextEncoder()
  const produce = async (path, number) => {
    for await (const token of tokens(number, rate, seconds)) await server.store.append(path, encoder.encode(token), {})
    await server.store.closeStream(path)
  }
  await Promise.all(paths.map(produce))
}

async function resumableStream() {
  const { createResumableStreamContext } = await load("resumable-stream")
  const { createClient } = await load("redis")
  const options = { socket: { path: where.replace("unix://", "") } }
  const [publisher, subscriber] = [createClient(options), createClient(options)]
  await Promise.all([publisher.connect(), subscriber.connect()])
  const context = createResumableStreamContext({ waitUntil: (promise) => promise, publisher, subscriber })
  const server = createServer(async (request, response) => {
    const stream = await context.resumeExistingStream(request.url.slice(1))
    response.writeHead(200, { "Content-Type": "text/event-stream" })
    response.flushHeaders()
    for await (const chunk of stream) response.write(chunk)
    response.end()
  })
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve))
  console.log(`http://127.0.0.1:${server.address().port}`)
  const [streams, rate, seconds] = (await line()).split(" ").map(Number)
  let go
  const started = new Promise((resolve) => (go = resolve))
  const drain = async (stream) => {
    for await (const _ of stream);
  }
  for (let number = 0; number < streams; number++) {
    const source = async function* () {
      await started
      for await (const token of tokens(number, rate, seconds)) yield `data: ${token}\n\n`
    }
    drain(await context.createNewResumableStream(String(number), () => ReadableStream.from(source())))
  }
  console.log("ready")
  await line()
  go()
}

await (kind === "durable-streams" ? durableStreams() : resumableStream())
