"""Callbacks called aside: the stream does not wait, no character is lost, and errors are the caller's."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from functools import partial
from typing import Any

import pytest
import trio

from streamfold import Fold, Reply, Verdict, afold, fold
from streamfold.callbacks import Callbacks, CallbackTask, CallbackThread, callbacks_of
from streamfold.errors import CallerError
from streamfold.events import Reset

WORDS = [f"{n} " for n in range(100)]


class BoomError(Exception):
    pass


def fold_in_asyncio(source: Any, **options: Any) -> Reply:
    async def main() -> Reply:
        return await afold(source, **options)

    return asyncio.run(main())


FOLDS = {"sync": fold, "asyncio": fold_in_asyncio}


@pytest.fixture(params=FOLDS.values(), ids=FOLDS.keys())
def run(request: pytest.FixtureRequest) -> Iterator[Callable[..., Reply]]:
    yield request.param
    assert not [thread for thread in threading.enumerate() if thread.name == "streamfold callbacks"]


def test_a_slow_callback_does_not_stop_the_stream() -> None:
    done = threading.Event()
    shown: list[str] = []

    def source() -> Iterator[str]:
        yield from WORDS
        done.set()

    def show(text: str) -> None:
        assert done.wait(20)  # for ever, were it called before more is pulled
        shown.append(text)

    reply = fold(source(), on_text=show, coalesce=True)
    assert reply.callback_error is None
    assert "".join(shown) == reply.text == "".join(WORDS)
    assert len(shown) <= 2


def test_a_slow_async_callback_does_not_stop_the_stream() -> None:
    async def main() -> None:
        done = asyncio.Event()
        shown: list[str] = []

        async def source() -> AsyncIterator[str]:
            for word in WORDS:
                await asyncio.sleep(0)
                yield word
            done.set()

        async def show(text: str) -> None:
            await asyncio.wait_for(done.wait(), 20)
            shown.append(text)

        reply = await afold(source(), on_text=show, coalesce=True)
        assert reply.callback_error is None
        assert "".join(shown) == reply.text == "".join(WORDS)
        assert len(shown) == 2

    asyncio.run(main())


def test_errors_are_counted_up_to_the_last_call(run: Callable[..., Reply]) -> None:
    calls: list[str] = []

    def explode(text: str) -> None:
        calls.append(text)
        raise BoomError

    reply = run(WORDS, on_text=explode, coalesce=True)
    assert (reply.text, reply.verdict) == ("".join(WORDS), Verdict.COMPLETE)
    assert "".join(calls) == reply.text
    assert reply.callback_error is not None
    assert reply.callback_error.n_errors == len(calls)


def test_an_error_ends_the_stream_if_asked_to(run: Callable[..., Reply]) -> None:
    def explode(text: str) -> None:
        raise BoomError(text)

    with pytest.raises(BoomError) as caught:
        run(WORDS, on_text=explode, coalesce=True, raise_callback_errors=True)
    assert caught.value.streamfold_partial.text.startswith("0 ")  # type: ignore[attr-defined]


def test_an_interrupt_does_not_wait_for_what_was_not_shown(run: Callable[..., Reply]) -> None:
    shown: list[str] = []

    def source() -> Iterator[str]:
        yield from WORDS
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        run(source(), on_text=shown.append, coalesce=True)
    assert caught.value.streamfold_partial.text == "".join(WORDS)  # type: ignore[attr-defined]


def test_an_exit_from_a_callback_passes_through() -> None:
    def leave(text: str) -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        fold(WORDS, on_text=leave, coalesce=True)


def test_cancelling_cancels_the_callback() -> None:
    async def main() -> None:
        cancelled = asyncio.Event()

        async def endless() -> AsyncIterator[str]:
            yield "a"
            await asyncio.sleep(60)

        async def show(text: str) -> None:
            try:
                await asyncio.sleep(60)
            finally:
                cancelled.set()

        task = asyncio.create_task(afold(endless(), on_text=show, coalesce=True))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 10)
        assert cancelled.is_set()
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())


def test_what_is_taken_back_is_told_in_its_place() -> None:
    told: list[str | Reset] = []
    reset = Reset(2, "it broke off")
    callbacks = callbacks_of(told.append, told.append, None, raise_errors=True)

    def tell(aside: Callbacks) -> None:
        for piece in ("a", "b"):
            aside.on_text(piece)
        aside.on_reset(reset)
        aside.on_text("c")

    async def main() -> None:
        async with CallbackTask(callbacks, Fold) as aside:
            tell(aside)

    asyncio.run(main())
    assert told == ["ab", reset, "c"]
    told.clear()
    with CallbackThread(callbacks, Fold) as aside:
        tell(aside)
    assert told[-2:] == [reset, "c"]
    assert "".join(map(str, told[:-2])) == "ab"


def test_the_callbacks_thread_has_the_callers_context() -> None:
    variable: ContextVar[str] = ContextVar("variable")
    variable.set("here")
    seen: list[str] = []
    fold(["a"], on_text=lambda text: seen.append(variable.get()), coalesce=True)
    assert seen == ["here"]


def test_trio_has_no_tasks_of_that_kind() -> None:
    async def main() -> None:
        with pytest.raises(CallerError, match="asyncio"):
            await afold(["a"], on_text=print, coalesce=True)

    trio.run(main)


# -- async callbacks given to the sync fold ----------------------------------------------------------------------------


async def show(text: str, end: str = "") -> None:
    """Show nothing."""


class Display:
    async def __call__(self, text: str) -> None:
        """Show nothing."""


@pytest.mark.parametrize("callback", [show, partial(show, end="."), Display()], ids=["function", "partial", "object"])
def test_an_async_callback_is_refused_before_anything_is_pulled(callback: Any) -> None:
    source = iter(["a"])
    with pytest.raises(CallerError, match="use afold"):
        fold(source, on_text=callback)
    assert list(source) == ["a"]


@pytest.mark.parametrize("coalesce", [False, True])
def test_a_callback_that_turns_out_to_be_async_is_refused_too(coalesce: bool) -> None:
    with pytest.raises(CallerError, match="use afold") as caught:
        fold(WORDS, on_text=lambda text: show(text), coalesce=coalesce)
    assert caught.value.streamfold_partial.text  # type: ignore[attr-defined]
