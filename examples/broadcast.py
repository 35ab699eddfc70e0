"""Show one stream in two places: each reader at its own speed, and one that comes late misses nothing."""

import asyncio
from collections.abc import AsyncIterator

from streamfold import astream
from streamfold.fanout import AsyncBroadcast, AsyncReader


async def model() -> AsyncIterator[str]:
    for word in ["One", " two", " three", " four"]:
        await asyncio.sleep(0.01)
        yield word


async def show(name: str, reader: AsyncReader) -> None:
    async with reader:
        pieces = [text async for text in reader.text_stream]
    print(f"{name}: {' | '.join(pieces)}")


async def main() -> None:
    async with astream(model()) as events, asyncio.TaskGroup() as tasks:
        broadcast = AsyncBroadcast(events)
        tasks.create_task(show("from the start", broadcast.subscribe()))
        await broadcast.run()
        tasks.create_task(show("late", broadcast.subscribe()))


if __name__ == "__main__":
    asyncio.run(main())
