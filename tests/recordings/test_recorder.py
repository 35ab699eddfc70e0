"""What is recorded folds into the reply of the live stream, whatever the source and however its reading ended."""

import asyncio
import logging
from contextlib import ExitStack
from typing import ClassVar
from zlib import crc32

import pytest

from streamfold import Request, Verdict, afold, fold, stream
from streamfold.clocks import Timeouts
from streamfold.encoders import encoder_named
from streamfold.errors import CallerError
from streamfold.network.retry import RetryPolicy
from streamfold.recordings import Recording
from streamfold.recordings.facts import request_facts, response_facts
from streamfold.recordings.format import MAGIC, RecordReader, encode

from ..serving.server import serving
from ..serving.steps import answer, hang, send
from ..test_cli import END, MORE, REST, START

WIRE = [START, MORE, REST, END]
TEXT = ["Hel", "lo \ud83d", "\ude00 w", "orld"]
OBJECTS = [{"choices": [{"index": 0, "delta": {"content": text}}]} for text in TEXT] + [
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
]
SOURCES = [
    WIRE,
    WIRE[:2],
    [START + MORE[:20], MORE[20:]],
    TEXT,
    OBJECTS,
    OBJECTS[:3],
    [b""],
    [],
    [b"\xff\xfe nonsense"],
]


def same(reply):
    """Return a reply comparably: without its timing, which is another one each time."""
    return {
        name: value for name, value in reply.to_dict().items() if name not in ("timing", "response", "failed_attempts")
    }


def broken(chunks, error):
    yield from chunks
    raise error


@pytest.fixture
def path(tmp_path):
    return tmp_path / "reply.stream"


@pytest.mark.parametrize("source", SOURCES, ids=repr)
@pytest.mark.parametrize("stop", [None, "<END>", "w"])
def test_the_fold_of_a_recording_is_the_live_one(path, source, stop):
    live = fold(source, stop=stop, record=path)
    again = Recording.open(path)
    for _ in range(2):  # it may be read as often as you like
        assert same(fold(again, stop=stop)) == same(live)
    assert same(asyncio.run(afold(again, stop=stop))) == same(live)


@pytest.mark.parametrize("source", SOURCES, ids=repr)
def test_async_records_the_same(path, tmp_path, source):
    other = tmp_path / "other.stream"
    fold(source, record=path)
    asyncio.run(afold(source, record=other))
    records = [[(one.kind, one.data) for one in read(file) if one.kind != "head"] for file in (path, other)]
    assert records[0] == records[1]


def read(path):
    reader = RecordReader()
    records = reader.feed(path.read_bytes())
    assert reader.rest == b""
    return records


@pytest.mark.parametrize("source", [WIRE, TEXT, OBJECTS], ids=["wire", "text", "objects"])
def test_re_recording_writes_the_same_reads(path, tmp_path, source):
    other = tmp_path / "other.stream"
    fold(source, record=path)
    fold(Recording.open(path), record=other)
    records = [[(one.kind, one.data) for one in read(file) if one.kind != "head"] for file in (path, other)]
    assert records[0] == records[1]


@pytest.mark.parametrize("error", [ConnectionResetError("gone"), ValueError("bad"), TimeoutError()], ids=repr)
@pytest.mark.parametrize("chunks", [WIRE[:2], WIRE[:0], TEXT[:1]], ids=len)
def test_a_source_that_raised(path, chunks, error):
    live = fold(broken(chunks, error), record=path)
    assert live.verdict is Verdict.ERRORED
    assert same(fold(Recording.open(path))) == same(live)


def test_the_objects_of_a_client_library(path):
    from langchain_core import messages

    source = [messages.AIMessageChunk(content=text, id="r") for text in ("Hel", "lo")]
    live = fold(source, record=path)
    assert live.text == "Hello"
    assert same(fold(Recording.open(path))) == same(live)


def test_a_reader_that_left(path):
    with stream(WIRE, record=path) as events:
        next(events)
    assert events.reply.verdict is Verdict.CANCELLED
    assert same(fold(Recording.open(path))) == same(events.reply)


def test_a_stop_without_which_it_is_folded_again(path):
    fold(WIRE, stop="<END>", record=path)
    again = fold(Recording.open(path))
    assert (again.text, again.verdict) == ("Hello wor<END>ld", Verdict.CANCELLED)


