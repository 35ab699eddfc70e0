"""The stores under test: a SQLite file of its own for each test, and a Redis server for all, emptied before each."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from tests.conftest import missing
from tests.relay.redis_server import RedisServer


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """Start a Redis that writes everything down, on a socket in a folder of its own; its URL."""
    if shutil.which("redis-server") is None:
        missing("redis-server")
    folder = Path(tempfile.mkdtemp(prefix="streamfold-redis-"))
    server = RedisServer(folder)
    try:
        yield server.url
    finally:
        server.kill()
        shutil.rmtree(folder)


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
