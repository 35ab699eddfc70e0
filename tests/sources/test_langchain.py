"""LangChain's message chunks: as its providers' packages build them, and through a real chat model."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from streamfold import Reply, Verdict, afold, astream, fold, stream
from streamfold.reply.parts import ReasoningPart, TextPart

from ..serving.server import serving
from ..serving.steps import hang, says
from . import wires
from .clients import cut, sdk


@pytest.fixture
def chunk() -> Any:
    return sdk("langchain_core.messages").AIMessageChunk


def test_text_reasoning_calls_usage_and_the_end(chunk: Any) -> None:
    calls = [
        {"index": 0, "id": "c1", "name": "look", "args": ""},
        {"index": 0, "id": None, "name": None, "args": '{"a": '},
        {"index": 0, "id": None, "name": None, "args": "1}"},
    ]
    usages = [
        {"input_tokens": 9, "output_tokens": 1, "total_tokens": 10, "input_token_details": {"cache_read": 4}},
        {"input_tokens": 0, "output_tokens": 4, "total_tokens": 4, "output_token_details": {"reasoning": 2}},
    ]
    reply = fold([
        chunk(content="", id="run-1", response_metadata={"model_name": "m"}, usage_metadata=usages[0]),
        chunk(content="", additional_kwargs={"reasoning_content": "Hm"}),
        chunk(content="Hel"),
        chunk(content="lo"),
        *(chunk(content="", tool_call_chunks=[call]) for call in calls),
        chunk(content="", response_metadata={"finish_reason": "tool_calls"}, usage_metadata=usages[1]),
        chunk(content="", chunk_position="last"),
    ])  # fmt: skip
    assert (reply.text, reply.reasoning, reply.verdict) == ("Hello", "Hm", Verdict.TOOL_CALLS)
    assert [(call.id, call.name, call.arguments, call.complete) for call in reply.tool_calls] == [
        ("c1", "look", '{"a": 1}', True)
    ]
    assert (reply.id, reply.model, reply.finish_reason) == ("run-1", "m", "tool_calls")
    counts = reply.usage
    assert (counts.input_tokens, counts.output_tokens, counts.total_tokens) == (9, 5, 14)
    assert (counts.cached_tokens, counts.reasoning_tokens) == (4, 2)
    assert reply.anomalies == []


BLOCKS: dict[str, tuple[list[Any], list[Any]]] = {
    "text": (["Hel", {"type": "text", "text": "lo", "index": 0}], [TextPart("Hello")]),
    "Anthropic's thinking": (
        [{"type": "thinking", "thinking": "Hm"}, {"type": "thinking", "signature": "s"}, {"type": "text", "text": "a"}],
        [ReasoningPart("Hm", "s"), TextPart("a")],
    ),
    "Anthropic's hidden thinking": (
        [{"type": "redacted_thinking", "data": "x"}, {"type": "text", "text": "a"}],
        [ReasoningPart("", redacted="x"), TextPart("a")],
    ),
    "OpenAI's summary": (
        [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm"}]}, {"type": "text", "text": "a"}],
        [ReasoningPart("Hm"), TextPart("a")],
    ),
    "LangChain's own": (
        [{"type": "reasoning", "reasoning": "Hm", "extras": {"signature": "s"}}, {"type": "text", "text": "a"}],
        [ReasoningPart("Hm", "s"), TextPart("a")],
    ),
    "a call, which comes again": (
        [{"type": "text", "text": "a"}, {"type": "input_json_delta", "partial_json": "{", "index": 1}],
        [TextPart("a")],
    ),
    "citations": (
        [{"type": "text", "text": "a", "citations": [{"url": "u"}]}],
        [TextPart("a", citations=[{"url": "u"}])],
    ),
}


@pytest.mark.parametrize(("blocks", "parts"), BLOCKS.values(), ids=BLOCKS.keys())
def test_blocks_of_content(chunk: Any, blocks: list[Any], parts: list[Any]) -> None:
    assert fold([chunk(content=[block]) for block in blocks]).parts == parts
    assert fold([chunk(content=blocks)]).parts == parts


@pytest.mark.parametrize(
    ("metadata", "verdict"),
    [
        ({"finish_reason": "length"}, Verdict.LENGTH),
        ({"stop_reason": "end_turn"}, Verdict.COMPLETE),
        ({"done_reason": "stop"}, Verdict.COMPLETE),
        ({"finish_reason": "SAFETY"}, Verdict.FILTERED),
        ({}, Verdict.TRUNCATED),
    ],
    ids=str,
)
def test_how_it_ended(chunk: Any, metadata: dict[str, str], verdict: Verdict) -> None:
    assert fold([chunk(content="a", response_metadata=metadata)]).verdict is verdict


def test_a_real_chat_model_that_is_stopped() -> None:
    models = sdk("langchain_core.language_models")
    model = models.FakeListChatModel(responses=["one two three"])
    assert fold(model.stream("?")).text == "one two three"
    reply = fold(model.stream("?"), stop=" th")
    assert (reply.text, reply.verdict) == ("one two", Verdict.STOPPED)
    assert fold(model.stream("?")).verdict is Verdict.COMPLETE


MODELS: dict[str, tuple[bytes, Callable[[str], Any]]] = {
    "openai": (
        wires.CHAT,
        lambda url: sdk("langchain_openai").ChatOpenAI(model="m", api_key="k", base_url=url, max_retries=0),
    ),
    "anthropic": (
        wires.ANTHROPIC,
        lambda url: sdk("langchain_anthropic").ChatAnthropic(model="m", api_key="k", base_url=url, max_retries=0),
    ),
}


async def close(model: Any) -> None:
    """Close the connections that a model keeps."""
    await (getattr(model, "root_async_client", None) or model._async_client).close()


@pytest.mark.filterwarnings("ignore:Received unexpected tool content block")  # no tool was offered
@pytest.mark.parametrize(("wire", "model"), MODELS.values(), ids=MODELS.keys())
def test_a_providers_chat_model_folds_as_its_bytes_do(wire: bytes, model: Callable[[str], Any]) -> None:
    async def fold_async(url: str) -> Reply:
        chat = model(url)
        reply = await afold(chat.astream("?"))
        await close(chat)
        return reply

    whole = fold([wire])
    with serving(says(wire)) as server:
        replies = [fold(model(server.url).stream("?")), asyncio.run(fold_async(server.url))]
    for reply in replies:
        assert reply.error is None
        assert (reply.text, reply.verdict) == (whole.text, whole.verdict)
        assert reply.tool_calls == whole.tool_calls
        assert reply.usage.output_tokens == 5
        assert reply.anomalies == []


@pytest.mark.parametrize(("wire", "model"), MODELS.values(), ids=MODELS.keys())
def test_to_leave_a_providers_chat_model_hangs_up(wire: bytes, model: Callable[[str], Any]) -> None:
    async def leave(url: str) -> None:
        chat = model(url)
        async with astream(chat.astream("?")) as events:
            async for text in events.text_stream:
                assert text == "Hel"
                break
        assert await asyncio.to_thread(server.departure)
        await close(chat)

    with serving(says(wire[: cut(wire)], hang())) as server:
        with stream(model(server.url).stream("?")) as events:
            assert next(events.text_stream) == "Hel"
        assert server.departure()
    with serving(says(wire[: cut(wire)], hang())) as server:
        asyncio.run(leave(server.url))
