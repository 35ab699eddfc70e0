"""What a protocol says of a generation, said once for all readers: each gets the same bytes, however it reads."""

import asyncio
from contextlib import closing
from functools import partial
from random import Random

import pytest

from streamfold.encoders import ENCODERS, encoder_named
from streamfold.events import ReasoningDelta, StreamEnd, TextDelta
from streamfold.relay import tails
from streamfold.relay.log import Log
from streamfold.relay.records import Refold, record_of
from streamfold.relay.telling import Teller, Telling
from streamfold.reply import Reply, Verdict

from .stores import on_every_store, opened

EVENTS = [*(ReasoningDelta(f"r{n} ") for n in range(20)), *(TextDelta(f"t{n} ") for n in range(180))]
RECORDS = [*map(record_of, EVENTS), record_of(StreamEnd(Reply(Verdict.COMPLETE)))]


def made(name):
    return encoder_named(name)("id", "model", 1)


def said(name):
    """What the protocol says of the whole log, event by event."""
    refold, encoder = Refold(), made(name)
    return b"".join(encoder.feed(event) for record in RECORDS for event in refold.feed(record))


async def told(log: Log, name: str, pause: float, tellers: list[Teller]) -> bytes:
    reader, pages = await log.reader("g", 0)
    parts = []
    with closing(reader):
        telling = Telling(log, reader, partial(made, name))
        parts.append(telling.say(telling.begin(pages)))
        while not reader.at_end:
            await asyncio.sleep(pause)
            parts.append(await telling.tell(await reader.next()))
        tellers += reader.tail.tellers.values()
    return b"".join(parts)


async def grow(log: Log, random: Random) -> None:
    at = 0
    while at < len(RECORDS):
        some = RECORDS[at : at + random.choice([1, 1, 1, 5])]
        status = "done" if at + len(some) == len(RECORDS) else ""
        await log.write("g", 1, at, some, status=status)
        at += len(some)
        await asyncio.sleep(random.choice([0, 0, 0.002]))


@pytest.mark.parametrize("kept", [4, 256], ids=["little is kept", "all is kept"])
@pytest.mark.parametrize("name", ENCODERS)
def test_every_reader_gets_the_same_bytes(name, kept, tmp_path, monkeypatch):
    """Fast and slow ones, who join at every moment; the slow ones fall out of what is kept, and come back."""
    monkeypatch.setattr(tails, "KEPT_PAGES", kept)
    random, tellers = Random(name), []

    async def main() -> None:
        async with opened(str(tmp_path / "streams.db")) as log:
            await log.start("g")
            readers = []

            async def join() -> None:
                for _ in range(20):
                    readers.append(asyncio.create_task(told(log, name, random.choice([0, 0, 0.003, 0.02]), tellers)))
                    await asyncio.sleep(0.005)

            await asyncio.gather(grow(log, random), join())
            assert set(await asyncio.gather(*readers)) == {said(name)}

    asyncio.run(asyncio.wait_for(main(), 50))
    assert tellers  # somebody told for all


@on_every_store
async def test_what_is_said_is_said_once(log: Log) -> None:
    await log.start("g")
    fed = []

    class Encoder(encoder_named("openai_responses")):
        def feed(self, event):
            fed.append(event)
            return super().feed(event)

    async def read() -> bytes:
        reader, pages = await log.reader("g", 0)
        with closing(reader):
            telling = Telling(log, reader, partial(Encoder, "id", "model", 1))
            parts = [telling.say(telling.begin(pages))]
            while not reader.at_end:
                parts.append(await telling.tell(await reader.next()))
            return b"".join(parts)

    readers = [asyncio.create_task(read()) for _ in range(50)]
    while log.tails.readers < 50:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    for at, record in enumerate(RECORDS):
        await log.write("g", 1, at, [record], status="done" if at + 1 == len(RECORDS) else "")
    assert set(await asyncio.gather(*readers)) == {said("openai_responses")}
    assert len(fed) < 3 * len(RECORDS)
