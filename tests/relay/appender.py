"""A producer's process for tests that kill it: it appends numbers as fast as it can, and tells which are acknowledged.

Usage: python -m tests.relay.appender STORE [PATH=NUMBER ...]

Streams whose path begins with ``g`` are generations: it takes over as their new producer and goes on after the last
record. The others are written as an idempotent producer that knows only what it was told: it begins with NUMBER, which
may be there already.
"""

import asyncio
import os
import sys

from streamfold.relay.log import Log
from streamfold.relay.rules.lifecycle import Creation
from streamfold.relay.rules.stream import Producer
from streamfold.relay.stores import open_store

LEASE = 60.0


def tell(path: str, number: int) -> None:
    os.write(1, f"{path} {number}\n".encode())


async def generate(log: Log, path: str) -> None:
    await log.start(path, lease=LEASE)
    stream = await log.claim(path, lease=LEASE)
    assert stream.generation is not None
    while True:
        records = [b"%d" % (stream.tail + number) for number in (1, 2, 3)]
        stream = await log.write(path, stream.generation.epoch, stream.tail, records, lease=LEASE)
        tell(path, stream.tail)


async def produce(log: Log, path: str, number: int) -> None:
    await log.create(path, Creation("application/json"))
    while True:
        await log.append(path, [b"%d" % number], producer=Producer("p", 0, number - 1))
        tell(path, number)
        number += 1


async def main(url: str, streams: dict[str, int]) -> None:
    log = Log(await open_store(url))
    generations = [generate(log, path) for path in streams if path.startswith("g")]
    others = [produce(log, path, number) for path, number in streams.items() if not path.startswith("g")]
    await asyncio.gather(*generations, *others)


if __name__ == "__main__":
    asked = (argument.split("=") for argument in sys.argv[2:])
    asyncio.run(main(sys.argv[1], {path: int(number) for path, number in asked}))
