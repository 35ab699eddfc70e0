"""A reply as the message of the assistant in the next request: what goes back, and what stays out."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from streamfold import fold
from streamfold.reply import Choice, Reply, Verdict
from streamfold.reply.parts import (
    MediaPart,
    PlanPart,
    ReasoningPart,
    RefusalPart,
    ServerToolCall,
    ServerToolResult,
    TextPart,
    ToolCall,
)

from ..conftest import missing

CITATION = {"type": "web_search_result_location", "url": "u", "title": "t", "encrypted_index": "e", "cited_text": "c"}
FOUND = {"type": "web_search_result", "url": "u", "title": "t", "encrypted_content": "e"}
SEARCH = ServerToolCall("srvtoolu_1", "web_search", '{"query":"q"}', complete=True)
RESULT_BLOCK = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [FOUND]}
RESULT = ServerToolResult("srvtoolu_1", "web_search_tool_result", RESULT_BLOCK)
CALL = ToolCall("toolu_1", "get_weather", '{"city":"Paris"}', complete=True)
HALF = ToolCall("toolu_2", "get_weather", '{"city":"Pa')
OPENAI_CALL = {
    "id": "toolu_1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city":"Paris"}'},
}
TOOL_USE = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris"}}
SERVER_TOOL_USE = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}}
TEXT = {"type": "text", "text": "Hello"}


def reply_of(*parts, **more) -> Reply:
    return Reply(Verdict.COMPLETE, [Choice(0, list(parts), **more)], id="msg/1")


def openai(*parts, **more) -> dict[str, Any]:
    return reply_of(*parts, **more).to_openai()


def blocks(*parts, **more) -> list[dict[str, Any]]:
    message = reply_of(*parts, **more).to_anthropic()
    assert message.pop("role") == "assistant"
    return message["content"]


# -- OpenAI chat -------------------------------------------------------------------------------------------------------

OPENAI = {
    "text": ([TextPart("Hel"), TextPart("lo ")], {"content": "Hello "}),
    "nothing": ([], {"content": ""}),
    "a call": ([CALL], {"content": None, "tool_calls": [OPENAI_CALL]}),
    "text and a call": ([TextPart("Hello"), CALL], {"content": "Hello", "tool_calls": [OPENAI_CALL]}),
    "half a call": ([TextPart("Hello"), HALF], {"content": "Hello"}),
    "nothing but half a call": ([HALF], {"content": ""}),
    "a custom tool's call": (
        [ToolCall("c", "run", "print(1)", complete=True, free_text=True)],
        {
            "content": None,
            "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "run", "input": "print(1)"}}],
        },
    ),
    "a refusal": ([RefusalPart("No.")], {"content": None, "refusal": "No."}),
    "reasoning with a call": (
        [ReasoningPart("Hm, "), ReasoningPart("yes."), CALL],
        {"content": None, "tool_calls": [OPENAI_CALL], "reasoning_content": "Hm, yes."},
    ),
    "reasoning without a call": ([ReasoningPart("Hm."), TextPart("Hello")], {"content": "Hello"}),
    "reasoning of another kind": (
        [ReasoningPart("Hm.", signature="s"), ReasoningPart("", redacted="r"), ReasoningPart("Hm.", id="rs_1"), CALL],
        {"content": None, "tool_calls": [OPENAI_CALL]},
    ),
    "what it has no place for": (
        [SEARCH, RESULT, TextPart("Hello", [CITATION]), PlanPart("I will"), MediaPart("image/png", b"x")],
        {"content": "Hello"},
    ),
}


@pytest.mark.parametrize(("parts", "message"), OPENAI.values(), ids=OPENAI)
def test_openai(parts, message):
    assert openai(*parts) == {"role": "assistant", **message}


def test_openai_keeps_the_signature_of_a_gemini_call():
    (call,) = openai(ToolCall("c", "f", "{}", complete=True, signature="s"))["tool_calls"]
    assert call["extra_content"] == {"google": {"thought_signature": "s"}}


def test_openai_can_take_another_choice():
    reply = Reply(choices=[Choice(0, [TextPart("a")]), Choice(1, [TextPart("b")])])
    assert reply.to_openai(1)["content"] == "b"


def test_calls_without_an_id_are_given_one_the_same_each_time():
    parts = [HALF, ToolCall(None, "f", "{}", complete=True), ToolCall(None, "f", "{}", complete=True)]
    ids = [call["id"] for call in openai(*parts)["tool_calls"]]
    assert ids == [block["id"] for block in blocks(*parts)] == ["call_1_msg_1", "call_2_msg_1"]
    reply = Reply(choices=[Choice(0, parts[1:2])])
    assert reply.to_openai()["tool_calls"][0]["id"] == "call_0"
    reply.id = "chatcmpl-" + "x" * 100
    assert len(reply.to_openai()["tool_calls"][0]["id"]) <= 40


# -- Anthropic messages ------------------------------------------------------------------------------------------------

ANTHROPIC = {
    "text": ([TextPart("Hello")], [TEXT]),
    "nothing": ([], []),
    "empty text": ([TextPart(""), TextPart(" \n"), TextPart("Hello")], [TEXT]),
    "whitespace between texts": (
        [TextPart("Hello", [CITATION]), TextPart("\n\n"), TextPart("Hello")],
        [{"type": "text", "text": "Hello\n\n", "citations": [CITATION]}, TEXT],
    ),
    "whitespace at the end": ([TextPart("Hello \n")], [TEXT]),
    "whitespace before more": ([TextPart("Hello "), CALL], [TEXT | {"text": "Hello "}, TOOL_USE]),
    "whitespace before half a call": ([TextPart("Hello "), HALF], [TEXT]),
    "citations": ([TextPart("Hello", [CITATION])], [TEXT | {"citations": [CITATION]}]),
    "citations of another provider": ([TextPart("Hello", [{"type": "url_citation"}, "x"])], [TEXT]),
    "signed thinking": (
        [ReasoningPart("Hm.", signature="s"), TextPart("Hello")],
        [{"type": "thinking", "thinking": "Hm.", "signature": "s"}, TEXT],
    ),
    "thinking whose words were withheld": (
        [ReasoningPart("", signature="s"), CALL],
        [{"type": "thinking", "thinking": "", "signature": "s"}, TOOL_USE],
    ),
    "redacted thinking": (
        [ReasoningPart("", redacted="r"), TextPart("Hello")],
        [{"type": "redacted_thinking", "data": "r"}, TEXT],
    ),
    "thinking without a signature": ([ReasoningPart("Hm."), TextPart("Hello")], [TEXT]),
    "reasoning of OpenAI's": ([ReasoningPart("", redacted="r", id="rs_1"), TextPart("Hello")], [TEXT]),
    "thinking at the end": ([TextPart("Hello "), ReasoningPart("Hm.", signature="s"), HALF], [TEXT]),
    "nothing but thinking": ([ReasoningPart("Hm.", signature="s")], []),
    "a call": ([CALL], [TOOL_USE]),
    "half a call": ([HALF, CALL], [TOOL_USE]),
    "a call in free text": (
        [ToolCall("c", "run", "1", complete=True, free_text=True)],
        [{"type": "tool_use", "id": "c", "name": "run", "input": {"input": "1"}}],
    ),
    "a call with a list": (
        [ToolCall("c", "f", "[1]", complete=True)],
        [{"type": "tool_use", "id": "c", "name": "f", "input": {"input": [1]}}],
    ),
    "an id with other characters": (
        [ToolCall("functions.f:0", "f", "{}", complete=True)],
        [{"type": "tool_use", "id": "functions_f_0", "name": "f", "input": {}}],
    ),
    "a refusal": ([RefusalPart("No. ")], [{"type": "text", "text": "No."}]),
    "a search": ([SEARCH, RESULT, TextPart("Hello")], [SERVER_TOOL_USE, RESULT_BLOCK, TEXT]),
    "a search without a result": ([TextPart("Hello"), SEARCH], [TEXT]),
    "half a search": ([ServerToolCall("srvtoolu_1", "web_search", '{"q'), RESULT, TextPart("Hello")], [TEXT]),
    "the result of an earlier call": ([RESULT, TextPart("Hello")], [RESULT_BLOCK, TEXT]),
    "a call over MCP": (
        [
            ServerToolCall("mcptoolu_1", "echo", '{"a": 1}', True, "tools"),
            ServerToolResult("mcptoolu_1", "mcp_tool_result", {"type": "mcp_tool_result", "tool_use_id": "mcptoolu_1"}),
            TextPart("Hello"),
        ],
        [
            {"type": "mcp_tool_use", "id": "mcptoolu_1", "name": "echo", "input": {"a": 1}, "server_name": "tools"},
            {"type": "mcp_tool_result", "tool_use_id": "mcptoolu_1"},
            TEXT,
        ],
    ),
    "a call over MCP whose server is not known": (
        [
            ServerToolCall("mcptoolu_1", "echo", "{}", complete=True),
            ServerToolResult("mcptoolu_1", "mcp_tool_result", {"type": "mcp_tool_result", "tool_use_id": "mcptoolu_1"}),
            TextPart("Hello"),
        ],
        [TEXT],
    ),
    "another provider's tools": (
        [
            ServerToolCall(None, "code_execution", "{}", complete=True),
            ServerToolResult(None, "code_execution", {"outcome": "OUTCOME_OK"}),
            ServerToolResult("ws_1", "web_search_call", "x"),
            TextPart("Hello"),
        ],
        [TEXT],
    ),
    "compaction": (
        [ServerToolResult(None, "compaction", {"type": "compaction", "content": "so far"}), TextPart("Hello")],
        [{"type": "compaction", "content": "so far"}, TEXT],
    ),
    "what it has no place for": ([PlanPart("I will"), TextPart("Hello"), MediaPart("image/png", b"x")], [TEXT]),
}


@pytest.mark.parametrize(("parts", "content"), ANTHROPIC.values(), ids=ANTHROPIC)
def test_anthropic(parts, content):
    assert blocks(*parts) == content


@pytest.mark.parametrize("reason", ["pause_turn", "tool_use"])
def test_anthropic_takes_a_search_back_that_it_has_not_made_yet(reason):
    assert blocks(TextPart("Hello"), SEARCH, finish_reason=reason) == [TEXT, SERVER_TOOL_USE]


def test_a_message_is_a_copy():
    reply = reply_of(SEARCH, RESULT, TextPart("Hello", [CITATION]))
    for block in reply.to_anthropic()["content"]:
        block.clear()
    assert reply.to_anthropic()["content"][1] == RESULT_BLOCK


# -- the providers' own clients agree ----------------------------------------------------------------------------------


def validated(kind: Any, message: dict[str, Any]) -> None:
    """Check `message` against a client's type for it, its contents too, which are checked only when they are read."""
    from pydantic import TypeAdapter

    adapter = TypeAdapter(kind)  # what is read later needs it still
    for value in adapter.validate_python(message).values():
        if isinstance(value, Iterable):
            list(value)


