"""Run in Pyodide: every kind of source once, and what importing streamfold has loaded."""

import sys

from streamfold import aconsume_stream, afold, astream, consume_stream, fold

WIRE = 'data: {"choices":[{"delta":{"content":"żółć"}}]}\n\ndata: [DONE]\n\n'.encode()
OBJECTS = [{"choices": [{"delta": {"content": "Hi"}}]}, {"choices": [{"delta": {}, "finish_reason": "stop"}]}]


async def arriving(chunks):
    for chunk in chunks:
        yield chunk


async def main():
    text = fold(["The capital", " <E", "ND> is"], stop=" <END>")
    loaded = sorted({"msgspec", "aiohttp", "httpx", "urllib3", "rich", "starlette"} & sys.modules.keys())
    wire = await afold(arriving([WIRE[:40], WIRE[40:]]))
    objects = fold(OBJECTS)
    async with astream(arriving(["a", "b"])) as events:
        kinds = [type(event).__name__ async for event in events]
    return {
        "contract": consume_stream(["a", "b", "<END>", "c"], None, "<END>"),
        "async contract": await aconsume_stream(arriving(["a", "b", "<END>", "c"]), None, "<END>"),
        "text": [text.text, text.verdict],
        "bytes": [wire.text, wire.verdict, wire.dialect],
        "objects": [objects.text, objects.verdict],
        "events": kinds,
        "loaded": loaded,
    }


result = main()
