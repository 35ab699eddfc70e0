"""PyPI's fastapi-resumable-stream. Usage: python -m bench.relay_servers.fastapi REDIS."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from fastapi_resumable_stream import ResumableStream
from redis.asyncio import Redis

from bench.relay_servers.producing import serve, tokens

app = FastAPI()
resumable = ResumableStream(Redis.from_url(sys.argv[1], max_connections=5000))


@app.get("/{number}")
async def read(number: int) -> StreamingResponse:
    stream = await resumable.resume(str(number), after=0)
    assert stream is not None

    async def events() -> AsyncIterator[str]:
        async for chunk in stream:
            yield f"data: {chunk}\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


async def ready(streams: int, rate: float, seconds: float) -> Callable[[], Awaitable[None]]:
    started = asyncio.Event()

    def producer(number: int) -> Callable[[], AsyncIterator[str]]:
        async def waiting() -> AsyncIterator[str]:
            await started.wait()
            async for token in tokens(number, rate, seconds):
                yield token

        return waiting

    for number in range(streams):
        await resumable.start(str(number), producer(number))

    async def go() -> None:
        started.set()

    return go


serve(app, ready)
