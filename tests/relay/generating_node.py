"""One node in a process of its own, for tests that end it: it serves a store and generates from an upstream.

Usage: python -m tests.relay.generating_node STORE UPSTREAM LEASE; it prints its URL when it is there.
"""

import asyncio
import socket
import sys

import uvicorn

from streamfold.relay.app import create_app
from streamfold.relay.engines import EngineSpec
from streamfold.relay.limits import Limits


async def main(store: str, upstream: str, lease: float) -> None:
    app = create_app(store, engines=[EngineSpec("openai", "m", upstream)], limits=Limits(lease=lease))
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=15))
    serving = asyncio.create_task(server.serve([listening]))
    while not server.started:
        await asyncio.sleep(0.01)
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    await serving


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
