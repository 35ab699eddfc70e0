"""What a chunk of a JavaScript engine costs in a browser's Python, in microseconds of processor time.

Runs in Pyodide under Node, where `make .cache/browser/ready` has put it::

    node tests/browser/in_pyodide.mjs .cache/browser/node_modules .cache/browser/wheels $PWD bench/in_pyodide.py
"""

import js
from pyodide.code import run_js

from streamfold import afold

N_CHUNKS = 5_000
ROUNDS = 5
stream = run_js("""
async function* stream(n) {
  const choice = (delta, finish_reason = null) => ({ index: 0, delta, finish_reason, logprobs: null });
  const chunk = { id: "8c0f4738", model: "tiny", object: "chat.completion.chunk", created: 1795329910 };
  for (let i = 0; i < n; i++) yield { ...chunk, choices: [choice({ role: "assistant", content: " word" })] };
  yield { ...chunk, choices: [choice({}, "stop")] };
}
stream
""")


async def iterate():
    """Pull each chunk, as Pyodide does it, and look at nothing."""
    async for _ in stream(N_CHUNKS):
        pass


async def read_by_hand():
    """Pull each chunk and read its text through Pyodide's proxies."""
    parts = []
    async for chunk in stream(N_CHUNKS):
        for choice in chunk.choices:
            if getattr(choice.delta, "content", None):
                parts.append(choice.delta.content)


async def convert():
    """Pull each chunk and convert it to Python's dicts and lists."""
    parts = []
    async for chunk in stream(N_CHUNKS):
        for choice in chunk.to_py()["choices"]:
            parts.append(choice["delta"].get("content"))


async def fold():
    """Fold the stream, with a callback for its text."""
    reply = await afold(stream(N_CHUNKS), on_text=lambda text: None)
    assert len(reply.text) == N_CHUNKS * len(" word"), reply


async def main():
    best = {}
    for _ in range(ROUNDS):
        for way in (iterate, read_by_hand, convert, fold):
            before = js.process.cpuUsage().user
            await way()
            cost = (js.process.cpuUsage().user - before) / N_CHUNKS
            best[way.__name__] = round(min(cost, best.get(way.__name__, cost)), 1)
    return best


result = main()
