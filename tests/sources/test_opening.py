"""Queues, Hugging Face's streamers and responses handed in whole; whose producer dies must not hang."""

import asyncio
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from streamfold import Reply, Timeouts, Verdict, afold, fold, stream
from streamfold.errors import CallerError, SourceError
from streamfold.sources import watched

from ..serving.server import Server, serving
from ..serving.steps import hang, says
from . import wires
from .clients import sdk


class TextIteratorStreamer:
    """Hugging Face's, as far as a reader sees it (transformers/generation/streamers.py)."""

    def __init__(self, timeout: float | None = None) -> None:
        self.text_queue: queue.Queue[str | None] = queue.Queue()
        self.stop_signal = None
        self.timeout = timeout

    def __iter__(self) -> "TextIteratorStreamer":
        return self

    def __next__(self) -> str:
        value = self.text_queue.get(timeout=self.timeout)
        if value == self.stop_signal:
            raise StopIteration
        assert value is not None
        return value


def produce(source: Any, *chunks: Any, pause: float = 0) -> threading.Thread:
    def run() -> None:
        for chunk in chunks:
            time.sleep(pause)
            getattr(source, "text_queue", source).put(chunk)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


class Tokenizer:
    """As much of one as a streamer asks for: a token is a character."""

    def decode(self, tokens: list[int], **options: Any) -> str:
        return "".join(map(chr, tokens))


def hugging_face() -> Any:
    return sdk("transformers").TextIteratorStreamer(Tokenizer())


@pytest.fixture(
    params=[TextIteratorStreamer, hugging_face, queue.Queue, queue.SimpleQueue], ids=lambda kind: kind.__name__
)
def source(request: pytest.FixtureRequest) -> Any:
    return request.param()


def test_a_producer_in_another_thread(source: Any) -> None:
    thread = produce(source, "Hel", "", "lo", None, pause=0.02)
    reply = fold(source)
    thread.join()
    assert (reply.text, reply.verdict) == ("Hello", Verdict.COMPLETE)


def test_silence_is_no_death(source: Any) -> None:
    thread = produce(source, "Hel", "lo", None, pause=0.25)
    reply = fold(watched(source, thread))
    assert (reply.text, reply.verdict) == ("Hello", Verdict.COMPLETE)


def test_a_watched_producer_that_dies(source: Any) -> None:
    thread = produce(source, "Hel")
    reply = fold(watched(source, thread))
    assert (reply.text, reply.verdict) == ("Hel", Verdict.ERRORED)
    assert isinstance(reply.error, SourceError)
    assert isinstance(reply.error.__cause__, EOFError)


