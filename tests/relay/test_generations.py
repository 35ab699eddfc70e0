"""The relay's own API: a generation outlives its readers, is stopped by wish alone, and ends as it ended."""

import asyncio
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from tests.conftest import need_engine
from tests.relay.serving import serving
from tests.relay.stores import opened
from tests.relay.upstream import Upstream, upstream

from streamfold.relay.engines import EngineSpec
from streamfold.relay.limits import Limits
from streamfold.relay.views import generations

LIMITS = Limits(max_generations=4)


@pytest.fixture(scope="module")
def source() -> Iterator[Upstream]:
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("generations") / "streams.db")


@pytest.fixture(scope="module")
def relay(source: Upstream, store: str) -> Iterator[str]:
    with serving(store, engines=[EngineSpec("openai", "m", source.url)], limits=LIMITS) as url:
        yield url


def call(url: str, body: object = None, method: str | None = None, **headers: str):
    data = None if body is None else json.dumps(body).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data, names, method=method or ("POST" if data else "GET"))
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, json.loads(response.read() or b"null")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or b"null")


def begin(relay: str, said: str, **more) -> str:
    status, answer = call(f"{relay}/generations", {"messages": [{"role": "user", "content": said}], **more})
    assert status == 201, answer
    return f"{relay}/generations/{answer['id']}"


def events(url: str, after: int | None = None, most: int | None = None) -> list[tuple[int, dict]]:
    """Read the records to the end, or the first so many and leave."""
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    found, number = [], 0
    with urllib.request.urlopen(urllib.request.Request(f"{url}/events", headers=headers), timeout=30) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        assert response.headers["X-Accel-Buffering"] == "no"
        for line in response:
            name, _, value = line.decode().strip().partition(":")
            if name == "id":
                number = int(value)
            elif name == "data":
                found.append((number, json.loads(value)))
                if len(found) == most:
                    break
    return found


def text_of(found: list[tuple[int, dict]]) -> str:
    return "".join(record["text"] for _, record in found if record["type"] == "text")


def said(n: int) -> str:
    return "".join(f"t{number} " for number in range(1, n + 1))


def test_the_engines_are_listed(relay):
    assert call(f"{relay}/engines") == (200, {"engines": [{"name": "openai", "model": "m"}]})


def test_the_record_is_there_before_the_first_token(relay):
    url = begin(relay, "say 1 pause 0.5")
    status, answer = call(url)
    assert (status, answer["status"], answer["last"]) == (200, "running", 1)
    assert (answer["reply"]["text"], answer["reply"]["verdict"]) == ("", None)
    assert events(url)[-1][1]["verdict"] == "complete"


def test_the_records_are_numbered_and_the_last_one_is_the_end(relay):
    found = events(begin(relay, "think 1 say 3 call weather"))
    assert [number for number, _ in found] == list(range(1, len(found) + 1))
    kinds = [record["type"] for _, record in found]
    calls = ["tool_call_start", "tool_call_delta", "tool_call_end"]
    assert kinds == ["start", "reasoning", "text", "text", "text", *calls, "end"]
    end = found[-1][1]
    assert (end["verdict"], end["usage"]["output_tokens"], end["error"]) == ("tool_calls", 3, None)
    assert end["timing"]["first"] > 0
    assert found[-2][1]["arguments"] == '{"city":"Oslo"}'


def test_a_reader_goes_on_where_it_was(relay):
    url = begin(relay, "say 30 pause 0.01")
    first = events(url, most=5)
    rest = events(url, after=first[-1][0])
    assert text_of(first) + text_of(rest) == said(30)
    assert [number for number, _ in first + rest] == list(range(1, 33))
    with urllib.request.urlopen(f"{url}/events?after=30", timeout=30) as response:
        assert b"id: 31\n" in response.read()


