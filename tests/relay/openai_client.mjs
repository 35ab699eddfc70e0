// OpenAI's own JavaScript client against our server: chat and responses, cut and gone on with.
// Usage: node openai_client.mjs OPENAI_MODULE URL; exits 0 if all is well.
import assert from "node:assert/strict"

const [module, base] = process.argv.slice(2)
const { default: OpenAI } = await import(module)
const client = new OpenAI({ baseURL: `${base}/v1`, apiKey: "unused", maxRetries: 0 })
const tokens = (n) => Array.from({ length: n }, (_, i) => `t${i + 1} `).join("")

const messages = [{ role: "user", content: "say 4" }]
const chat = await client.chat.completions.create({ model: "m", messages })
assert.equal(chat.choices[0].message.content, tokens(4))
let text = ""
for await (const chunk of await client.chat.completions.create({ model: "m", messages, stream: true })) {
  text += chunk.choices[0].delta.content ?? ""
}
assert.equal(text, tokens(4))

const seen = []
for await (const event of await client.responses.create({ model: "m", input: "say 20 pause 0.01", stream: true })) {
  seen.push(event)
  if (seen.length === 7) break
}
const id = seen[0].response.id
const rest = await client.responses.retrieve(id, { stream: true, starting_after: seen.at(-1).sequence_number })
for await (const event of rest) seen.push(event)
assert.deepEqual(seen.map((event) => event.sequence_number), seen.map((_, i) => i))
assert.equal(seen.at(-1).response.output_text ?? seen.at(-1).response.output[0].content[0].text, tokens(20))
