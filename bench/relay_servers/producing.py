"""What the Python servers share: the dialogue with the bench, and tokens in time."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import uvicorn

Ready = Callable[[int, float, float], Awaitable[Callable[[], Awaitable[None]]]]


async def tokens(number: int, rate: float, seconds: float) -> AsyncIterator[str]:
    """Yield tokens at their times, each stream a little later than the one before."""
    start = asyncio.get_running_loop().time() + number / rate / 200
    for count in range(int(rate * seconds)):
        await asyncio.sleep(max(0, start + count / rate - asyncio.get_running_loop().time()))
        yield f'{{"type":"text","text":"@{time.monotonic_ns()};"}}'


async def _line() -> str:
    return await asyncio.to_thread(sys.stdin.readline)


def serve(app: Any, ready: Ready) -> None:
    """Serve the application as ``uvicorn`` does, on uvloop, and follow what the bench says.

    Args:
        app: ASGI.
        ready: Makes the streams ready; returns what produces.
    """
    config = uvicorn.Config(app, port=0, log_level="warning", access_log=False, loop="uvloop", http="httptools")
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_serve(uvicorn.Server(config), ready))


async def _serve(server: uvicorn.Server, ready: Ready) -> None:
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    print(f"http://127.0.0.1:{port}", flush=True)
    streams, rate, seconds = (await _line()).split()
    produce = await ready(int(streams), float(rate), float(seconds))
    print("ready", flush=True)
    await _line()
    await produce()
    await serving
