"""Our relay. Usage: python -m bench.relay_servers.streamfold STORE."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

from bench.relay_servers.producing import serve, tokens
from streamfold.relay.app import create_app
from streamfold.relay.limits import Limits
from streamfold.relay.writing import Writer

app = create_app(sys.argv[1], limits=Limits(max_readers=100_000))


async def produce(number: int, rate: float, seconds: float) -> None:
    log = app.state.log
    stream = await log.head(f"generations/{number}")
    async with Writer(log, stream) as writer:
        async for token in tokens(number, rate, seconds):
            await writer.append(token.encode())
        await writer.end("done", b'{"type":"end"}')


async def ready(streams: int, rate: float, seconds: float) -> Callable[[], Awaitable[None]]:
    for number in range(streams):
        await app.state.log.start(f"generations/{number}", lease=300)

    async def go() -> None:
        await asyncio.gather(*[produce(number, rate, seconds) for number in range(streams)])

    return go


asyncio.run(serve(app, ready))
