"""The contract: every case plainly, under asyncio and under trio, over every kind of source."""

import asyncio
import queue
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from streamfold import contract
from streamfold.contract import aconsume_stream, consume_stream
from streamfold.errors import CallerError, ChunkTypeError, StreamfoldError

END = "<END>"


def under_asyncio(chunks, on_token, stop=None):
    return asyncio.run(aconsume_stream(chunks, on_token, stop))


def under_trio(chunks, on_token, stop=None):
    return trio.run(aconsume_stream, chunks, on_token, stop)


LOOPS = {"asyncio": under_asyncio, "trio": under_trio}
DRIVERS = {"plain": consume_stream, **LOOPS}


@pytest.fixture(params=DRIVERS.values(), ids=DRIVERS.keys())
def consume(request):
    return request.param


@pytest.fixture(params=LOOPS.values(), ids=LOOPS.keys())
def aconsume(request):
    return request.param


# --- Sources: each writes down what is done to it, and raises the exceptions that lie among its chunks.


@dataclass
class Log:
    pulled: list[Any] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)

    def pull(self, chunk: Any) -> Any:
        self.pulled.append(chunk)
        if isinstance(chunk, BaseException):
            raise chunk
        return chunk


def generator(chunks: list[Any], log: Log) -> Iterator[Any]:
    try:
        for chunk in chunks:
            yield log.pull(chunk)
    finally:
        log.closed.append("generator")


class ClosingIterator:
    """An iterator with a close of its own, as an open file is."""

    def __init__(self, chunks: list[Any], log: Log) -> None:
        self.chunks, self.log = iter(chunks), log

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return self.log.pull(next(self.chunks))

    def close(self) -> None:
        self.log.closed.append("source")


class SdkStream:
    """An iterable with a close of its own, whose iterator is a generator."""

    def __init__(self, chunks: list[Any], log: Log) -> None:
        self.chunks, self.log = chunks, log

    def __iter__(self) -> Iterator[Any]:
        return generator(self.chunks, self.log)

    def close(self) -> None:
        self.log.closed.append("source")


class OldSequence:
    """Iterable by ``__getitem__`` alone."""

    def __init__(self, chunks: list[Any], log: Log) -> None:
        self.chunks, self.log = chunks, log

    def __getitem__(self, index: int) -> Any:
        return self.log.pull(self.chunks[index])


async def async_generator(chunks: list[Any], log: Log) -> AsyncIterator[Any]:
    try:
        for chunk in chunks:
            yield log.pull(chunk)
    finally:
        log.closed.append("generator")


class AsyncIteratorWithAclose:
    def __init__(self, chunks: list[Any], log: Log) -> None:
        self.chunks, self.log = iter(chunks), log

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        for chunk in self.chunks:
            return self.log.pull(chunk)
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self.log.closed.append("source")

    def close(self) -> None:
        self.log.closed.append("the wrong one")


class AsyncSdkStream:
    """As the clients have it: `__aiter__` is an async generator, and an async method is named close."""

    def __init__(self, chunks: list[Any], log: Log) -> None:
        self.chunks, self.log = chunks, log

    def __aiter__(self) -> AsyncIterator[Any]:
        return async_generator(self.chunks, self.log)

    async def close(self) -> None:
        self.log.closed.append("source")


class AsyncIterableWithPlainClose(AsyncSdkStream):
    def close(self) -> None:  # type: ignore[override]
        self.log.closed.append("source")


PLAIN_SOURCES = {
    "generator": (generator, ["generator"]),
    "closing iterator": (ClosingIterator, ["source"]),
    "sdk stream": (SdkStream, ["generator", "source"]),
}
ASYNC_SOURCES = {
    "async generator": (async_generator, ["generator"]),
    "async iterator": (AsyncIteratorWithAclose, ["source"]),
    "async sdk stream": (AsyncSdkStream, ["generator", "source"]),
    "async, plain close": (AsyncIterableWithPlainClose, ["generator", "source"]),
}
RUNS = {
    f"{loop}, {name}": (driver, source, closed)
    for sources, drivers in ((PLAIN_SOURCES, DRIVERS), (ASYNC_SOURCES, LOOPS))
    for loop, driver in drivers.items()
    for name, (source, closed) in sources.items()
}


