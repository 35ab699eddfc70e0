"""The server itself: it does to a plain socket what its scripts say, and sees what that does."""

import collections
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse, IncompleteRead
from urllib.parse import urlsplit

import pytest

from streamfold import Verdict, fold

from ..serving.recordings import EVENTS, TEXT, WIRE, text_event
from ..serving.server import LINGER_0, Script, Server, refused_url, serving
from ..serving.steps import answer, cut, drip, each, endless, half_close, hang, pause, raw, reset, send, stall

REQUEST = b"POST /v1/chat HTTP/1.1\r\nHost: local\r\nContent-Length: 2\r\n\r\n{}"


def connect(server: Server) -> socket.socket:
    address = urlsplit(server.url)
    client = socket.create_connection((address.hostname, address.port), 10)
    client.sendall(REQUEST)
    return client


def received(client: socket.socket) -> Iterator[bytes]:
    return iter(lambda: client.recv(65_536), b"")


def reads(response: HTTPResponse) -> Iterator[bytes]:
    return iter(response.read1, b"")


@pytest.mark.parametrize(
    "framing", [{}, {"length": len(WIRE)}, {"close": True}], ids=["chunked", "content-length", "close"]
)
@pytest.mark.parametrize("body", [send(*EVENTS), send(WIRE), drip(WIRE)], ids=["events", "whole", "bytes"])
def test_a_stream_as_it_should_be(framing: dict[str, int], body: Script) -> None:
    with serving(answer(body, **framing)) as server, urllib.request.urlopen(server.url, b"{}") as response:
        reply = fold(reads(response))
    assert (reply.text, reply.verdict) == (TEXT, Verdict.COMPLETE)
    assert [(request.method, request.json) for request in server.requests] == [("POST", {})]


def test_the_scripts_take_turns_on_one_connection() -> None:
    scripts = (answer(send(b"one")), answer(send(b"two"), length=3), answer(send(b"three"), close=True))
    with serving(*scripts) as server, closing(HTTPConnection(urlsplit(server.url).netloc)) as client:
        bodies = []
        for _ in scripts:
            client.request("POST", "/v1/chat", b"{}")
            bodies.append(client.getresponse().read())
    assert bodies == [b"one", b"two", b"three"]
    assert (len(server.connections), len(server.requests)) == (1, 3)
    assert server.connections[0].requests == server.requests


def test_a_cut_is_a_fin() -> None:
    with serving(answer(send(WIRE[:100]), cut())) as server, connect(server) as client:
        everything = b"".join(received(client))
    assert everything.endswith(WIRE[:100] + b"\r\n")


def test_a_cut_breaks_a_promised_length() -> None:
    with (
        serving(answer(send(WIRE[:100]), cut(), length=len(WIRE))) as server,
        urllib.request.urlopen(server.url) as response,
        pytest.raises(IncompleteRead),
    ):
        response.read()


def test_a_reset_is_an_rst_after_all_that_was_sent() -> None:
    with serving(answer(send(WIRE[:100]), reset())) as server, connect(server) as client:
        taken: list[bytes] = []
        with pytest.raises(ConnectionResetError):
            collections.deque(map(taken.append, received(client)), maxlen=0)
    assert b"".join(taken).endswith(WIRE[:100] + b"\r\n")


def test_a_cut_may_lie_in_the_head() -> None:
    with serving(each(raw(b"HTTP/1.1 200 OK\r\nContent-"), cut())) as server, connect(server) as client:
        assert b"".join(received(client)) == b"HTTP/1.1 200 OK\r\nContent-"


def test_a_half_close_waits_for_the_client() -> None:
    with serving(answer(send(WIRE), half_close())) as server, connect(server) as client:
        assert WIRE in b"".join(received(client))
        assert server.departure(timeout=0.05) is None
        client.close()
        assert server.departure() is not None


def test_each_byte_is_a_write_of_its_own() -> None:
    with serving(answer(drip(b"abcdef", every=0.01), close=True)) as server, connect(server) as client:
        pieces = list(received(client))
    assert len(pieces) >= 3  # a slow machine may take several at once
    assert b"".join(pieces).endswith(b"\r\n\r\nabcdef")


def test_a_slow_head_and_a_pause() -> None:
    script = answer(pause(0.05), send(WIRE), close=True, head_every=0.001)
    started = time.monotonic()
    with serving(script) as server, connect(server) as client:
        assert b"".join(received(client)).endswith(WIRE)
    assert time.monotonic() - started > 0.05 + 0.001 * 80


def test_status_and_headers() -> None:
    with serving(answer(send(b"{}"), status=429, content_type="application/json", headers={"Retry-After": "3"})) as s:
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(s.url)
        with caught.value as error:
            assert (error.code, error.headers["Retry-After"], error.read()) == (429, "3", b"{}")


def finish(client: socket.socket) -> None:
    client.shutdown(socket.SHUT_RDWR)


def abort(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)
    client.close()


@pytest.mark.parametrize(
    "body",
    [hang(), stall(), endless(text_event("on")), endless(b"x" * 1_000_000, every=0)],
    ids=["silence", "keep-alives", "endless", "faster than it is read"],
)
@pytest.mark.parametrize(("leave", "how"), [(finish, "fin"), (abort, "reset")], ids=["fin", "reset"])
def test_it_sees_how_and_when_a_client_leaves(body: Script, leave: Callable[[socket.socket], None], how: str) -> None:
    with serving(answer(body)) as server, connect(server) as client:
        client.recv(999)
        left = time.monotonic()
        leave(client)
        departure = server.departure()
    assert departure is not None
    assert departure.how == how
    assert 0 <= departure.at - left < 1


def test_it_leaves_nothing_behind() -> None:
    before = threading.active_count()
    with serving(answer(hang())) as server, connect(server) as client:
        client.recv(999)
        assert threading.active_count() == before + 1
    assert threading.active_count() == before


def test_nobody_listens() -> None:
    with pytest.raises(urllib.error.URLError) as caught:
        urllib.request.urlopen(refused_url(), timeout=10)
    assert isinstance(caught.value.reason, ConnectionRefusedError)
