"""A conversation, said again to each provider."""

from __future__ import annotations

import pytest

from streamfold.chat.conversations import Conversation, Turn
from streamfold.chat.messages import Form, messages_of
from streamfold.reply import Choice, Reply, Verdict
from streamfold.reply.parts import ReasoningPart, TextPart, ToolCall

CALL = ToolCall("c1", "look", '{"a":1}', True, signature="seal")


def conversation(*parts: TextPart | ReasoningPart | ToolCall, dialect: str | None = None) -> Conversation:
    reply = Reply(Verdict.COMPLETE, [Choice(parts=list(parts))], dialect=dialect)
    return Conversation("x", turns=[Turn("Hi", reply), Turn("And?")])


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("openai", [("user", "Hi"), ("assistant", "Hello"), ("user", "And?")]),
        ("ollama", [("user", "Hi"), ("assistant", "Hello"), ("user", "And?")]),
    ],
)
def test_text(form: Form, expected: list[tuple[str, str]]) -> None:
    messages = messages_of(conversation(TextPart("Hello")), form)
    assert [(message["role"], message["content"]) for message in messages] == expected


def test_anthropic_gets_its_thinking_back_with_its_seal() -> None:
    said = conversation(ReasoningPart("hm", signature="s"), TextPart("Hello"), dialect="anthropic_messages")
    assert messages_of(said, "anthropic") == [
        {"role": "user", "content": "Hi"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "text", "text": "Hello"},
            ],
        },
        {"role": "user", "content": "And?"},
    ]


def test_gemini_gets_its_parts_back_with_their_seals() -> None:
    said = conversation(TextPart("Hello", signature="s"))
    assert messages_of(said, "gemini") == [
        {"role": "user", "parts": [{"text": "Hi"}]},
        {"role": "model", "parts": [{"text": "Hello", "thoughtSignature": "s"}]},
        {"role": "user", "parts": [{"text": "And?"}]},
    ]


def test_what_is_said_after_tool_calls_is_their_result() -> None:
    said = conversation(CALL)
    assert messages_of(said, "openai")[-1] == {"role": "tool", "tool_call_id": "c1", "content": "And?"}
    result = {"type": "tool_result", "tool_use_id": "c1", "content": "And?"}
    assert messages_of(said, "anthropic")[-1] == {"role": "user", "content": [result]}
    *_, model, user = messages_of(said, "gemini")
    assert model["parts"] == [{"functionCall": {"name": "look", "args": {"a": 1}}, "thoughtSignature": "seal"}]
    assert user["parts"] == [{"functionResponse": {"name": "look", "response": {"result": "And?"}}}]
    *_, assistant, tool = messages_of(said, "ollama")
    assert assistant["tool_calls"] == [{"function": {"name": "look", "arguments": {"a": 1}}}]
    assert tool == {"role": "tool", "tool_name": "look", "content": "And?"}


@pytest.mark.parametrize("form", ["openai", "anthropic", "gemini", "ollama"])
def test_a_turn_without_a_reply_or_with_a_cut_call_asks_for_no_result(form: Form) -> None:
    said = Conversation("x", turns=[Turn("Hi"), *conversation(ToolCall("c", "f", '{"a')).turns])
    assert messages_of(said, form)[-1]["role"] == "user"
    assert "tool_result" not in str(messages_of(said, form))
