"""A recording served over HTTP: any client can be tested against it, the official ones among them."""

import threading
import time
from contextlib import contextmanager

import anthropic
import httpx
import openai
import pytest

from fuzz.wires import encoded, framing_of, seeds
from streamfold import Decoder, fold
from streamfold.encoders import ENCODERS
from streamfold.recordings import Recording
from streamfold.recordings.faults import Faults, Place
from streamfold.recordings.server import ReplayServer

from ..sources.clients import CLIENTS
from .made import made

SSE = [b'data: {"a":1}\n\n', b'data: {"b":2}\n\n', b"data: [DONE]\n\n"]
WIRE = b"".join(SSE)


@contextmanager
def serving(file, **options):
    with ReplayServer(Recording.parse(file), **{"speed": None, **options}) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.url
        finally:
            server.shutdown()
            thread.join()


def wire_of(name):
    seed = next(seed for seed in seeds(name) if framing_of(seed) in ("sse", "ndjson"))
    return encoded(seed.read_bytes(), framing_of(seed))


def replied(wire):
    decoder = Decoder()
    decoder.feed(wire)
    decoder.close()
    return decoder.fold.reply


def test_the_bytes_and_the_head_are_what_was_recorded():
    file = made((0.2, SSE[0]), (0.3, SSE[1] + SSE[2]), end={"reading": "exhausted"})
    with serving(file) as url:
        for ask in (httpx.get, httpx.post, httpx.put, httpx.patch, httpx.delete):
            response = ask(f"{url}/any/path?key=1")
            assert (response.content, response.status_code) == (WIRE, 200)
            assert response.headers["content-type"] == "text/event-stream"


def test_raw_bytes_are_served_as_what_they_look_like():
    with serving(WIRE) as url:
        assert httpx.get(url).headers["content-type"] == "text/event-stream"
    with serving(b'{"done":true}\n') as url:
        assert httpx.get(url).headers["content-type"] == "application/x-ndjson"


def test_the_timing_is_the_original_one():
    file = made((0.1, SSE[0]), (0.9, SSE[1]), end={"reading": "exhausted"})
    with serving(file, speed=1.0) as url, httpx.stream("GET", url) as response:
        times = [time.monotonic() for _ in response.iter_raw()]
    assert len(times) == 2
    assert times[1] - times[0] > 0.4
    with serving(file, speed=100.0) as url, httpx.stream("GET", url) as response:
        times = [time.monotonic() for _ in response.iter_raw()]
    assert times[-1] - times[0] < 0.4


def received(url):
    """Return the bytes that came, and what ended them."""
    got = b""
    try:
        with httpx.stream("GET", url, timeout=0.5) as response:
            for data in response.iter_raw():
                got += data
    except httpx.TransportError as error:
        return got, type(error)
    return got, None


def test_a_cut_stream_breaks_off():
    with serving(WIRE, faults=Faults(cut_at=Place(20))) as url:
        assert received(url) == (WIRE[:20], httpx.RemoteProtocolError)


def test_a_stream_that_broke_when_it_was_recorded_breaks_again():
    error = {"kind": "SourceError", "cause": "ConnectionResetError", "message": "gone"}
    file = made((0.2, SSE[0]), end={"reading": "failed", "verdict": "errored", "error": error})
    with serving(file) as url, pytest.raises(httpx.RemoteProtocolError):
        httpx.get(url)


def test_a_stalled_stream_falls_silent_and_keeps_the_connection():
    with serving(WIRE, faults=Faults(stall_at=Place(14))) as url:
        assert received(url) == (WIRE[:14], httpx.ReadTimeout)


def test_bytes_one_by_one():
    with serving(WIRE, faults=Faults(piece=1)) as url:
        assert httpx.get(url).content == WIRE


def test_a_refusal_is_one_again():
    body = {"error": {"message": "slow down", "type": "rate_limit"}}
    error = {"kind": "ProviderError", "message": "slow down", "status": 429, "body": body}
    file = made(end={"reading": "failed", "verdict": "errored", "error": error}, response=None)
    with serving(file) as url:
        response = httpx.get(url)
        assert (response.status_code, response.json()) == (429, body)
        client = openai.OpenAI(base_url=url, api_key="k", max_retries=0)
        with client, pytest.raises(openai.RateLimitError, match="slow down"):
            client.chat.completions.create(model="m", messages=[], stream=True)


