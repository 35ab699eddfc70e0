"""The stores under test: a SQLite file of its own for each test, and a Redis server for all, emptied before each."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from tests.conftest import missing


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """Start a Redis that writes everything down, on a socket in a folder of its own; its URL."""
    if shutil.which("redis-server") is None:
        missing("redis-server")
    folder = Path(tempfile.mkdtemp(prefix="streamfold-redis-"))
    options = f"--port 0 --unixsocket {folder}/socket --dir {folder} --save '' --appendonly yes --appendfsync always"
    server = subprocess.Popen(["redis-server", *options.replace("''", "").split()], stdout=subprocess.DEVNULL)
    try:
        with redis.Redis.from_url(f"unix://{folder}/socket") as client:
            _wait_until_there(client)
        yield f"unix://{folder}/socket"
    finally:
        server.terminate()
        server.wait(10)
        shutil.rmtree(folder)


def _wait_until_there(client: redis.Redis) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            client.ping()
            return
        except redis.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@pytest.fixture
def redis_url(redis_server: str) -> str:
    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server


@pytest.fixture(params=["sqlite", "redis"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return where a store is that nobody has used."""
    if request.param == "sqlite":
        return str(tmp_path / "streams.db")
    return str(request.getfixturevalue("redis_url"))
