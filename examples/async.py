"""Fold an async iterable event by event, and leave early: the source is closed at once."""

import asyncio
from collections.abc import AsyncIterator

from streamfold import StreamEnd, TextDelta, astream


async def model() -> AsyncIterator[str]:
    for word in ["One", " two", " three", " four"]:
        await asyncio.sleep(0.01)
        yield word


async def main() -> None:
    async with astream(model(), stop=" three") as events:
        async for event in events:
            match event:
                case TextDelta():
                    print(event.text, end="", flush=True)
                case StreamEnd():
                    print(f"\n{event.reply.verdict}")


if __name__ == "__main__":
    asyncio.run(main())