def test_its_own_stream_drives_the_openai_client():
    chunk = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[%s]}\n\n'
    deltas = [b'{"index":0,"delta":{"role":"assistant","content":"Hel"}}', b'{"index":0,"delta":{"content":"lo"}}']
    wire = (
        b"".join([chunk % delta for delta in deltas])
        + chunk % b'{"index":0,"delta":{},"finish_reason":"stop"}'
        + SSE[2]
    )
    for piece in (None, 0, 1, 5):
        with serving(wire, faults=Faults(piece=piece)) as url, openai.OpenAI(base_url=url, api_key="k") as client:
            chunks = client.chat.completions.create(model="m", messages=[], stream=True)
            assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Hello"


@pytest.mark.parametrize("source", ["openai_chat", "anthropic_messages", "gemini", "ollama_chat", "cohere_v2"])
def test_any_stream_drives_the_openai_client(source):
    wire = wire_of(source)
    reply = replied(wire)
    with serving(wire, to="openai_chat") as url:
        client = openai.OpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0)
        with client, client.chat.completions.stream(model="m", messages=[]) as stream:
            final = stream.get_final_completion()
    message = final.choices[0].message
    assert (message.content or "") == reply.text
    calls = [(call.function.name, call.function.arguments) for call in message.tool_calls or []]
    assert calls == [(call.name, call.arguments) for call in reply.tool_calls]
    assert final.usage.completion_tokens == reply.usage.output_tokens
    assert final.choices[0].finish_reason == ("tool_calls" if calls else "stop")


@pytest.mark.parametrize("source", ["anthropic_messages", "openai_chat", "gemini", "ollama_chat", "cohere_v2"])
def test_any_stream_drives_the_anthropic_client(source):
    wire = wire_of(source)
    reply = replied(wire)
    with serving(wire, to=None if source == "anthropic_messages" else "anthropic_messages") as url:
        client = anthropic.Anthropic(base_url=url, api_key="k", max_retries=0)
        with client, client.messages.stream(model="m", max_tokens=9, messages=[]) as stream:
            final = stream.get_final_message()
    assert "".join(block.text for block in final.content if block.type == "text") == reply.text
    assert (
        "".join(block.thinking for block in final.content if block.type == "thinking") == reply.reasoning + reply.plan
    )
    calls = [(block.name, block.input) for block in final.content if block.type == "tool_use"]
    assert calls == [(call.name, call.parse()) for call in reply.tool_calls]
    assert final.usage.output_tokens == reply.usage.output_tokens
    assert final.stop_reason == ("tool_use" if calls else "end_turn")


@pytest.mark.parametrize("source", ["openai_chat", "anthropic_messages", "gemini", "ollama_chat", "cohere_v2"])
def test_any_stream_drives_the_openai_client_for_responses(source):
    wire = wire_of(source)
    reply = replied(wire)
    with serving(wire, to="openai_responses") as url:
        client = openai.OpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0)
        with client, client.responses.stream(model="m", input="x") as stream:
            final = stream.get_final_response()
    assert final.output_text == reply.text
    calls = [(item.name, item.arguments) for item in final.output if item.type == "function_call"]
    assert calls == [(call.name, call.arguments) for call in reply.tool_calls]
    thoughts = [part.text for item in final.output if item.type == "reasoning" for part in item.content or []]
    assert "".join(thoughts) == reply.reasoning + reply.plan
    assert (final.status, final.usage.output_tokens) == ("completed", reply.usage.output_tokens)


OTHERS = {
    "google_genai": "gemini",
    "ollama_chat": "ollama_chat",
    "hugging_face": "openai_chat",
}


@pytest.mark.parametrize("source", ["openai_chat", "anthropic_messages", "openai_responses"])
@pytest.mark.parametrize("name", OTHERS)
def test_any_stream_drives_other_clients(name, source):
    wire = wire_of(source)
    reply = replied(wire)
    with serving(wire, to=OTHERS[name]) as url, CLIENTS[name].open(url) as stream:
        again = fold(stream)
    assert again.text == reply.text
    assert again.reasoning == reply.reasoning
    calls = [(call.name, call.parse()) for call in reply.tool_calls if call.complete]
    assert [(call.name, call.parse()) for call in again.tool_calls] == calls


def test_every_encoder_has_its_content_type():
    for name in ENCODERS:
        with serving(wire_of("openai_chat"), to=name) as url:
            assert httpx.get(url).headers["content-type"].startswith(("text/", "application/"))


def test_text_is_served_as_openai_chat():
    file = made((0.1, "Hel"), (0.2, "lo"), end={"reading": "exhausted"}, request=None, response=None)
    with serving(file) as url:
        assert replied(httpx.get(url).content).text == "Hello"
