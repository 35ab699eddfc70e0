"""The sync transport: urllib3.

One pool of connections a proxy is kept for the whole process, safe to use from every thread; a forked child begins with
none. urllib3 can do all that is asked for but one thing: to give up waiting for a response's headers from outside. For
that the connection of a request in the making is known to its thread.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, PoolManager, ProxyManager, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util import make_headers, parse_url

from ..request import Request
from . import READ_BYTES, Exchange, Opening, network_error
from .proxies import proxy_for

POOLED = 64
"""How many idle connections are kept for each server; more may be open at once."""

SERVERS = 64
"""For how many servers connections are kept."""

_opening = threading.local()
_pools: dict[str | None, PoolManager] = {}
_lock = threading.Lock()


class Urllib3Transport:
    """Open requests over urllib3.

    Args:
        pool_for: What gives the pool of connections for a URL.
        is_ours: Whether its connections tell how to interrupt them. Those of others are given a time to respond in,
            which each byte of the head begins anew.
    """

    def __init__(self, pool_for: Callable[[str], Any], *, is_ours: bool = True) -> None:
        self._pool_for = pool_for
        self._is_ours = is_ours

    def open(self, request: Request, opening: Opening) -> Exchange:
        """Send `request`; return once the headers of its response are there."""
        url = request.target
        _opening.now = opening
        try:
            response = self._pool_for(url).urlopen(
                request.method,
                url,
                body=request.body,
                headers=request.sent_headers,
                timeout=Timeout(connect=opening.connect, read=None if self._is_ours else opening.response),
                retries=False,
                redirect=False,
                preload_content=False,
            )
        except (HTTPError, OSError, ValueError) as error:
            raise network_error(error, request) from None  # its traceback would tell the URL
        finally:
            _opening.now = None
        exchange = _Exchange(response, request)
        if not self._is_ours:
            exchange.wait_for_ever()
        return exchange


class _Exchange:
    """A response of urllib3's."""

    def __init__(self, response: BaseHTTPResponse, request: Request) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._request = request
        self._is_encoded = "content-encoding" in response.headers

    def read(self) -> bytes:
        try:
            return self._response.read1(READ_BYTES, self._is_encoded)  # a decoder that has nothing to do costs a tenth
        except (HTTPError, OSError, ValueError) as error:
            raise network_error(error, self._request) from None

    def wait_for_ever(self) -> None:
        """Take back the limit of a read: from here on it can be interrupted."""
        shutdown: Any = getattr(self._response, "_sock_shutdown", None)  # the only way to the socket of every response
        with suppress(OSError, AttributeError):
            shutdown.__self__.settimeout(None)

    def close(self) -> None:
        # Not given back to the pool: its lock is not re-entrant, and the garbage collector may come here in the middle.
        with suppress(HTTPError, OSError):
            self._response.close()

    def interrupt(self) -> None:
        with suppress(OSError, RuntimeError, ValueError):  # the connection is back in its pool, or closed
            self._response.shutdown()


def pools(url: str) -> PoolManager:
    """Return this process's pool of connections by which `url` is reached."""
    proxy = proxy_for(url)
    with _lock:
        pool = _pools.get(proxy)
        if pool is None:
            pool = _pools[proxy] = _new_pool(proxy)
        return pool


def _new_pool(proxy: str | None) -> PoolManager:
    if proxy is None:
        pool = PoolManager(num_pools=SERVERS, maxsize=POOLED)
    else:
        auth = parse_url(proxy).auth
        headers = make_headers(proxy_basic_auth=auth) if auth else None
        pool = ProxyManager(proxy, num_pools=SERVERS, maxsize=POOLED, proxy_headers=headers)
    pool.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
    return pool


class _Known:
    """A connection that tells the request in the making how to interrupt it."""

    sock: Any

    def getresponse(self) -> Any:
        opening: Opening | None = getattr(_opening, "now", None)
        if opening is not None:
            opening.interruptible(self._interrupt)
        return super().getresponse()  # type: ignore[misc]

    def _interrupt(self) -> None:
        with suppress(OSError, AttributeError):  # it is just being closed
            self.sock.shutdown(socket.SHUT_RDWR)


class _Connection(_Known, HTTPConnection):
    pass


class _SecureConnection(_Known, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls: Any = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls: Any = _SecureConnection


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pools.clear)  # a parent's connections are not the child's to talk on
