"""Read JavaScript's streams from Python in a browser: an engine's chunks, a response's body, text (Pyodide).

Any async iterable of JavaScript's will do. A chunk that is an object is put back on the wire: JavaScript writes it as
the server-sent event it would have been, so it takes the decoder's short way, as bytes from a network do, and its
``null`` needs no care. Each pull is one promise for one string; no chunk is pulled before it is wanted.

Leaving early calls the iterator's ``return``, as JavaScript's own ``break`` does. That is enough for an async
generator, such as the stream of WebLLM: it ends the generation and gives the engine's lock back. Python's ``async for``
does not do it: left alone, the lock is held and WebLLM's next request waits for ever. An engine that only a call can
stop is wrapped in `interruptible`.

Cost: a chunk folded is about 1.2 times a chunk whose text is read through Pyodide's proxies, and 1.8 times a bare
``async for`` that looks at nothing (`bench/in_pyodide.py`).

Nothing of Pyodide is imported before it is there: a JavaScript object is known by what it has.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import Any

_PULLER = """
(source) => {
  const chunks = source[Symbol.asyncIterator]?.() ?? source[Symbol.iterator]();
  const isObject = (value) => typeof value === "object" && value !== null && !ArrayBuffer.isView(value);
  const told = ({ done, value }) => {
    if (done) return undefined;
    return isObject(value) ? `data: ${JSON.stringify(value)}\\n\\n` : { value };
  };
  return {
    pull: () => Promise.resolve(chunks.next()).then(told),
    leave: async () => { await chunks.return?.(); },
  };
}
"""


def is_javascript(value: Any) -> bool:
    """Tell whether `value` is an object of JavaScript's, seen from Python."""
    return hasattr(value, "js_id") and hasattr(value, "to_py")


def interruptible(source: Any, interrupt: Callable[[], Any]) -> AsyncIterator[bytes | str]:
    """Return what `source` brings; if it is left early, call `interrupt` and wait until the engine has stopped.

    For an engine that generates on its own and not when it is asked for a chunk, or that does not give its lock back
    when its stream is left::

        chunks = await engine.chat.completions.create(request)
        async with astream(interruptible(chunks, engine.interruptGenerate), stop="END") as events:
            ...

    Args:
        source: A JavaScript async iterable.
        interrupt: Stops the generation: WebLLM's ``engine.interruptGenerate``, an ``AbortController``'s ``abort``.
    """
    return JavaScriptChunks(source, interrupt)


class JavaScriptChunks(AsyncIterator[bytes | str]):
    """The chunks of a JavaScript iterable: text as it is, bytes as they are, objects as server-sent events."""

    def __init__(self, source: Any, interrupt: Callable[[], Any] | None = None) -> None:
        puller = _puller()(source)
        self._pull = puller.pull
        self._leave = puller.leave
        self._interrupt = interrupt
        self._ended = False

    async def __anext__(self) -> bytes | str:
        chunk = await self._pull()
        if type(chunk) is str:
            return chunk.encode()
        if chunk is None:
            self._ended = True
            raise StopAsyncIteration
        value = chunk.value
        return value.to_bytes() if is_javascript(value) else value  # type: ignore[no-any-return]

    async def aclose(self) -> None:
        """Leave the stream; return once its engine has stopped."""
        if self._ended:
            return
        if self._interrupt is not None:
            outcome = self._interrupt()
            if isinstance(outcome, Awaitable):
                await outcome
            with suppress(Exception):  # an engine may end an interrupted stream with an error
                while await self._pull() is not None:
                    pass
        await self._leave()


@cache
def _puller() -> Any:
    return import_module("pyodide.code").run_js(_PULLER)
