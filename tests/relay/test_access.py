"""Who may do what: without a token this machine's own pages and programs alone, with one whoever has it."""

import http.client
import json
import time
from collections.abc import Iterator

import pytest
from tests.relay.serving import serving
from tests.relay.upstream import Upstream, upstream

from streamfold.relay.access import Access
from streamfold.relay.engines import EngineSpec
from streamfold.relay.errors import UnauthorizedError
from streamfold.relay.limits import Limits

TOKEN = "correct horse battery staple"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
QUESTION = json.dumps({"messages": [{"role": "user", "content": "say 2"}]})


@pytest.fixture(scope="module")
def source() -> Iterator[Upstream]:
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def open_relay(source: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    store = str(tmp_path_factory.mktemp("open") / "streams.db")
    engines = [EngineSpec("openai", "m", source.url)]
    with serving(store, engines=engines, cors=["https://friend.example"], limits=Limits(max_starts=5)) as url:
        yield url.removeprefix("http://")


@pytest.fixture(scope="module")
def guarded(source: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    store = str(tmp_path_factory.mktemp("guarded") / "streams.db")
    with serving(store, engines=[EngineSpec("openai", "m", source.url)], token=TOKEN) as url:
        yield url.removeprefix("http://")


def ask(address: str, method: str, path: str, body: str | None = None, headers: dict | None = None):
    connection = http.client.HTTPConnection(address, timeout=30)
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    answer = response.status, response.headers, response.read()
    connection.close()
    return answer


WRITES = [
    ("POST", "/generations"),
    ("POST", "/generations/x/cancel"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/responses"),
    ("POST", "/api/chat"),
    ("PUT", "/v1/stream/x"),
    ("POST", "/v1/stream/x"),
    ("DELETE", "/v1/stream/x"),
]
READS = [
    ("GET", "/engines"),
    ("GET", "/generations/x"),
    ("GET", "/generations/x/events"),
    ("GET", "/v1/responses/x"),
    ("GET", "/v1/models"),
    ("GET", "/api/chat/x/stream"),
    ("GET", "/v1/stream/x"),
    ("GET", "/metrics"),
]


@pytest.mark.parametrize(("method", "path"), WRITES + READS)
@pytest.mark.parametrize("said", [None, "Bearer wrong", "Basic abc", f"bearer{TOKEN}"])
def test_without_the_token_there_is_nothing(guarded, method, path, said):
    status, headers, body = ask(guarded, method, path, "{}", {"Authorization": said} if said else {})
    assert (status, headers["WWW-Authenticate"]) == (401, "Bearer")
    assert json.loads(body)["error"]["type"] == "Unauthorized"
    assert TOKEN.encode() not in body


def test_with_the_token_there_is_everything(guarded):
    assert ask(guarded, "GET", "/engines", headers=BEARER)[0] == 200
    assert ask(guarded, "POST", "/generations", QUESTION, BEARER)[0] == 201
    assert ask(guarded, "PUT", "/v1/stream/x", headers=BEARER)[0] == 201


def test_anybody_may_ask_whether_it_is_well(guarded):
    status, _, body = ask(guarded, "GET", "/healthz")
    assert (status, json.loads(body)) == (200, {"status": "ok"})


def test_a_signed_url_reads_one_generation(guarded):
    answer = json.loads(ask(guarded, "POST", "/generations", QUESTION, BEARER)[2])
    other = json.loads(ask(guarded, "POST", "/generations", QUESTION, BEARER)[2])
    path, _, query = answer["url"].partition("?")
    found = ask(guarded, "GET", answer["url"])
    assert found[0] == 200
    assert b"t1 " in found[2]
    assert ask(guarded, "GET", f"/generations/{answer['id']}?{query}")[0] == 200
    for refused in (
        f"/generations/{other['id']}/events?{query}",
        f"/v1/responses/{answer['id']}?{query}",
        f"{path}?{query.replace('expires=', 'expires=9')}",
        f"{path}?{query[:-1]}",
        f"{path}?expires=&signature=",
        "/engines?" + query,
    ):
        assert ask(guarded, "GET", refused)[0] == 401, refused
    assert ask(guarded, "POST", f"/generations/{answer['id']}/cancel?{query}")[0] == 401


def test_a_signed_url_expires(monkeypatch):
    access = Access(TOKEN)
    path, _, query = access.readable("/generations/x/events").partition("?")
    said = dict(pair.split("=") for pair in query.split("&"))
    access.check("GET", path, {}, said)
    later = time.time() + 24 * 3600 + 1
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(UnauthorizedError, match="expired"):
        access.check("GET", path, {}, said)


def test_without_a_token_a_url_needs_no_signature():
    assert Access(None).readable("/generations/x/events") == "/generations/x/events"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_no_name_but_this_machines_own(open_relay, host):
    """A page whose name was made to point here (DNS rebinding) is not answered."""
    assert ask(open_relay, "GET", "/engines", headers={"Host": host})[0] == 400


@pytest.mark.parametrize("host", ["localhost", "localhost:1234", "127.0.0.1:8642", "[::1]:8642"])
def test_this_machines_names(open_relay, host):
    assert ask(open_relay, "GET", "/engines", headers={"Host": host})[0] == 200


@pytest.mark.parametrize(("method", "path"), WRITES)
@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_a_strangers_page_does_not_write(open_relay, method, path, origin):
    """It could without reading the answer, in a request that a browser sends without asking first."""
    status, headers, _ = ask(open_relay, method, path, "{}", {"Origin": origin, "Content-Type": "text/plain"})
    assert status == 403
    assert "Access-Control-Allow-Origin" not in headers


def test_our_page_and_a_friends_write(open_relay):
    for origin in (f"http://{open_relay}", "https://friend.example"):
        status, headers, _ = ask(open_relay, "PUT", "/v1/stream/friend", headers={"Origin": origin})
        assert status in (200, 201)
    assert "X-Generation-Id" in headers["Access-Control-Expose-Headers"]


def test_starts_are_bounded_for_each_client(open_relay):
    statuses = [ask(open_relay, "POST", "/generations", QUESTION) for _ in range(7)]
    refused = [(status, headers["Retry-After"], body) for status, headers, body in statuses if status != 201]
    assert len(statuses) - len(refused) == 5
    assert refused[0][:2] == (429, "1")
    assert json.loads(refused[0][2])["error"]["message"] == "the limit max_starts is 5"
