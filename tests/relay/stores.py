"""How a test runs on every store."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from streamfold.relay.log import Log
from streamfold.relay.stores import open_store

PATIENCE = 50.0
"""Seconds in which anything must have happened, on a machine however slow."""


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Log]:
    """Give a log on the store at `url`, as one node has it."""
    store = await open_store(url)
    try:
        yield Log(store)
    finally:
        await store.close()


def on_every_store(test: Callable[..., Awaitable[None]]) -> Callable[[str], None]:
    """Make a test of a coroutine function that takes one log, or two: two nodes on one store."""
    nodes = test.__code__.co_argcount  # type: ignore[attr-defined]

    def run(store_url: str) -> None:
        async def main() -> None:
            async with AsyncExitStack() as stack:
                await test(*[await stack.enter_async_context(opened(store_url)) for _ in range(nodes)])

        asyncio.run(asyncio.wait_for(main(), PATIENCE))

    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    return run


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until the condition holds; the test's own deadline ends it."""
    while not await condition():
        await asyncio.sleep(0.01)