def test_the_openai_client_takes_every_message():
    try:
        from openai.types.chat import ChatCompletionAssistantMessageParam
    except ImportError:
        missing("the package openai")
    for parts, _ in OPENAI.values():
        validated(ChatCompletionAssistantMessageParam, openai(*parts))


def test_the_anthropic_client_takes_every_message():
    try:
        from anthropic.types.beta import BetaMessageParam
    except ImportError:
        missing("the package anthropic")
    for name, (parts, content) in ANTHROPIC.items():
        if name != "compaction":  # of the beta API
            validated(BetaMessageParam, {"role": "assistant", "content": blocks(*parts)})
            validated(BetaMessageParam, {"role": "assistant", "content": content})


# -- from the wire -----------------------------------------------------------------------------------------------------


DIFFERS = {
    # The length limit cut its tool call, which is left out.
    "anthropic-anthropic.messages-incomplete-partial-json-response.sse",
    # Blocks of mere whitespace stand between its cited texts.
    "anthropic-anthropic.messages-test-web-search.sse",
}


def test_a_recorded_message_of_anthropics_goes_back_block_by_block(shared):
    differs = set()
    paths = sorted((shared / "corpus").glob("anthropic-anthropic.messages*.sse"))
    for path in paths:
        expected = json.loads(path.with_suffix(".expected.json").read_text())
        reply = fold([path.read_bytes()])
        content = reply.to_anthropic()["content"]
        assert "".join(block["text"] for block in content if block["type"] == "text") == reply.text.rstrip()
        calls = [call["arguments"] for call in expected["tool_calls"]]
        assert [block["input"] for block in content if block["type"] == "tool_use"] in (calls, [])
        if [block["type"] for block in content] != expected["block_types"]:
            differs.add(path.name)
    assert paths
    assert differs == DIFFERS


def test_reasoning_details_go_back_with_their_pieces_joined():
    pieces = [
        {"type": "reasoning.text", "index": 0, "text": "H", "format": "f", "signature": None},
        {"type": "reasoning.text", "index": 0, "text": "m"},
        {"type": "reasoning.text", "index": 0, "signature": "s"},
        {"type": "reasoning.encrypted", "index": 1, "data": "d", "id": "i"},
        {"type": "reasoning.summary", "index": 2, "summary": "So"},
    ]
    part = ReasoningPart("Hm", signature="s", details=pieces)
    message = Reply(choices=[Choice(0, [part, TextPart("Hello")])]).to_openai()
    assert message["reasoning_details"] == [
        {"type": "reasoning.text", "index": 0, "text": "Hm", "format": "f", "signature": "s"},
        {"type": "reasoning.encrypted", "index": 1, "data": "d", "id": "i"},
        {"type": "reasoning.summary", "index": 2, "summary": "So"},
    ]
    assert "reasoning_content" not in message
    assert pieces[0]["text"] == "H"