@pytest.mark.parametrize("kind", ["queue.Queue", "queue.SimpleQueue"])
def test_a_producer_that_dies_and_leaves_no_thread(kind: str) -> None:
    """In a process of its own: here, any thread that another test left could be the producer."""
    program = f"""
import queue, threading
from streamfold import fold
source = {kind}()
threading.Thread(target=source.put, args=["Hel"]).start()
reply = fold(source)
print(reply.text, reply.verdict, type(reply.error.__cause__).__name__)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "Hel errored EOFError\n"


def test_why_a_watched_producer_died(source: Any) -> None:
    def run() -> None:
        raise MemoryError("no memory")

    with ThreadPoolExecutor(1) as pool:
        reply = fold(watched(source, pool.submit(run)))
    assert reply.error is not None
    assert isinstance(reply.error.__cause__, EOFError)
    assert isinstance(reply.error.__cause__.__cause__, MemoryError)


def test_what_a_real_streamer_makes_of_tokens() -> None:
    streamer = hugging_face()

    def generate() -> None:
        for character in "Hello you":
            streamer.put(Token(ord(character)))
        streamer.end()

    thread = threading.Thread(target=generate)
    thread.start()
    reply = fold(watched(streamer, thread))
    thread.join()
    assert (reply.text, reply.verdict) == ("Hello you", Verdict.COMPLETE)


def test_an_async_streamer_whose_producer_dies_runs_into_a_limit() -> None:
    async def main() -> Reply:
        streamer = sdk("transformers").AsyncTextIteratorStreamer(Tokenizer())
        streamer.on_finalized_text("Hel")
        return await afold(streamer, timeouts=Timeouts(gap=0.1))

    reply = asyncio.run(main())
    assert (reply.text, reply.verdict) == ("Hel", Verdict.TIMED_OUT)


class Token(list[int]):
    """A tensor with one token in it."""

    def __init__(self, token: int) -> None:
        super().__init__([token])
        self.shape = (1,)

    def tolist(self) -> list[int]:
        return list(self)


def test_a_streamer_with_a_timeout_keeps_it() -> None:
    reply = fold(TextIteratorStreamer(timeout=0.01))
    assert reply.verdict is Verdict.ERRORED
    assert "Empty" in str(reply.error)


@pytest.mark.parametrize("make", [queue.Queue, queue.SimpleQueue, TextIteratorStreamer])
def test_a_queue_that_stays_silent_runs_into_a_limit(make: Callable[[], Any]) -> None:
    """Its producer is dead, but other threads live that could put something in."""
    source, others = make(), threading.Event()
    other = threading.Thread(target=others.wait)
    other.start()
    try:
        getattr(source, "text_queue", source).put("Hel")
        reply = fold(source, timeouts=Timeouts(gap=0.1))
    finally:
        others.set()
        other.join()
    assert (reply.text, reply.verdict) == ("Hel", Verdict.TIMED_OUT)
    assert reply.passed is not None
    assert "limit 0.1 s" in reply.passed


def test_a_queue_is_left_from_another_thread() -> None:
    source: queue.Queue[str] = queue.Queue()
    events = stream(source)
    reader = threading.Thread(target=lambda: seen.extend(events))
    seen: list[Any] = []
    reader.start()
    source.put("a")
    time.sleep(0.05)
    events.close()
    reader.join(20)
    assert not reader.is_alive()
    assert seen[-1].reply.verdict is Verdict.CANCELLED


def test_decoded_chunks_through_a_queue() -> None:
    chunks: queue.Queue[Any] = queue.Queue()
    chunks.put({"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]})
    chunks.put(None)
    assert fold(chunks).text == "a"


@pytest.mark.skipif(not hasattr(queue, "ShutDown"), reason="queues are shut down since Python 3.13")
def test_a_queue_that_is_shut_down() -> None:
    chunks: Any = queue.Queue()
    chunks.put("a")
    chunks.shutdown()
    assert fold(chunks).verdict is Verdict.COMPLETE


def test_an_async_queue() -> None:
    async def main() -> Reply:
        chunks: asyncio.Queue[str | None] = asyncio.Queue()
        for chunk in ("Hel", "lo", None):
            chunks.put_nowait(chunk)
        return await afold(chunks)

    assert asyncio.run(main()).text == "Hello"


def test_an_async_queue_must_be_awaited() -> None:
    with pytest.raises(CallerError, match=r"Queue.*use afold"):
        fold(asyncio.Queue())  # type: ignore[arg-type]


# -- responses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("get", [lambda url: _httpx(url), lambda url: _requests(url)], ids=["httpx", "requests"])
def test_a_response_handed_in_whole(get: Callable[[str], Any]) -> None:
    with serving(says(wires.CHAT)) as server:
        with get(server.url) as response:
            reply = fold(response)
        assert (reply.text, reply.verdict) == ("Hello ✓", Verdict.TOOL_CALLS)
    half = wires.CHAT[: wires.CHAT.index(b"lo ")]
    with serving(says(half, hang())) as server, get(server.url) as response:
        with stream(response) as events:
            assert next(events.text_stream) == "Hel"
        assert server.departure()


def _httpx(url: str) -> Any:
    return sdk("httpx").stream("POST", url)


def _requests(url: str) -> Any:
    return sdk("requests").post(url, stream=True)


@pytest.mark.parametrize(
    "get", [lambda server: _ahttpx(server), lambda server: _aiohttp(server)], ids=["httpx", "aiohttp"]
)
def test_an_async_response_handed_in_whole(get: Callable[[Server], Any]) -> None:
    with serving(says(wires.CHAT)) as server:
        reply = asyncio.run(get(server))
    assert (reply.text, reply.verdict) == ("Hello ✓", Verdict.TOOL_CALLS)


async def _ahttpx(server: Server) -> Reply:
    async with sdk("httpx").AsyncClient() as client, client.stream("POST", server.url) as response:
        return await afold(response)


async def _aiohttp(server: Server) -> Reply:
    async with sdk("aiohttp").ClientSession() as session, session.post(server.url) as response:
        return await afold(response)
