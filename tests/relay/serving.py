"""The relay as its users meet it: served by uvicorn on the loopback, here in a thread of its own."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from streamfold.relay.app import create_app


@contextmanager
def serving(store_url: str, **settings: Any) -> Iterator[str]:
    """Serve the store; give the server's URL."""
    app = create_app(store_url, **settings)
    patience = {"timeout_graceful_shutdown": 5, "timeout_keep_alive": 60}
    config = uvicorn.Config(app, port=0, log_level="warning", **patience)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
