"""The streams of real client libraries: each folds into what its bytes fold into, and hangs up when it is left."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest

from streamfold import Reply, Verdict, afold, astream, fold, stream
from streamfold.errors import ChunkTypeError
from streamfold.sources.objects import reader_of

from ..serving.server import serving
from ..serving.steps import hang, says
from .clients import CLIENTS, Client, cut, sdk

# google-genai inherits from what aiohttp does not want inherited.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")

FIELDS = ("verdict", "finish_reason", "text", "reasoning", "tool_calls", "usage", "id", "model")


@pytest.fixture(params=CLIENTS.values(), ids=CLIENTS.keys())
def client(request: pytest.FixtureRequest) -> Client:
    return request.param


def said(reply: Reply) -> dict[str, Any]:
    """Return what both ways must agree on; of the usage only the counts, as clients add fields of their own."""
    told = {name: getattr(reply, name) for name in FIELDS} | {"parts": reply.parts, "error": reply.error}
    told["usage"] = {name: getattr(reply.usage, name) for name in ("input_tokens", "output_tokens", "cached_tokens")}
    return told


def test_a_clients_stream_folds_as_its_bytes_do(client: Client) -> None:
    with serving(says(client.wire)) as server, client.open(server.url) as chunks:
        shown: list[str] = []
        reply = fold(chunks, on_text=shown.append)
    assert said(reply) == said(fold([client.wire]))
    assert shown == ["Hel", "lo ✓"]
    assert reply.verdict in (Verdict.TOOL_CALLS, Verdict.LENGTH)
    assert reply.anomalies == []


def test_a_clients_async_stream_folds_as_its_bytes_do(client: Client) -> None:
    async def main() -> Reply:
        with serving(says(client.wire)) as server:
            async with client.aopen(server.url) as chunks:
                return await afold(chunks)

    reply = asyncio.run(main())
    assert said(reply) == said(fold([client.wire]))
    assert reply.anomalies == []


def test_to_leave_a_clients_stream_hangs_up(client: Client) -> None:
    with serving(says(client.wire[: cut(client.wire)], hang())) as server, client.open(server.url) as chunks:
        with stream(chunks) as events:
            assert next(events.text_stream) == "Hel"
        assert server.departure()


def test_to_leave_a_clients_async_stream_hangs_up(client: Client) -> None:
    async def main() -> None:
        with serving(says(client.wire[: cut(client.wire)], hang())) as server:
            async with client.aopen(server.url) as chunks:
                async with astream(chunks) as events:
                    async for text in events.text_stream:
                        assert text == "Hel"
                        break
                assert await asyncio.to_thread(server.departure)

    asyncio.run(main())


def test_raw_is_what_was_on_the_wire() -> None:
    client = CLIENTS["google_genai"]
    with serving(says(client.wire)) as server, client.open(server.url) as chunks:
        reply = fold(chunks, raw=True)
    assert reply.raw is not None
    assert json.dumps(reply.raw[3]["candidates"][0]["content"]["parts"][0]["thoughtSignature"]) == '"+/+/"'


def test_an_assistants_events() -> None:
    beta = sdk("openai.types.beta.assistant_stream_event")
    part = {"index": 0, "type": "text", "text": {"value": "Hello", "annotations": []}}
    message = {"id": "m1", "object": "thread.message.delta", "delta": {"content": [part]}}
    run = beta.Run.construct(id="r1", object="thread.run", status="completed")
    events = [
        beta.ThreadMessageDelta.model_validate({"event": "thread.message.delta", "data": message}),
        beta.ThreadRunCompleted.construct(event="thread.run.completed", data=run),
    ]
    reply = fold(events)
    assert (reply.text, reply.verdict) == ("Hello", Verdict.COMPLETE)


# -- by shape ----------------------------------------------------------------------------------------------------------


@dataclass
class Delta:
    content: str


@dataclass
class Choice:
    delta: Delta
    finish_reason: str | None = None


@dataclass
class Chunk:
    choices: list[Choice]


class Told:
    def __init__(self, **values: Any) -> None:
        self.values = values

    def to_dict(self) -> Any:
        return self.values


def test_dataclasses_and_objects_that_tell_themselves() -> None:
    reply = fold([Chunk([Choice(Delta("Hel"))]), Told(choices=[{"delta": {"content": "lo"}, "finish_reason": "stop"}])])
    assert (reply.text, reply.verdict) == ("Hello", Verdict.COMPLETE)


class Broken:
    def to_dict(self) -> Any:
        raise RuntimeError("broken")


class Circular:
    def to_dict(self) -> Any:
        return self


@pytest.mark.parametrize("chunk", [Broken(), Circular(), object(), 1, None], ids=lambda chunk: type(chunk).__name__)
@pytest.mark.parametrize("before", [[], [{"choices": [{"delta": {"content": "a"}}]}]], ids=["first", "later"])
def test_what_is_no_clients_chunk_is_an_error(chunk: Any, before: list[Any]) -> None:
    reply = fold([*before, chunk])
    assert reply.verdict is Verdict.ERRORED
    assert isinstance(reply.error, ChunkTypeError)
    assert "a client library's chunk" in str(reply.error)
    assert reply.text == "a" * len(before)


@pytest.mark.parametrize("kind", [str, int, type(None), object, list])
def test_plain_things_are_no_clients_chunks(kind: type) -> None:
    assert reader_of(kind) is None
