"""HTTP, done by libraries: a port of four small methods, and what stands behind it.

A transport opens a `Request` and gives an exchange, which is read until it ends and then closed. It decides nothing: no
status is judged here, no redirect followed, nothing retried, no deadline kept but that of connecting. Sync and async
are the same four verbs:

- ``open(request, opening)`` sends the request and returns once the response's headers are there. `Opening` says how
  long that may take, and is told how to give it up.
- ``read()`` returns what the socket has, waiting for the first byte of it, decompressed; ``b""`` is the end, however
  often it is called there. It never waits for more than is there: a token that is held back is a token late.
- ``close()`` lets go of the connection: it goes back to its pool if ``read`` has returned the end, otherwise its socket
  is closed at once, which is what makes the sender quit.
- ``interrupt()`` makes a blocked ``read`` return or raise. Sync: called from another thread. Async: called without
  awaiting, as when the stream is collected as garbage; it closes the socket.

What the network does wrong is raised as an `OSError` (`ConnectionError`, `TimeoutError`, `ssl.SSLError`), whatever the
library calls it, with the reason in its text and no key: `network_error` makes one. Any other exception is taken for a
mistake that no other attempt would mend.

A client of the caller's own is recognised by its shape; none of these libraries is imported for that. To bring another
one, hand in an object with the method ``open`` as `client`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ...errors import CallerError, MissingExtraError
from ..request import Request

DRAIN_SECONDS = 0.05
"""How long the end of a response is waited for once its stream has ended, so that the connection can be kept."""

DRAIN_BYTES = 4096
"""How much of it is read for that."""

CANCEL_SECONDS = 1.0
"""How long it may take to tell a server, with a request of its own, that a response is not wanted any more. Whoever
leaves a stream that outlives its connection waits for that, and no longer."""

READ_BYTES = 65_536
"""Bounds one read; a read gives what there is, however little."""


class Exchange(Protocol):
    """A response that is being read."""

    status: int
    headers: Mapping[str, str]

    def read(self) -> bytes:
        """Return what has come, at least one byte; ``b""`` at the end."""
        ...

    def close(self) -> None:
        """Let go of the connection; close its socket unless ``read`` has returned the end. May be called again."""
        ...

    def interrupt(self) -> None:
        """Make a ``read`` that blocks in another thread return."""
        ...


class Transport(Protocol):
    """What opens a request; in any thread."""

    def open(self, request: Request, opening: Opening) -> Exchange:
        """Send `request`; return once the headers of its response are there.

        While that lasts, ``opening.interruptible`` may be told how to interrupt it from another thread.
        """
        ...


class Opening:
    """A request whose response has not come yet, and which may be given up from another thread.

    Attributes:
        connect: How many seconds connecting may take; without limit if it is ``None``.
        response: In how many seconds the response will be given up. Only a transport that cannot be interrupted needs
            to know.
    """

    def __init__(self, connect: float | None, response: float | None) -> None:
        self.connect = connect
        self.response = response
        self._given_up = False
        self._interrupt: Callable[[], object] | None = None

    def interruptible(self, interrupt: Callable[[], object]) -> None:
        """Say how to make the ``open`` that blocks here raise; called at once if it was given up before."""
        self._interrupt = interrupt
        if self._given_up:
            interrupt()

    def interrupt(self) -> None:
        """Make ``open`` raise, as soon as its transport can."""
        self._given_up = True
        if self._interrupt is not None:
            self._interrupt()


class AsyncExchange(Protocol):
    """A response that is being read."""

    status: int
    headers: Mapping[str, str]

    async def read(self) -> bytes:
        """Return what has come, at least one byte; ``b""`` at the end."""
        ...

    async def close(self) -> None:
        """Let go of the connection; close its socket unless ``read`` has returned the end. May be called again."""
        ...

    def interrupt(self) -> None:
        """Close the socket, without waiting for anything."""
        ...


class AsyncTransport(Protocol):
    """What opens a request."""

    async def open(self, request: Request, opening: Opening) -> AsyncExchange:
        """Send `request`; return once the headers of its response are there. Cancelled, it leaves nothing open."""
        ...


def transport_for(client: Any) -> Transport:
    """Return the sync transport over `client`; over the library of ours with ``None``.

    Raises:
        CallerError: `client` is nothing that is known here, or is async.
        MissingExtraError: There is no client, and the library is not installed.
    """
    if client is None:
        with _extra("urllib3"):
            from .urllib3 import Urllib3Transport, pools

            return Urllib3Transport(pools)
    if _is_httpx(client, "Client"):
        from .httpx import HttpxTransport

        return HttpxTransport(client)
    if hasattr(client, "urlopen") and hasattr(client, "connection_from_url"):
        from .urllib3 import Urllib3Transport

        return Urllib3Transport(lambda url: client, is_ours=False)
    if hasattr(client, "open"):
        transport: Transport = client
        return transport
    raise CallerError(f"client is {_name(client)}, expected an httpx.Client or a urllib3.PoolManager{_hint(client)}")


def async_transport_for(client: Any) -> AsyncTransport:
    """Return the async transport over `client`; over the library of ours with ``None``. As `transport_for`."""
    if client is None:
        with _extra("aiohttp"):
            from .aiohttp import AiohttpTransport, session

            return AiohttpTransport(session)
    if _is_httpx(client, "AsyncClient"):
        from .httpx import AsyncHttpxTransport

        return AsyncHttpxTransport(client)
    if hasattr(client, "ws_connect") and hasattr(client, "connector"):
        from .aiohttp import AiohttpTransport

        return AiohttpTransport(lambda: client)
    if hasattr(client, "open"):
        transport: AsyncTransport = client
        return transport
    raise CallerError(f"client is {_name(client)}, expected an httpx.AsyncClient or an aiohttp.ClientSession")


def network_error(error: BaseException, request: Request) -> OSError:
    """Return what `error`, of a client library, says of the network, in words that hold no key."""
    words = request.redacted(f"{request.origin}: {_reason(error)}")
    cause: BaseException | None = error
    for _ in range(8):  # deeper than any library nests them
        if isinstance(cause, OSError):
            words = request.redacted(f"{request.origin}: {_reason(cause)}")
            # a certificate that does not hold is a ValueError too, by which it is known
            kind = next((k for k in type(cause).__mro__ if k.__module__ in ("builtins", "ssl")), OSError)
            return _made(kind, words)
        if cause is None:
            break
        cause = cause.__cause__ or cause.__context__
    return ConnectionError(words)


def _made(kind: type, words: str) -> OSError:
    try:
        made = kind(words)
    except TypeError:
        made = ConnectionError(words)
    return made if isinstance(made, OSError) else ConnectionError(words)


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__


class _extra:  # noqa: N801 (reads as a function)
    """Say which extra is missing when an import fails."""

    def __init__(self, package: str) -> None:
        self._package = package

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] == self._package:
            raise MissingExtraError(self._package, "http") from error


def _is_httpx(client: Any, name: str) -> bool:
    kinds = type(client).__mro__
    return any(kind.__name__ == name and kind.__module__.partition(".")[0] in ("httpx", "httpx2") for kind in kinds)


def _name(client: Any) -> str:
    return f"{type(client).__module__.partition('.')[0]}.{type(client).__name__}"


def _hint(client: Any) -> str:
    return "; use astream or afold with it" if _is_httpx(client, "AsyncClient") or hasattr(client, "ws_connect") else ""
