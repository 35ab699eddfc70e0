"""A producer's process is killed at random moments under load: what was acknowledged is there, once, and no end."""

import asyncio
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.relay.redis_server import RedisServer
from tests.relay.stores import opened

from streamfold.relay.log import Log
from streamfold.relay.writing import Writer

KILLS = int(os.environ.get("STREAMFOLD_KILLS", "20"))
"""How often on each store; it was run with 100."""
STREAMS = ("g1", "g2", "g3", "p1", "p2", "p3")


def appending(store_url: str, acknowledged: dict[str, int]) -> subprocess.Popen[bytes]:
    """Start a producer that goes on after what it was told of."""
    streams = [f"{path}={number + 1}" for path, number in acknowledged.items()]
    command = [sys.executable, "-m", "tests.relay.appender", store_url, *streams]
    return subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])


def killed_after_a_while(producer: subprocess.Popen[bytes], luck: random.Random) -> dict[str, int]:
    """Kill the producer a moment after its first word; return the last number it was acknowledged of each stream."""
    assert producer.stdout is not None
    told = producer.stdout.readline()
    assert told, "the producer died by itself"
    time.sleep(luck.uniform(0.0, 0.2))
    producer.kill()
    told += producer.stdout.read()
    producer.stdout.close()
    assert producer.wait() == -9, "the producer died by itself"
    lines = (line.split() for line in told.decode().splitlines(keepends=True) if line.endswith("\n"))
    return {path: int(number) for path, number in lines}


async def check(store_url: str, acknowledged: dict[str, int]) -> None:
    async with opened(store_url) as log:
        for path, number in acknowledged.items():
            page = await log.store.read(path, 0, 10**9)
            if page is None:
                assert number == 0, path
                continue
            assert list(page.records) == [b"%d" % n for n in range(1, page.stream.tail + 1)], path
            assert page.stream.tail >= number, path
            assert not page.stream.closed


@pytest.mark.timeout(60 + 5 * KILLS)
def test_killed_at_random_moments(store_url: str) -> None:
    luck = random.Random(20261127)
    acknowledged = dict.fromkeys(STREAMS, 0)
    for _ in range(KILLS):
        acknowledged |= killed_after_a_while(appending(store_url, acknowledged), luck)
        asyncio.run(check(store_url, acknowledged))
    assert min(acknowledged.values()) > KILLS


@pytest.mark.timeout(120)
def test_a_killed_producer_leaves_truncated_generations(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """When its lease is over, and not before; `done` is nowhere."""

    async def over(path: str, acknowledged: int) -> None:
        async with opened(store_url) as log:
            assert not (await log.head(path)).closed
            log.store.now = lambda: time.time() + 61  # type: ignore[method-assign]
            page = await log.read(path, 0, 10**9)
            assert page.at_end
            assert page.stream.generation is not None
            assert page.stream.generation.status == "truncated"
            assert page.stream.tail > acknowledged

    acknowledged = killed_after_a_while(appending(store_url, {"g1": 0}), random.Random(1))
    asyncio.run(over("g1", acknowledged["g1"]))


@pytest.mark.timeout(120)
def test_a_redis_that_is_killed_and_comes_back(redis_server: str, tmp_path: Path) -> None:
    """The writer writes on, readers of all nodes follow on: nothing is lost, nothing comes twice."""
    server = RedisServer(tmp_path)

    async def read(log: Log) -> list[bytes]:
        return [record async for page in log.follow("g", 0) for record in page.records]

    async def main() -> None:
        async with opened(server.url) as one, opened(server.url) as other:
            created = await one.start("g")
            readers = [asyncio.create_task(read(log)) for log in (one, other)]
            async with Writer(one, created.stream) as writer:
                for number in range(300):
                    await writer.append(b"%d" % number)
                    await asyncio.sleep(0.002)
                    if number in (100, 200):
                        server.kill()
                    elif number in (150, 250):
                        server.start()
                await writer.end("done", b'"end"')
            for reader in readers:
                assert await reader == [*(b"%d" % number for number in range(300)), b'"end"']

    try:
        asyncio.run(asyncio.wait_for(main(), 60))
    finally:
        server.kill()