def table(names: str, rows: dict[str, tuple[Any, ...]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(names.split(), rows.values(), ids=rows.keys())


every_run = table("consume source closed", RUNS)


class Sub(str):
    __slots__ = ()


class EqualsAll:
    """Not a str, and says that it equals everything."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return True


class SaysItIsStr:
    """Not a str, and `isinstance` believes that it is one."""

    __class__ = property(lambda self: str)  # type: ignore[assignment]


class RefusesComparison:
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise ValueError("the truth value is ambiguous")


# --- The table: chunks, stop, how many are consumed, whether it stopped.

CASES = {
    "nothing": ([], None, 0, False),
    "nothing, a stop": ([], END, 0, False),
    "one": (["a"], None, 1, False),
    "no stop given": (["a", END, "b"], None, 3, False),
    "stop in the middle": (["a", "b", END, "c"], END, 2, True),
    "stop first": ([END, "a"], END, 0, True),
    "stop last": (["a", END], END, 1, True),
    "stop absent": (["a", "b"], END, 2, False),
    "the first of two stops": (["a", END, "b", END], END, 1, True),
    "equality, not containment": (["x<END>", "<END>x", " <END>", "<end>"], END, 4, False),
    "a stop across chunks is none": (["<E", "ND>"], END, 2, False),
    "an equal str, not the same": (["a", "".join(["<E", "ND>"]), "b"], END, 1, True),
    "empty chunks count": (["", "a", "", ""], None, 4, False),
    "empty chunks, a stop": (["", "a", "", END, ""], END, 3, True),
    "the empty stop": (["a", "", "b"], "", 1, True),
    "the empty stop, absent": (["a", "b"], "", 2, False),
    "the empty stop is not no stop": ([""], "", 0, True),
    "whitespace is text": ([" ", "\n", "\r\n", "\t"], "\n\n", 4, False),
    "no normalization": (["é", "e\u0301"], "e\u0301", 1, True),
    "any code point": (["😀", "\ud800", "\x00", "\ufeff", "a\u200d"], None, 5, False),
    "half of a pair is not the whole": (["\ud83d", "\ude00", "x"], "😀", 3, False),
    "subclasses of str": ([Sub("a"), "b", Sub(END), "c"], END, 2, True),
    "a subclass as the stop": (["a", END, "c"], Sub(END), 1, True),
    "one chunk of a subclass": ([Sub("a")], None, 1, False),
}
every_case = table("chunks stop n stopped", CASES)


def check(result, seen, chunks, n, stopped):
    assert result == {"text": "".join(chunks[:n]), "n_tokens": n, "stopped": stopped}
    assert list(result) == ["text", "n_tokens", "stopped"]
    assert (type(result), type(result["text"])) == (dict, str)
    assert [id(chunk) for chunk in seen] == [id(chunk) for chunk in chunks[:n]]


@every_case
def test_a_source_without_close(consume, chunks, stop, n, stopped):
    for source in (chunks, tuple(chunks), iter(chunks), OldSequence(chunks, Log())):
        seen = []
        check(consume(source, seen.append, stop), seen, chunks, n, stopped)


@every_run
def test_a_source_with_close(consume, source, closed):
    for chunks, stop, n, stopped in CASES.values():
        seen, log = [], Log()
        check(consume(source(chunks, log), seen.append, stop), seen, chunks, n, stopped)
        assert log.pulled == chunks[: n + stopped]
        # A generator runs its own `finally` at its end; nobody else's close is called there.
        assert log.closed == [name for name in closed if stopped or name == "generator"]


@every_run
def test_the_callback_runs_before_the_next_pull(consume, source, closed):
    log, pulled_at = Log(), []
    consume(source(["a", "b", END, "c"], log), lambda _: pulled_at.append(list(log.pulled)), END)
    assert pulled_at == [["a"], ["a", "b"]]


def test_without_a_callback(consume):
    for chunks, stop, n, stopped in CASES.values():
        check(consume(chunks, None, stop), chunks[:n], chunks, n, stopped)


def test_an_iterator_that_blocks_gets_its_next_chunk_only_after_the_callback(consume):
    pipe: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    seen, answered = [], threading.Event()

    def feed() -> None:
        for chunk in ("a", "b", "c"):
            answered.clear()
            pipe.put(chunk)
            assert answered.wait(5)
        pipe.put(END)  # And then nothing: a reader that pulled on would block for good.

    def show(chunk: str) -> None:
        seen.append(chunk)
        answered.set()

    feeder = threading.Thread(target=feed)
    feeder.start()
    assert consume(iter(pipe.get, None), show, END) == {"text": "abc", "n_tokens": 3, "stopped": True}
    feeder.join()
    assert seen == ["a", "b", "c"]


def test_a_list_is_walked_as_a_for_loop_walks_it(consume):
    chunks = ["a", "b"]
    assert consume(chunks, lambda chunk: chunks.append("c") if chunk == "a" else None)["text"] == "abc"


def test_a_str_is_an_iterable_of_its_characters(consume):
    assert consume("abc", None, "c") == {"text": "ab", "n_tokens": 2, "stopped": True}


def test_an_open_file_is_closed_by_a_stop(consume, tmp_path):
    (tmp_path / "reply").write_text("a\nb\nc\n")
    with open(tmp_path / "reply") as file:
        assert consume(file, None, "b\n")["text"] == "a\n"
        assert file.closed


PIECES = st.sampled_from(["", "a", "b", "é", "😀", "<", END, "x<END>"])


@settings(max_examples=60, deadline=None)
@given(chunks=st.lists(PIECES, max_size=12), stop=st.none() | PIECES)
def test_it_equals_the_model(chunks, stop):
    n = chunks.index(stop) if stop in chunks else len(chunks)
    for consume in DRIVERS.values():
        seen = []
        check(consume(iter(chunks), seen.append, stop), seen, chunks, n, stop in chunks)


# --- Exceptions: they pass as they are, the source is closed, and what was received is on them.


@dataclass(frozen=True)
class FrozenError(Exception):
    code: int


class SealedError(Exception):
    """Refuses the attribute by every way."""

    @property
    def streamfold_partial(self) -> None:
        return None


class Interrupt(BaseException):
    """Stands for what is not an ordinary error, and no loop treats it specially."""


ERRORS = {
    "ordinary": (ValueError("x", 1),),
    "frozen": (FrozenError(7),),
    "of our own tree": (CallerError("x"),),
    "StopAsyncIteration": (StopAsyncIteration(),),
    "not an Exception": (Interrupt(),),
    "KeyboardInterrupt": (KeyboardInterrupt(),),
    "SystemExit": (SystemExit(3),),
}
every_error = table("error", ERRORS)


def partial_of(error: BaseException) -> Any:
    return vars(error).pop("streamfold_partial")


def raising(error: BaseException, at: str) -> Callable[[str], None]:
    def on_token(chunk: str) -> None:
        if chunk == at:
            raise error

    return on_token


@every_error
def test_an_exception_of_the_callback(error):
    args = error.args
    for consume, source, closed in RUNS.values():
        log = Log()
        with pytest.raises(type(error)) as caught:
            consume(source(["a", "b", "c"], log), raising(error, at="b"))
        assert caught.value is error
        assert (error.args, error.__cause__, hasattr(error, "__notes__")) == (args, None, False)
        assert partial_of(error) == {"text": "ab", "n_tokens": 2, "stopped": False}
        assert (log.pulled, log.closed) == (["a", "b"], closed)


@table("error", {name: row for name, row in ERRORS.items() if name != "StopAsyncIteration"})  # That is an end.
def test_an_exception_of_the_source(error):
    for consume, source, closed in RUNS.values():
        log, seen = Log(), []
        with pytest.raises(type(error)) as caught:
            consume(source(["a", "", error, "c"], log), seen.append, END)
        assert caught.value is error
        assert partial_of(error) == {"text": "a", "n_tokens": 2, "stopped": False}
        assert (seen, log.closed) == (["a", ""], closed)


def test_stop_iteration_of_a_callback_is_an_exception_not_the_end():
    # Only here: no coroutine can let a StopIteration through (PEP 479).
    log, error = Log(), StopIteration("x")
    with pytest.raises(StopIteration) as caught:
        consume_stream(SdkStream(["a", "b"], log), raising(error, at="a"))
    assert caught.value is error
    assert (partial_of(error)["text"], log.closed) == ("a", ["generator", "source"])


def test_generator_exit_closes_the_source():
    log, error = Log(), GeneratorExit()
    with pytest.raises(GeneratorExit):
        consume_stream(SdkStream(["a", "b"], log), raising(error, at="a"))
    assert (partial_of(error)["text"], log.closed) == ("a", ["generator", "source"])


def test_an_exception_keeps_its_context():
    first, second = KeyError("first"), ValueError("second")

    def on_token(chunk: str) -> None:
        try:
            raise first
        except KeyError:
            raise second  # noqa: B904

    try:
        raise RuntimeError("of the caller")
    except RuntimeError:
        with pytest.raises(ValueError, match="second"):
            consume_stream(["a"], on_token)  # (The loops themselves replace the context.)
    assert second.__context__ is first


def test_an_exception_that_takes_no_attribute_still_passes(consume):
    error = SealedError()
    with pytest.raises(SealedError) as caught:
        consume(["a"], raising(error, at="a"))
    assert caught.value is error


def test_of_nested_calls_the_outer_one_has_the_last_word(consume):
    error = ValueError()

    def inner() -> Iterator[str]:
        yield "a"
        consume_stream(["x", "y"], raising(error, at="y"))

    with pytest.raises(ValueError):  # noqa: PT011
        consume(inner(), None)
    assert partial_of(error) == {"text": "a", "n_tokens": 1, "stopped": False}


def test_an_iter_that_raises(consume):
    class Broken:
        closed = False

        def __iter__(self) -> Iterator[str]:
            raise TypeError("of its own")

        def close(self) -> None:
            self.closed = True

    source = Broken()
    with pytest.raises(TypeError, match="of its own") as caught:
        consume(source, None)
    assert not isinstance(caught.value, StreamfoldError)
    assert source.closed
    assert partial_of(caught.value) == {"text": "", "n_tokens": 0, "stopped": False}


# --- Closing that raises.


class BadClose(ClosingIterator):
    def __init__(self, chunks: list[Any], failure: BaseException) -> None:
        super().__init__(chunks, Log())
        self.failure = failure

    def close(self) -> None:
        super().close()
        raise self.failure


@pytest.mark.parametrize(
    ("error", "failure", "passes"),
    [
        (ValueError("first"), OSError("closing"), "error"),
        (KeyboardInterrupt(), OSError("closing"), "error"),
        (Interrupt(), KeyboardInterrupt(), "error"),
        (ValueError("first"), Interrupt(), "failure"),
    ],
)
def test_closing_raises_after_an_exception(consume, error, failure, passes):
    source = BadClose(["a", "b"], failure)
    with pytest.raises(BaseException) as caught:  # noqa: PT011
        consume(source, raising(error, at="a"))
    assert caught.value is {"error": error, "failure": failure}[passes]
    assert partial_of(caught.value) == {"text": "a", "n_tokens": 1, "stopped": False}
    assert source.log.closed == ["source"]


def test_closing_raises_after_a_stop(consume):
    failure = OSError("closing")
    source = BadClose(["a", END], failure)
    with pytest.raises(OSError, match="closing") as caught:
        consume(source, None, END)
    assert caught.value is failure
    assert partial_of(failure) == {"text": "a", "n_tokens": 1, "stopped": True}
    assert source.log.closed == ["source"]


def test_the_object_is_closed_though_closing_its_iterator_raises(consume):
    class Stream(SdkStream):
        def __iter__(self) -> Iterator[Any]:
            return BadClose(self.chunks, OSError("closing"))

    log = Log()
    with pytest.raises(OSError, match="closing"):
        consume(Stream(["a", END], log), None, END)
    assert log.closed == ["source"]


def test_a_close_that_is_not_callable_is_none(consume):
    class Market(list[str]):
        close = 12.5

    assert consume(Market(["a", END]), None, END)["text"] == "a"


# --- Mistakes of the caller.


@pytest.mark.parametrize("stop", [None, END, ""])
@pytest.mark.parametrize("kind", [type(None), int, bytes, list, EqualsAll, RefusesComparison, SaysItIsStr])
def test_a_chunk_that_is_not_a_str(kind, stop):
    for consume, source, closed in RUNS.values():
        seen, log = [], Log()
        with pytest.raises(ChunkTypeError) as caught:
            consume(source(["a", "b", kind(), "c"], log), seen.append, stop)
        assert str(caught.value) == f"chunk 2 is {kind.__name__}, expected str"
        assert (caught.value.position, caught.value.chunk_type) == (2, kind.__name__)
        assert partial_of(caught.value) == {"text": "ab", "n_tokens": 2, "stopped": False}
        assert (seen, log.closed) == (["a", "b"], closed)


def test_bytes_are_an_iterable_of_int(consume):
    with pytest.raises(ChunkTypeError, match="chunk 0 is int, expected str"):
        consume(b"abc", None)


MISTAKES = {
    "a name": ("print", None, "on_token is str, expected a callable or None"),
    "a false value": (0, None, "on_token is int, expected a callable or None"),
    "bytes": (None, b"<END>", "stop is bytes, expected str or None"),
    "several stops": (None, [END], "stop is list, expected str or None"),
    "another false value": (None, 0, "stop is int, expected str or None"),
    "a mock": (None, SaysItIsStr(), "stop is SaysItIsStr, expected str or None"),
}


@table("on_token stop message", MISTAKES)
def test_arguments_that_cannot_be_meant(on_token, stop, message):
    for consume, source, _ in RUNS.values():
        log = Log()
        with pytest.raises(CallerError, match=message):
            consume(source(["a"], log), on_token, stop)
        assert (log.pulled, log.closed) == ([], [])


@pytest.mark.parametrize("chunks", [None, 5, print, list, object()], ids=repr)
def test_chunks_that_are_not_iterable(consume, chunks):
    with pytest.raises(CallerError, match=f"chunks is {type(chunks).__name__}, expected an iterable of str"):
        consume(chunks, None)


def test_chunks_that_were_not_awaited(consume):
    async def create() -> list[str]:
        return ["a"]

    coroutine = create()
    with pytest.raises(CallerError, match="chunks is coroutine, expected an iterable of str; await it first"):
        consume(coroutine, None)
    coroutine.close()


def test_async_chunks_in_the_plain_call():
    with pytest.raises(CallerError, match="chunks is async_generator, an async iterable: use aconsume_stream"):
        consume_stream(async_generator([], Log()), None)  # type: ignore[arg-type]


# --- What only the async twin has.


async def pause(seconds: float = 0) -> None:
    """Sleep under whichever loop runs."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        await trio.sleep(seconds)
    else:
        await asyncio.sleep(seconds)


@dataclass
class Later:
    """An awaitable that is not a coroutine."""

    coroutine: Coroutine[Any, Any, None]

    def __await__(self) -> Iterator[Any]:
        return self.coroutine.__await__()


@pytest.mark.parametrize("source", [generator, async_generator, SdkStream, AsyncSdkStream])
@pytest.mark.parametrize("kind", ["a coroutine", "an awaitable"])
def test_an_async_callback_ends_before_the_next_pull(aconsume, source, kind):
    log, seen = Log(), []

    async def show(chunk: str) -> None:
        await pause()
        seen.append((chunk, len(log.pulled)))

    on_token = show if kind == "a coroutine" else lambda chunk: Later(show(chunk))
    result = aconsume(source(["a", "b", END, "c"], log), on_token, END)
    assert result == {"text": "ab", "n_tokens": 2, "stopped": True}
    assert seen == [("a", 1), ("b", 2)]


def test_a_callback_may_return_anything(aconsume):
    seen = []
    assert aconsume(["a", "bc"], lambda chunk: seen.append(chunk) or len(chunk))["text"] == "abc"
    assert seen == ["a", "bc"]


def test_an_async_source_may_wait(aconsume):
    async def source() -> AsyncIterator[str]:
        for chunk in "abc":
            await pause()
            yield chunk

    assert aconsume(source(), None, "c") == {"text": "ab", "n_tokens": 2, "stopped": True}


def test_other_tasks_run_while_the_source_waits():
    async def main() -> tuple[Any, list[str]]:
        first, second = asyncio.Event(), asyncio.Event()
        order = []

        async def source() -> AsyncIterator[str]:
            first.set()
            await second.wait()
            order.append("source")
            yield "a"

        async def other() -> None:
            await first.wait()
            order.append("other")
            second.set()

        result, _ = await asyncio.gather(aconsume_stream(source(), None), other())
        return result, order

    assert asyncio.run(main()) == ({"text": "a", "n_tokens": 1, "stopped": False}, ["other", "source"])


@dataclass
class Hanging:
    """Two chunks, then silence; closing it waits as well, as closing a connection does."""

    closing: float = 0.001
    hung: bool = False
    closed: list[str] = field(default_factory=list)

    async def __aiter__(self) -> AsyncIterator[str]:
        try:
            yield "a"
            yield "b"
            await self.hang("b")
        finally:
            self.closed.append("generator")

    async def hang(self, chunk: str) -> None:
        if chunk == "b":
            self.hung = True
            await pause(60)

    async def aclose(self) -> None:
        self.hung = True
        self.closed.append("source")
        await pause(self.closing)
        self.closed.append("to the end")


async def cancelled(source: Hanging, on_token: Callable[[str], object] | None) -> BaseException:
    """Consume in an asyncio task, cancel it once it hangs, and return what it raised."""
    task = asyncio.create_task(aconsume_stream(source, on_token))
    while not source.hung:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert task.cancelled()
    return caught.value


@pytest.mark.parametrize("where", ["the source", "the callback"])
def test_cancellation_under_asyncio_closes_the_source(where):
    source = Hanging()
    error = asyncio.run(cancelled(source, source.hang if where == "the callback" else None))
    assert partial_of(error) == {"text": "ab", "n_tokens": 2, "stopped": False}
    assert source.closed == ["generator", "source", "to the end"]


@pytest.mark.parametrize("where", ["the source", "the callback"])
def test_cancellation_under_trio_closes_the_source(where):
    source, partials = Hanging(), []

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(consume)
            while not source.hung:
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()

    async def consume() -> None:
        try:
            await aconsume_stream(source, source.hang if where == "the callback" else None)
        except trio.Cancelled as error:
            partials.append(partial_of(error))
            raise

    trio.run(main)
    # What `aclose` awaits is cancelled in its turn: that second Cancelled does not replace the first.
    assert partials == [{"text": "ab", "n_tokens": 2, "stopped": False}]
    assert source.closed == ["generator", "source"]


def test_a_deadline_of_asyncio_has_the_partial_in_its_cause():
    async def main() -> None:
        async with asyncio.timeout(0.005):
            await aconsume_stream(Hanging(), None)

    with pytest.raises(TimeoutError) as caught:
        asyncio.run(main())
    assert partial_of(caught.value.__cause__)["text"] == "ab"


def test_cancellation_while_closing_outranks_an_ordinary_error():
    error = asyncio.run(cancelled(Hanging(closing=60), raising(ValueError("x"), at="b")))
    assert partial_of(error)["text"] == "ab"
    assert isinstance(error.__context__, ValueError)


# --- Alone.

FORBIDDEN = {"asyncio", "threading", "inspect", "socket", "ssl", "http"}


def test_it_runs_alone():
    code = f"""
import sys
sys.path.insert(0, {str(Path(contract.__file__).parents[1])!r})
from streamfold.contract import aconsume_stream, consume_stream
assert consume_stream(iter("abc"), None, "c") == dict(text="ab", n_tokens=2, stopped=True)
try:
    aconsume_stream("abc", None).send(None)
except StopIteration as end:
    assert end.value["text"] == "abc"
print(*{{name.partition(".")[0] for name in sys.modules}})
"""
    # -I and -S: without site-packages, and without what this process has in its environment.
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert loaded - sys.stdlib_module_names == {"streamfold", "__main__"}
    assert not loaded & FORBIDDEN
