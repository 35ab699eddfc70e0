"""Mistral's conversations into replies: messages, functions, tools that Mistral runs."""

import pytest
from hypothesis import given

from fuzz import wires
from streamfold.dialects.mistral_conversations import MistralConversations
from streamfold.errors import ProviderError
from streamfold.reply import Verdict
from streamfold.reply.parts import ServerToolCall, ServerToolResult, TextPart, ToolCall

from .wires import broken, folded, plainly, sse

STARTED = {"type": "conversation.response.started", "conversation_id": "conv_1"}
DONE = {"type": "conversation.response.done", "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}}


def said(content, at=0):
    return {"type": "message.output.delta", "output_index": at, "id": f"m{at}", "model": "m", "content": content}


def executed(verb, arguments="", **fields):
    return {
        "type": f"tool.execution.{verb}",
        "output_index": 0,
        "id": "t1",
        "name": "s",
        "arguments": arguments,
        **fields,
    }


def called(arguments, at=1):
    return {
        "type": "function.call.delta",
        "output_index": at,
        "tool_call_id": f"c{at}",
        "name": "f",
        "arguments": arguments,
    }


def test_text_identity_and_usage():
    reply = folded(sse(STARTED, said("Hel"), said("lo"), DONE))
    assert (reply.text, reply.id, reply.model, reply.verdict) == ("Hello", "conv_1", "m", Verdict.COMPLETE)
    assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.total_tokens) == (9, 2, 11)


def test_messages_are_parts_of_their_own():
    assert folded(sse(said("a"), said("b", 1), said("c", 1), DONE)).parts == [TextPart("a"), TextPart("bc")]


def test_thinking_and_references():
    thinking, reference = {"type": "thinking", "thinking": [{"text": "hm"}]}, {"type": "tool_reference", "title": "t"}
    reply = folded(sse(said(thinking), said("a"), said(reference), DONE))
    assert (reply.reasoning, reply.parts[-1]) == ("hm", TextPart("a", [reference]))


def test_functions():
    reply = folded(sse(STARTED, called('{"a":'), called("1}"), called("{}", 2), DONE))
    assert reply.tool_calls == [ToolCall("c1", "f", '{"a":1}', True), ToolCall("c2", "f", "{}", True)]
    assert reply.verdict is Verdict.TOOL_CALLS


def test_function_that_is_cut_off():
    reply = folded(sse(STARTED, called('{"a":')))
    assert (reply.verdict, [call.complete for call in reply.tool_calls]) == (Verdict.TRUNCATED, [False])


def test_tools_that_mistral_runs():
    reply = folded(sse(executed("started", '{"q":'), executed("delta", "1}"), executed("done", info={"n": 1}), DONE))
    assert reply.parts == [ServerToolCall("t1", "s", '{"q":1}', True), ServerToolResult("t1", "s", {"n": 1})]
    assert reply.verdict is Verdict.COMPLETE


def test_not_streamed():
    outputs = [
        {"type": "tool.execution", "id": "t1", "name": "s", "arguments": "{}"},
        {"type": "message.output", "id": "m", "model": "m", "content": [{"type": "text", "text": "Hel"}, "lo"]},
        {"type": "function.call", "tool_call_id": "c", "name": "f", "arguments": "{}"},
    ]
    whole = {"object": "conversation.response", "conversation_id": "conv_1", "outputs": outputs, "usage": DONE["usage"]}
    reply = folded(sse(whole).removeprefix(b"data: "))
    assert reply.parts == [ServerToolCall("t1", "s", "{}", True), TextPart("Hello"), ToolCall("c", "f", "{}", True)]
    assert (reply.id, reply.model, reply.usage.total_tokens) == ("conv_1", "m", 11)


@pytest.mark.parametrize(
    "error", [{"type": "conversation.response.error", "message": "no", "code": 503}, {"detail": "no"}]
)
def test_error(error):
    reply = folded(sse(STARTED, said("a"), error))
    assert isinstance(reply.error, ProviderError)
    assert (reply.text, reply.verdict, reply.error.message) == ("a", Verdict.ERRORED, "no")


def test_plain_text_is_what_it_is_to_the_long_way():
    dialect = MistralConversations()
    dialect.feed_object(said("a"))
    assert dialect.plain(sse(said("b")).removeprefix(b"data: ").strip()) == "b"
    assert not plainly(MistralConversations, said("a"))  # it begins a part


EVENTS = [
    STARTED,
    executed("started", "{"),
    executed("done", info={"n": 1}),
    said("a"),
    said([{"text": "b"}]),
    called("1"),
    DONE,
]


@given(broken(EVENTS))
def test_nothing_raises(events):
    dialect = MistralConversations()
    for event in events:
        dialect.feed([sse(event).removeprefix(b"data: ").strip()])
        if isinstance(event, dict):
            dialect.recognises(event, "message")


def test_seed():
    (seed,) = (seed for seed in wires.seeds() if seed.stem == "mistral_conversations")
    reply = folded(seed.read_bytes())
    assert [type(part) for part in reply.parts] == [ServerToolCall, ServerToolResult, TextPart, ToolCall]
