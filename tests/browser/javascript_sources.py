"""Run in Pyodide: JavaScript's streams folded from Python. Each case leaves what it saw in `result`, under its name."""

import asyncio
import json

from pyodide.code import run_js

from streamfold import Timeouts, afold, astream, fold
from streamfold.errors import SourceError
from streamfold.sources import interruptible

# An engine with a lock, as WebLLM has: a stream that is neither ended nor left holds it.
Engine = run_js("""
(chunks, options = {}) => {
  const log = [];
  let locked = false, interrupted = false;
  async function* stream() {
    if (locked) throw new Error("the engine is locked");
    locked = true;
    try {
      for (const chunk of chunks) {
        if (interrupted) {
          log.push("drained");
          yield { choices: [{ index: 0, delta: {}, finish_reason: "abort" }] };
          return;
        }
        if (chunk === "boom") throw new Error("device lost");
        log.push("made");
        yield chunk;
        if (options.slow) await new Promise((resolve) => setTimeout(resolve, 5));
      }
    } finally { locked = false; log.push("left"); }
  }
  const interrupt = async () => { interrupted = true; log.push("interrupted"); };
  return { stream, log, interrupt, isLocked: () => locked };
}
""")
js = run_js("(text) => JSON.parse(text)")


def chunk(text=None, *, index=0, finish=None, **others):
    """Return a chunk as WebLLM sends it: with nulls, and the role on each."""
    delta = {"role": "assistant"} | ({} if text is None else {"content": text})
    choice = {"index": index, "delta": {} if finish else delta, "finish_reason": finish, "logprobs": None}
    return {"id": "1", "model": "m", "object": "chat.completion.chunk", "choices": [choice], **others}


def engine(*chunks, **options):
    return Engine(js(json.dumps(chunks)), js(json.dumps(options)))


WORDS = [chunk("The"), chunk(" capital"), chunk(" 東京"), chunk(" 👩‍🚀"), chunk(finish="stop")]
USAGE = {
    **chunk(),
    "choices": [],
    "usage": {"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 9, "extra": {"decode_tokens_per_s": 9.5}},
}


async def text_and_usage():
    reply = await afold(engine(*WORDS, USAGE).stream())
    return [
        reply.text,
        reply.verdict,
        reply.model,
        reply.usage.output_tokens,
        reply.usage.raw["extra"],
        reply.anomalies,
    ]


async def chunk_by_chunk():
    async with astream(engine(*WORDS).stream()) as events:
        return [text async for text in events.text_stream]


async def reasoning():
    pieces = ("<thi", "nk>Hm", "</think>", "\nYes")
    reply = await afold(engine(*map(chunk, pieces), chunk(finish="stop")).stream())
    return [reply.reasoning, reply.text]


async def finish_reasons():
    found = {}
    for reason in ("stop", "length", "abort", "tool_calls"):
        found[reason] = (await afold(engine(chunk("x"), chunk(finish=reason)).stream())).verdict
    return found


async def choices():
    both = [chunk("b", index=1), chunk("a"), chunk(finish="stop", index=1), chunk(finish="stop")]
    return [choice.text for choice in (await afold(engine(*both).stream())).choices]


async def a_marker_over_chunks():
    made = engine(*map(chunk, ("Hello", " <|im", "_end|>", " never", " made")))
    shown = []
    reply = await afold(made.stream(), stop="<|im_end|>", on_text=shown.append)
    return [shown, reply.verdict, made.log.to_py(), made.isLocked()]


async def left_early():
    made = engine(*WORDS)
    async with astream(made.stream()) as events:
        async for _ in events.text_stream:
            break
    again = await afold(made.stream())
    return [events.reply.verdict, made.log.to_py()[:2], again.verdict]


async def left_before_the_first_chunk():
    made = engine(*WORDS)
    async with astream(made.stream()):
        pass
    return [made.log.to_py(), (await afold(made.stream())).verdict]


async def cancelled_while_waiting():
    made = engine(*WORDS, slow=True)
    task = asyncio.create_task(afold(made.stream()))
    await asyncio.sleep(0.012)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError as error:
        partial = error.streamfold_partial.text
    return [
        WORDS[0]["choices"][0]["delta"]["content"] in partial,
        made.isLocked(),
        (await afold(made.stream())).verdict,
    ]


async def interrupted_and_drained():
    made = engine(*WORDS)
    async with astream(interruptible(made.stream(), made.interrupt)) as events:
        async for _ in events.text_stream:
            break
    return [made.log.to_py(), made.isLocked()]


async def not_interrupted_at_its_end():
    made = engine(*WORDS)
    reply = await afold(interruptible(made.stream(), made.interrupt))
    return [reply.verdict, "interrupted" in made.log.to_py()]


async def an_error():
    reply = await afold(engine(chunk("Hel"), "boom").stream())
    return [reply.text, reply.verdict, type(reply.error) is SourceError, str(reply.error)]


async def a_deadline():
    made = engine(*WORDS, slow=True)
    stalled = run_js("""
      () => (async function* () {
        yield { choices: [{ index: 0, delta: { content: "Hel" } }] };
        await new Promise((resolve) => setTimeout(resolve, 400));
      })()
    """)
    reply = await afold(stalled(), timeouts=Timeouts(gap=0.1))
    in_time = await afold(made.stream(), timeouts=Timeouts(gap=5))
    return [reply.text, reply.verdict, in_time.verdict]


async def text_chunks():
    reply = await afold(run_js('(async function* () { yield "Hel"; yield ""; yield "lo"; })()'))
    return [reply.text, reply.verdict]


async def a_response():
    body = 'data: {"choices":[{"delta":{"content":"żółć"}}]}\\n\\ndata: [DONE]\\n\\n'
    reply = await afold(run_js(f"new Response('{body}').body"))
    return [reply.text, reply.verdict]


async def a_list():
    reply = await afold(js(json.dumps(WORDS)))
    return [reply.text, fold(WORDS).text]


async def main():
    cases = [
        text_and_usage, chunk_by_chunk, reasoning, finish_reasons, choices, a_marker_over_chunks, left_early,
        left_before_the_first_chunk, cancelled_while_waiting, interrupted_and_drained, not_interrupted_at_its_end,
        an_error, a_deadline, text_chunks, a_response, a_list,
    ]  # fmt: skip
    found = {}
    for case in cases:
        try:
            found[case.__name__] = await asyncio.wait_for(case(), 20)
        except Exception as error:
            found[case.__name__] = f"{type(error).__name__}: {error}"
    return json.loads(json.dumps(found, default=str))


result = main()