def test_a_recording_killed_at_every_byte_still_folds(path):
    fold(WIRE, record=path)
    whole = path.read_bytes()
    shown = ["", "Hello ", "Hello wor<E", "Hello wor<END>ld"]
    last = 0
    for size in range(len(whole) + 1):
        reply = fold(Recording.parse(whole[:size]))
        assert reply.text in shown
        assert shown.index(reply.text) >= last, "a longer file holds no less"
        last = shown.index(reply.text)
        assert reply.verdict is (
            Verdict.COMPLETE if END in whole[:size] and size > whole.index(END) + len(END) else Verdict.TRUNCATED
        )
    assert last == 3


def test_damage_in_the_middle_is_an_error_after_what_stood_before_it(path):
    fold(WIRE, record=path)
    whole = bytearray(path.read_bytes())
    whole[whole.index(REST) + 5] ^= 1
    reply = fold(Recording.parse(bytes(whole)))
    assert (reply.text, reply.verdict) == ("Hello wor<E", Verdict.ERRORED)
    assert "checksum" in str(reply.error)


def test_what_is_handed_on_is_in_the_file_already(path):
    with stream(iter(WIRE), record=path) as events:
        for text in events.text_stream:
            assert text in Recording.open(path).last.chunks[-1].data.decode()


def test_what_the_reader_named_is_kept(path):
    plain = [b'{"x": "y"}\n']
    live = fold(plain, dialect="ollama_chat", content_type="application/x-ndjson", record=path)
    assert Recording.open(path).fold_options == {"dialect": "ollama_chat", "content_type": "application/x-ndjson"}
    assert same(fold(Recording.open(path))) == same(live)


def test_a_file_that_cannot_be_written_is_told_at_once(tmp_path):
    pulled = []
    source = (pulled.append(1) or b"" for _ in range(1))
    with pytest.raises(CallerError, match="cannot write"):
        fold(source, record=tmp_path / "no" / "such" / "folder")
    assert pulled == []


def test_a_full_disk_costs_the_recording_not_the_answer(path, caplog, monkeypatch):
    with pytest.raises(CallerError, match="No space left"):
        fold(WIRE, record="/dev/full")

    def full(kind, at, data):
        if kind == "read":
            raise OSError("No space left on device")
        return encode(kind, at, data)

    monkeypatch.setattr("streamfold.recordings.recorder.encode", full)
    with caplog.at_level(logging.ERROR):
        live = fold(WIRE, record=path)
    assert live.text == "Hello wor<END>ld"
    assert "cannot be written" in caplog.text


def test_nobody_who_closes_it_is_no_leak(path):
    events = stream(WIRE, record=path)
    next(events)
    del events
    assert read(path)[-1].kind == "end"


def test_a_stream_that_is_opened_and_never_read(path):
    with stream(WIRE, record=path):
        pass
    assert path.read_bytes().startswith(MAGIC)
    assert [one.kind for one in read(path)] == ["head", "end"]


def test_records_of_unknown_kinds_are_passed_over():
    later = encode("end", 5, b"?").replace(b"end ", b"fin ")
    line, _, _ = later.partition(b"\n")
    later = later.replace(line[-8:], b"%08x" % crc32(b"?", crc32(line[:-8])))
    assert fold(Recording.parse(MAGIC + later + encode("text", 6, "Hi"))).text == "Hi"


class TestSecrets:
    URL = "https://user:pass@api.example.org:8443/v1beta/m:stream?alt=sse&key=SECRET&token=SECRET&api-version=2#SECRET"
    BODY: ClassVar = {
        "model": "m",
        "stream": True,
        "temperature": 0.5,
        "messages": [{"role": "user", "content": "SECRET"}],
        "user": "SECRET",
        "metadata": {"a": "SECRET"},
    }

    def test_of_a_request_only_what_is_listed_is_told(self):
        facts = request_facts("POST", self.URL, self.BODY)
        assert facts == {
            "method": "POST",
            "url": "https://api.example.org:8443/v1beta/m:stream?alt=sse&api-version=2",
            "parameters": {"model": "m", "stream": True, "temperature": 0.5},
        }

    @pytest.mark.parametrize("url", ["", "http://[", "no url", "https://h/p?;;&&=%zz"])
    def test_any_url_will_do(self, url):
        request_facts("GET", url, None)

    def test_of_a_response_only_what_is_listed_is_told(self):
        headers = {"Content-Type": "text/event-stream", "Set-Cookie": "SECRET", "X-Request-Id": "r1", "Server": "s"}
        assert response_facts(200, headers) == {
            "status": 200,
            "content_type": "text/event-stream",
            "headers": {"x-request-id": "r1"},
        }


