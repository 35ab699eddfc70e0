// The chat of the AI SDK, which useChat wraps for React, against our server: streamed, reloaded in mid-reply, stopped.
// Usage: node ui_chat.mjs AI_MODULE URL; exits 0 if all is well.
import assert from "node:assert/strict"

const [module, base] = process.argv.slice(2)
const { AbstractChat, DefaultChatTransport } = await import(module)
const text = (message) => message.parts.filter((part) => part.type === "text").map((part) => part.text).join("")
const tokens = (n) => Array.from({ length: n }, (_, i) => `t${i + 1} `).join("")
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

class State {
  status = "ready"
  error = undefined
  constructor(messages) {
    this.messages = messages
  }
  pushMessage = (message) => (this.messages = [...this.messages, message])
  popMessage = () => (this.messages = this.messages.slice(0, -1))
  replaceMessage = (index, message) => (this.messages = this.messages.with(index, structuredClone(message)))
  snapshot = (value) => structuredClone(value)
}

class Chat extends AbstractChat {
  constructor(id, messages = []) {
    super({ id, state: new State(messages), transport: new DefaultChatTransport({ api: `${base}/api/chat` }) })
  }
}

// A whole reply.
const whole = new Chat("whole")
await whole.sendMessage({ text: "think 1 say 5" })
assert.equal(whole.status, "ready", String(whole.error))
assert.equal(text(whole.lastMessage), tokens(5))
assert.deepEqual(whole.lastMessage.parts.map((part) => part.type).filter((type) => type !== "step-start"), ["reasoning", "text"])
assert.equal(whole.lastMessage.metadata.usage.outputTokens, 5)

// What was said is the history of what is asked next.
await whole.sendMessage({ text: "say 2" })
assert.equal(text(whole.lastMessage), tokens(2))

// A reload in mid-reply: another chat of the same id, which knows just the question, finds the reply and its id.
const before = new Chat("reload")
const sending = before.sendMessage({ text: "say 60 pause 0.01" })
while (before.lastMessage?.role !== "assistant" || text(before.lastMessage).length < 10) await sleep(5)
const after = new Chat("reload", [before.messages[0]])
await after.resumeStream()
await sending
assert.equal(text(after.lastMessage), tokens(60))
assert.equal(after.lastMessage.id, before.lastMessage.id)
assert.equal(after.messages.length, 2)

// After the end there is nothing to resume.
const late = new Chat("reload", [before.messages[0]])
await late.resumeStream()
assert.equal(late.messages.length, 1)

// The page's own stop only leaves; the reply goes on until somebody cancels it.
const stopped = new Chat("stopped")
const leaving = stopped.sendMessage({ text: "say 5000 pause 0.01" })
while (stopped.lastMessage?.role !== "assistant") await sleep(5)
await stopped.stop()
await leaving
const again = new Chat("stopped", [stopped.messages[0]])
const resuming = again.resumeStream()
while (again.lastMessage?.role !== "assistant") await sleep(5)
for (let times = 0; times < 2; times++) {
  assert.equal((await fetch(`${base}/api/chat/stopped/cancel`, { method: "POST" })).status, 204)
}
await resuming
assert.ok(text(again.lastMessage).startsWith("t1 t2 "))

// A reply that breaks off is an error, with what came before.
const broken = new Chat("broken")
await broken.sendMessage({ text: "break 3" })
assert.equal(broken.status, "error")
assert.equal(text(broken.lastMessage), tokens(3))
