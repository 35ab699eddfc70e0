"""The application over HTTP, where the protocol's own suite does not look: limits, refusals, event streams, caching."""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from tests.relay.serving import serving

from streamfold.relay.limits import Limits
from streamfold.relay.rules.offsets import from_offset, to_offset

ROOT = "/v1/stream/"
LIMITS = Limits(max_body=1000, max_path=50, max_readers=2, page=10, long_poll=0.2)
TEXT = {"Content-Type": "text/plain"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    store = str(tmp_path_factory.mktemp("app") / "streams.db")
    with serving(store, limits=LIMITS, cors=["https://friend.example"]) as url:
        yield url.removeprefix("http://")


class Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()


@pytest.fixture
def ask(server: str):
    """Send a request for a stream of this test's own name space; a function."""
    connections = []

    def send(method: str, path: str, body: bytes | Iterator[bytes] = b"", headers: dict | None = None) -> Answer:
        connection = http.client.HTTPConnection(server, timeout=30)
        connections.append(connection)
        connection.request(method, path, body or None, headers or {})
        return Answer(connection.getresponse())

    yield send
    for connection in connections:
        connection.close()


@contextmanager
def events(server: str, path: str) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection(server, timeout=30)
    connection.request("GET", f"{ROOT}{path}?offset=-1&live=sse")
    with closing(connection), connection.getresponse() as response:
        yield response


def error_of(answer: Answer) -> dict:
    return json.loads(answer.body)["error"]


def test_a_body_is_bounded_however_it_is_sent(ask):
    ask("PUT", ROOT + "body", headers=TEXT)
    for body in (b"x" * 1001, iter([b"x" * 600, b"x" * 401])):
        answer = ask("POST", ROOT + "body", body, TEXT)
        assert (answer.status, error_of(answer)["message"]) == (413, "the limit max_body is 1,000")
    assert ask("POST", ROOT + "body", iter([b"x" * 600, b"x" * 400]), TEXT).status == 204


def test_a_path_is_bounded(ask):
    assert ask("PUT", ROOT + "p" * 50, headers=TEXT).status == 201
    answer = ask("PUT", ROOT + "p" * 51, headers=TEXT)
    assert (answer.status, error_of(answer)["type"]) == (414, "RelayLimit")


def test_a_refusal_says_what_and_why(ask):
    answer = ask("GET", ROOT + "nobody")
    assert (answer.status, answer.headers["Content-Type"]) == (404, "application/json")
    assert error_of(answer) == {"type": "StreamNotFound", "message": "no stream at 'nobody'"}
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("query", ["offset=5", "offset=-1&live=telepathy", "live=sse", f"offset={to_offset(9)}"])
def test_questions_that_cannot_be_meant(ask, query):
    ask("PUT", ROOT + "question", headers=TEXT)
    assert ask("GET", f"{ROOT}question?{query}").status == 400


def test_generations_are_written_by_their_producers_alone(ask):
    for method in ("PUT", "DELETE"):
        assert ask(method, ROOT + "generations/x", headers=TEXT).status == 405


def test_reserved_paths_are_no_streams(ask):
    assert ask("PUT", ROOT + "__ds/x", headers=TEXT).status == 404


def test_large_streams_come_in_pages(ask):
    texts = [f"{number:04d}" for number in range(10)]
    ask("PUT", ROOT + "pages", json.dumps(texts).encode(), {"Content-Type": "application/json"})
    seen, offset = [], "-1"
    while True:
        answer = ask("GET", f"{ROOT}pages?offset={offset}")
        seen += json.loads(answer.body)
        assert len(answer.body) <= 10 + 3
        offset = answer.headers["Stream-Next-Offset"]
        if answer.headers["Stream-Up-To-Date"]:
            assert "no-cache" in answer.headers["Cache-Control"]
            break
        assert "max-age" in answer.headers["Cache-Control"]
    assert seen == texts


def test_the_tag_changes_when_the_stream_ends(ask):
    ask("PUT", ROOT + "tag", b"x", TEXT)
    tag = ask("GET", ROOT + "tag").headers["ETag"]
    assert ask("GET", ROOT + "tag", headers={"If-None-Match": tag}).status == 304
    ask("POST", ROOT + "tag", headers={"Stream-Closed": "true"})
    answer = ask("GET", ROOT + "tag", headers={"If-None-Match": tag})
    assert (answer.status, answer.headers["Stream-Closed"]) == (200, "true")


def test_a_stream_made_anew_has_other_tags(ask):
    ask("PUT", ROOT + "anew", b"x", TEXT)
    tag = ask("GET", ROOT + "anew").headers["ETag"]
    ask("DELETE", ROOT + "anew")
    ask("PUT", ROOT + "anew", b"y", TEXT)
    assert ask("GET", ROOT + "anew", headers={"If-None-Match": tag}).body == b"y"


def test_events_of_text_are_cut_between_characters(ask, server):
    """An event never ends within a character, though the appends do; what the offset names is what was sent."""
    ask("PUT", ROOT + "text", headers=TEXT)
    euro = "€".encode()

    def write() -> None:
        for part in (b"1", euro[:1], euro[1:2], euro[2:] + b"2"):
            ask("POST", ROOT + "text", part, TEXT)
        ask("POST", ROOT + "text", headers={"Stream-Closed": "true"})

    writer = threading.Thread(target=write)
    with events(server, "text") as response:
        writer.start()
        sent = [event.partition("\ndata:") for event in response.read().decode().split("\n\n") if event]
    writer.join()
    assert "".join(data for name, _, data in sent if name == "event: data") == "1€2"
    controls = [json.loads(data) for name, _, data in sent if name == "event: control"]
    assert {from_offset(control["streamNextOffset"]) for control in controls} <= {0, 1, 4}


def test_cross_origin_by_list(ask):
    ask("PUT", ROOT + "cors", headers=TEXT)
    friend = ask("GET", ROOT + "cors", headers={"Origin": "https://friend.example"})
    assert friend.headers["Access-Control-Allow-Origin"] == "https://friend.example"
    assert "Stream-Next-Offset" in friend.headers["Access-Control-Expose-Headers"]
    stranger = ask("GET", ROOT + "cors", headers={"Origin": "https://stranger.example"})
    assert stranger.headers["Access-Control-Allow-Origin"] is None


def test_a_stream_that_is_deleted_ends_its_events(ask, server):
    ask("PUT", ROOT + "deleted", headers=TEXT)
    with events(server, "deleted") as response:
        assert response.readline() == b"event: control\n"
        ask("DELETE", ROOT + "deleted")
        assert b"streamClosed" not in response.read()


def test_readers_are_bounded(ask, server):
    ask("PUT", ROOT + "readers", headers=TEXT)
    with events(server, "readers") as one, events(server, "readers") as other:
        assert one.readline() == other.readline() == b"event: control\n"
        for live in ("long-poll", "sse"):
            answer = ask("GET", f"{ROOT}readers?offset=-1&live={live}")
            assert (answer.status, error_of(answer)["message"]) == (429, "the limit max_readers is 2")