def test_after_the_end_there_is_nothing(relay):
    url = begin(relay, "say 1")
    last = events(url)[-1][0]
    assert call(f"{url}/events", Last_Event_ID=str(last)) == (204, None)
    assert call(f"{url}/events?after={last + 1}")[0] == 400
    assert call(f"{url}/events?after=x")[0] == 400


def test_readers_leave_and_the_reply_goes_on(relay, source):
    source.left.clear()
    url = begin(relay, "say 40 pause 0.01")
    for _ in range(5):
        events(url, most=2)
    assert text_of(events(url)) == said(40)
    assert not source.left.is_set()


def test_all_readers_see_the_same(relay):
    url = begin(relay, "say 50 pause 0.005")
    found: list[list] = []
    readers = [threading.Thread(target=lambda: found.append(events(url))) for _ in range(20)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert len(found) == 20
    assert all(one == found[0] for one in found)


def test_cancelling_closes_the_upstream_and_may_be_repeated(relay, source):
    source.left.clear()
    url = begin(relay, "say 5000 pause 0.02")
    events(url, most=3)
    for _ in range(3):
        status, answer = call(f"{url}/cancel", {})
        assert status == 200
    found = events(url)
    assert found[-1][1]["verdict"] == "cancelled"
    assert source.left.wait(30)
    assert source.n_said < 5000
    status, answer = call(f"{url}/cancel", {})
    assert (status, answer["status"], answer["reply"]["verdict"]) == (200, "aborted", "cancelled")
    assert answer["reply"]["text"] == text_of(found)


def test_cancelling_loses_nothing_that_was_held_back_for_a_stop(relay):
    url = begin(relay, "say 2000 pause 0.02", stop=["t3 t4 STOP"])
    while call(url)[1]["last"] < 3:
        time.sleep(0.02)
    call(f"{url}/cancel", {})
    text = text_of(events(url))
    assert text.startswith("t1 t2 ")
    assert said(2000).startswith(text)


def test_a_stop_sequence_ends_it_and_the_upstream(relay, source):
    source.left.clear()
    url = begin(relay, "say 5000 pause 0.01", stop=["t7 t"])
    found = events(url)
    assert text_of(found) == said(6)
    assert found[-1][1]["verdict"] == "stopped"
    assert found[-1][1]["stop"]["string"] == "t7 t"
    assert source.left.wait(30)
    assert call(url)[1]["status"] == "done"


def test_an_upstream_that_refuses_is_an_error_in_the_log(relay):
    found = events(begin(relay, "fail 400"))
    assert [record["type"] for _, record in found] == ["start", "end"]
    assert found[-1][1]["verdict"] == "errored"
    assert found[-1][1]["error"] == {"type": "refused", "message": "no", "code": "c", "status": 400}


def test_an_upstream_that_breaks_off_is_no_end(relay):
    url = begin(relay, "break 3")
    found = events(url)
    assert (text_of(found), found[-1][1]["verdict"]) == (said(3), "truncated")
    assert call(url)[1]["status"] == "truncated"


def test_the_same_key_is_the_same_generation(relay, source):
    body = {"messages": [{"role": "user", "content": "say 3"}]}
    before = len(source.asked)
    answers = [call(f"{relay}/generations", body, Idempotency_Key="k1") for _ in range(3)]
    assert [status for status, _ in answers] == [201, 200, 200]
    assert len({answer["id"] for _, answer in answers}) == 1
    assert text_of(events(f"{relay}/generations/{answers[0][1]['id']}")) == said(3)
    assert len(source.asked) == before + 1
    other = {"messages": [{"role": "user", "content": "say 4"}]}
    status, answer = call(f"{relay}/generations", other, Idempotency_Key="k1")
    assert (status, answer["error"]["type"]) == (409, "StreamConflict")


def test_what_goes_upstream(relay, source):
    events(begin(relay, "say 1", temperature=0, stop=["END"], max_tokens=7))
    asked = source.asked[-1]
    assert (asked["model"], asked["temperature"], asked["max_tokens"], asked["stream"]) == ("m", 0, 7, True)
    assert "stop" not in asked  # it is looked for here, so that the reply tells which


@pytest.mark.parametrize("name", ["base_url", "api_key", "headers", "model", "stream"])
def test_where_a_request_goes_is_not_for_the_asker_to_say(relay, name):
    body = {"messages": [], name: "http://127.0.0.1:1"}
    status, answer = call(f"{relay}/generations", body)
    assert (status, answer["error"]["message"]) == (400, f"{name!r} cannot be set by a question")


@pytest.mark.parametrize("body", [{}, {"messages": "hello"}, {"messages": [1]}, {"messages": [], "stop": 3}, [1]])
def test_a_question_that_cannot_be_meant(relay, body):
    assert call(f"{relay}/generations", body)[0] == 400


def test_an_engine_that_is_not_there(relay):
    status, answer = call(f"{relay}/generations", {"messages": [], "engine": "nobody"})
    assert (status, answer["error"]["type"]) == (404, "ModelNotFound")
    assert call(f"{relay}/generations/nobody")[0] == 404
    assert call(f"{relay}/generations/nobody/events")[0] == 404
    assert call(f"{relay}/generations/nobody/cancel", {})[0] == 404


def test_generations_are_bounded(relay):
    running = [begin(relay, "say 5000 pause 0.05") for _ in range(LIMITS.max_generations)]
    status, answer = call(f"{relay}/generations", {"messages": [{"role": "user", "content": "say 1"}]})
    assert (status, answer["error"]["message"]) == (429, "the limit max_generations is 4")
    for url in running:
        call(f"{url}/cancel", {})
        events(url)


def test_what_is_no_longer_kept_is_gone(relay, store):
    url = begin(relay, "say 20")
    events(url)

    async def trim() -> None:
        async with opened(store) as log:
            await log.trim(f"generations/{url.rpartition('/')[2]}", 10)

    asyncio.run(trim())
    for position in ("0", "9"):
        status, answer = call(f"{url}/events", Last_Event_ID=position)
        assert (status, answer["error"]["type"]) == (410, "OffsetTrimmed")
    assert events(url, after=10)[0][0] == 11
    assert call(url)[0] == 410


def test_silence_is_broken_by_signs_of_life(relay, monkeypatch):
    monkeypatch.setattr(generations, "HEARTBEAT", 0.05)
    url = begin(relay, "say 1 pause 0.5")
    with urllib.request.urlopen(f"{url}/events", timeout=30) as response:
        assert response.read().count(b"\n:\n\n") >= 2


def test_the_key_holds_on_every_node(relay, source, store):
    before = len(source.asked)
    with serving(store, engines=[EngineSpec("openai", "m", source.url)]) as other:
        body = {"messages": [{"role": "user", "content": "say 3"}]}
        answers = [call(f"{node}/generations", body, Idempotency_Key="nodes") for node in (relay, other)]
        assert [status for status, _ in answers] == [201, 200]
        assert answers[0][1] == answers[1][1]
        assert text_of(events(f"{other}/generations/{answers[1][1]['id']}")) == said(3)
    assert len(source.asked) == before + 1


def test_the_model_on_this_device(tmp_path):
    """It does not block the event loop while it thinks, and a wish interrupts it."""
    need_engine()
    with serving(str(tmp_path / "s.db"), engines=[EngineSpec("local")]) as url:
        generation = begin(url, "Write a very long story about a ship and a storm.", max_tokens=2000, seed=1)
        assert len(events(generation, most=4)) == 4
        assert call(generation)[1]["status"] == "running"
        assert call(f"{generation}/cancel", {})[0] == 200
        found = events(generation)
        assert found[-1][1]["verdict"] == "cancelled"
        short = events(begin(url, "Say hello.", max_tokens=4, temperature=0))
        assert short[-1][1]["verdict"] == "length"
        assert short[-1][1]["usage"]["output_tokens"] == 4
