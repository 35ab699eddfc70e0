"""A thousand streams under random faults, many at once: each ends in its time with the right verdict, nothing is left.

The faults are drawn from a seed, so a failure comes again. Each request says its number, and the server plays the
script that was drawn for it.
"""

import asyncio
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from streamfold import Reply, Request, Timeouts, Verdict, afold, fold

from ..serving.recordings import EVENTS, FINISHED, TEXT, WIRE, text_before
from ..serving.server import Script, Server, serving
from ..serving.steps import answer, cut, drip, endless, hang, reset, send, stall

STREAMS = 1_000
AT_ONCE = 50
DEADLINE = 20.0  # seconds for one stream on a loaded machine; its own limits are far shorter
PATIENT = Timeouts(first=DEADLINE, gap=DEADLINE, total=DEADLINE)
IMPATIENT = Timeouts(first=0.4, gap=0.4)


@dataclass(frozen=True)
class Case:
    """A script, and how a stream of it ends: its verdicts, and between which texts its text lies."""

    script: Script
    verdicts: set[Verdict]
    at_least: str = ""
    at_most: str = TEXT
    timeouts: Timeouts = PATIENT


def whole(rng: random.Random) -> Case:
    body = rng.choice([send(*EVENTS), send(WIRE), drip(WIRE), send(*cut_up(rng))])
    framing = rng.choice([{}, {"length": len(WIRE)}, {"close": True}])
    return Case(answer(body, **framing), {Verdict.COMPLETE}, TEXT)  # type: ignore[arg-type]


def broken(rng: random.Random) -> Case:
    size = rng.randrange(len(WIRE))
    end = rng.choice([cut, reset])
    verdict = Verdict.COMPLETE if size >= FINISHED else Verdict.TRUNCATED
    return Case(answer(send(*cut_up(rng, size)), end()), {verdict}, text_before(size))


def silent(rng: random.Random) -> Case:
    count = rng.randrange(len(EVENTS) - 2)
    rest = rng.choice([hang(), stall(0.05), endless(b":", 0.05)])
    # on a loaded machine the limit may pass before all of that has come
    return Case(answer(send(*EVENTS[:count]), rest), {Verdict.TIMED_OUT}, timeouts=IMPATIENT)


def refused(rng: random.Random) -> Case:
    status = rng.choice([400, 401, 404, 429, 500, 503])
    return Case(answer(send(b'{"error":"no"}'), status=status), {Verdict.ERRORED}, at_most="")


def headless(rng: random.Random) -> Case:
    return Case(rng.choice([cut(), reset()]), {Verdict.ERRORED, Verdict.TRUNCATED}, at_most="")


def cut_up(rng: random.Random, size: int = len(WIRE)) -> list[bytes]:
    """Return the beginning of the recording in pieces of any length."""
    places = sorted(rng.sample(range(1, max(size, 2)), min(6, size // 2)))
    return [WIRE[a:b] for a, b in zip([0, *places], [*places, size], strict=True)]


KINDS: list[Callable[[random.Random], Case]] = [whole, broken, broken, silent, refused, headless]


@pytest.fixture
def cases() -> list[Case]:
    rng = random.Random(20_261)
    return [rng.choice(KINDS)(rng) for _ in range(STREAMS)]


def check(case: Case, reply: Reply, seconds: float) -> None:
    assert reply.verdict in case.verdicts
    assert reply.text.startswith(case.at_least)
    assert case.at_most.startswith(reply.text)
    assert seconds < DEADLINE


def serving_all(cases: list[Case]) -> Callable[..., Script]:
    return lambda number, request: cases[request.json["n"]].script


def test_sync(cases: list[Case]) -> None:
    def one(number: int) -> None:
        started = time.monotonic()
        reply = fold(Request(server.url, json={"n": number}), retry=None, timeouts=cases[number].timeouts)
        check(cases[number], reply, time.monotonic() - started)

    with serving(choose=serving_all(cases)) as server, ThreadPoolExecutor(AT_ONCE) as threads:
        assert list(threads.map(one, range(STREAMS))) == [None] * STREAMS
        assert_all_left(server)


def test_asyncio(cases: list[Case]) -> None:
    async def one(number: int, turn: asyncio.Semaphore) -> None:
        async with turn:
            started = time.monotonic()
            reply = await afold(Request(server.url, json={"n": number}), retry=None, timeouts=cases[number].timeouts)
            check(cases[number], reply, time.monotonic() - started)

    async def main() -> None:
        turn = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(one(number, turn) for number in range(STREAMS)))
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with serving(choose=serving_all(cases)) as server:
        asyncio.run(main())
        assert_all_left(server)


def assert_all_left(server: Server) -> None:
    asked = [request.json["n"] for request in server.requests]
    assert len(set(asked)) == len(asked)  # nothing was asked twice
    idle = [one for one in server.connections if one.left is None and one.is_open]
    assert len(idle) <= AT_ONCE  # in the pool