class TestRequests:
    """Over real sockets: attempts, refusals and deadlines are recorded too, and fold into the same reply."""

    @pytest.fixture
    def ask(self):
        """Serve responses, one after the other: a status and the pieces of a body; after ``None`` comes nothing."""
        with ExitStack() as servers:

            def asker(*responses, **options):
                server = servers.enter_context(serving(*[responding(*response) for response in responses]))
                url = f"{server.url}/v1/chat/completions?key=SECRET"
                body = {"model": "m", "messages": ["SECRET"]}
                return Request(url, json=body, headers={"X-Key": "SECRET-KEY"}, **options)

            yield asker

    def check(self, path, live):
        recording = Recording.open(path)
        assert same(fold(recording)) == same(live)
        assert b"SECRET" not in path.read_bytes()
        return recording

    def test_a_request(self, path, ask):
        recording = self.check(path, fold(ask((200, WIRE)), record=path))
        assert recording.last.request["parameters"] == {"model": "m"}
        assert (recording.last.response["status"], recording.content_type) == (200, "text/event-stream")
        assert b"".join(chunk.data for chunk in recording.chunks) == b"".join(WIRE)
        times = [recording.last.at, recording.last.answered_at, *[chunk.at for chunk in recording.chunks]]
        assert times == sorted(times)

    def test_async(self, path, ask):
        self.check(path, asyncio.run(afold(ask((200, WIRE)), record=path)))

    def test_a_refusal(self, path, ask):
        live = fold(ask((429, [b'{"error":{"message":"slow down","type":"rate"}}'])), record=path, retry=None)
        assert live.verdict is Verdict.ERRORED
        self.check(path, live)

    def test_a_second_attempt(self, path, ask):
        live = fold(ask((503, [b"busy"]), (200, WIRE)), record=path, retry=RetryPolicy(attempts=2))
        assert live.verdict is Verdict.COMPLETE
        assert len(self.check(path, live).attempts) == 2

    def test_a_deadline(self, path, ask):
        live = fold(ask((200, [START, None])), record=path, timeouts=Timeouts(gap=0.2))
        assert (live.text, live.verdict) == ("Hello ", Verdict.TIMED_OUT)
        self.check(path, live)

    @pytest.mark.parametrize("stop", [None, "<END>"])
    @pytest.mark.parametrize("way", ["restart", "prefill"])
    def test_a_reply_that_goes_on(self, path, ask, tmp_path, way, stop):
        request = ask((200, WIRE[:2]), (200, WIRE[2:]), continuation=way if way == "prefill" else None)
        policy = RetryPolicy(after_text="restart" if way == "restart" else "continue")
        live = fold(request, record=path, retry=policy, stop=stop)
        assert live.text == {"restart": "ND>ld", "prefill": "Hello wor" if stop else "Hello wor<END>ld"}[way]
        recording = self.check_stopped(path, live, stop)
        again = tmp_path / "again.stream"
        assert same(fold(recording, stop=stop, record=again)) == same(live)
        assert same(fold(Recording.open(again), stop=stop)) == same(live)

    @pytest.mark.parametrize("cut", [0.3, 0.5, 0.55, 0.6])
    def test_a_stream_that_is_taken_up_again(self, path, ask, cut):
        encoder = encoder_named("openai_responses")("r1", "m")
        with stream(["Hel", "lo ", "wor", "ld"]) as events:
            wire = b"".join([encoder.feed(event) for event in events])
        whole = wire[: int(len(wire) * cut)].rpartition(b"\n\n")[0]
        request = ask(
            (200, [wire[: int(len(wire) * cut)]]), (200, [wire[len(whole) + 2 :]]), continuation="starting_after"
        )
        live = fold(request, record=path, retry=RetryPolicy(after_text="continue"))
        assert (live.text, live.verdict) == ("Hello world", Verdict.COMPLETE)
        self.check(path, live)

    def check_stopped(self, path, live, stop):
        recording = Recording.open(path)
        assert same(fold(recording, stop=stop)) == same(live)
        return recording

    def test_a_connection_that_breaks(self, path, ask):
        live = fold(ask((200, [START])), record=path, retry=None)
        assert live.text == "Hello "
        self.check(path, live)


def responding(status, pieces):
    steps = [hang() if piece is None else send(piece) for piece in pieces]
    content_type = "text/event-stream" if status == 200 else "application/json"
    return answer(*steps, status=status, content_type=content_type, close=True)
