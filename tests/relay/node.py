"""One node in a process of its own, for tests that kill it: it serves a store, and produces generations if told to.

Usage: python -m tests.relay.node STORE [GENERATION ...]; it prints its URL when it is there.
"""

import asyncio
import socket
import sys

import uvicorn

from streamfold.relay.app import create_app
from streamfold.relay.log import Log
from streamfold.relay.stores import open_store
from streamfold.relay.writing import Writer

LEASE = 1.5
TOKENS = 400
PAUSE = 0.005


async def produce(store_url: str, path: str) -> None:
    log = Log(await open_store(store_url))
    created = await log.start(path, lease=LEASE)
    async with Writer(log, created.stream, lease=LEASE) as writer:
        for number in range(1, TOKENS + 1):
            await writer.append(b"%d" % number)
            await asyncio.sleep(PAUSE)
        await writer.end("done", b'{"type":"end","verdict":"complete"}')
    await log.store.close()


async def main(store_url: str, generations: list[str]) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(store_url), log_level="warning"))
    serving = asyncio.create_task(server.serve([listening]))
    while not server.started:
        await asyncio.sleep(0.01)
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    await asyncio.gather(serving, *[produce(store_url, path) for path in generations])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
