"""The reply as a value: what it says of itself, and what it says as JSON."""

import base64
import json

import pytest

from streamfold.errors import CallbackError, LengthError, ProviderError, TruncatedError
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
from streamfold.reply.usage import Usage
from streamfold.stops import StopMatch

CALL = ToolCall("c", "f", "{}", complete=True)
PARTS = [
    ReasoningPart("Hm.", signature="s"),
    ServerToolCall("s1", "search", '{"q":1}', complete=True),
    ServerToolResult("s1", "search", [{"url": "u"}]),
    TextPart("Hello", [{"url": "u"}]),
    RefusalPart("No."),
    PlanPart("I will."),
    CALL,
    MediaPart("image/png", b"\x89PNG"),
]
REPLY = Reply(
    Verdict.STOPPED,
    [Choice(0, PARTS, "stop", [{"token": "Hello"}]), Choice(1, [TextPart("Hi")])],
    stop=StopMatch("END", 0, 5, 2),
    usage=Usage(1, 2, raw={"prompt_tokens": 1}),
    id="r",
    model="m",
    error=ProviderError("overloaded"),
    callback_error=CallbackError(KeyError("k")),
    anomalies=["odd"],
    leftover=b"data: \xff",
)


def test_json_is_json():
    assert json.loads(json.dumps(REPLY.to_dict())) == REPLY.to_dict()


def test_json_has_the_parts_in_order():
    first, second = REPLY.to_dict()["choices"]
    kinds = ["reasoning", "server_tool_call", "server_tool_result", "text", "refusal", "plan", "tool_call", "media"]
    assert [part["type"] for part in first["parts"]] == kinds
    assert first["parts"][0] == {
        "type": "reasoning",
        "text": "Hm.",
        "signature": "s",
        "redacted": None,
        "id": None,
        "details": [],
    }
    assert first["parts"][2]["content"] == [{"url": "u"}]
    assert first["parts"][3]["citations"] == [{"url": "u"}]
    assert base64.b64decode(first["parts"][-1]["data"]) == b"\x89PNG"
    assert first["logprobs"] == [{"token": "Hello"}]
    assert (second["index"], second["text"]) == (1, "Hi")


def test_json_has_the_first_choice_at_the_top():
    said = REPLY.to_dict()
    assert {name: said[name] for name in ("text", "reasoning", "refusal", "plan", "finish_reason")} == {
        "text": "Hello",
        "reasoning": "Hm.",
        "refusal": "No.",
        "plan": "I will.",
        "finish_reason": "stop",
    }
    assert said["tool_calls"] == said["choices"][0]["tool_calls"]
    assert said["tool_calls"][0]["complete"] is True


def test_json_has_what_else_was_received():
    said = REPLY.to_dict()
    assert said["stop"] == {"string": "END", "index": 0, "offset": 5, "discarded": 2}
    assert (said["usage"]["output_tokens"], said["usage"]["total_tokens"]) == (2, None)
    assert (said["usage"]["final"], said["usage"]["raw"]) == (True, {"prompt_tokens": 1})
    assert said["error"] == {"type": "ProviderError", "message": "overloaded"}
    assert said["callback_error"]["type"] == "CallbackError"
    assert said["leftover"] == r"data: \xff"


def test_json_of_an_empty_reply():
    said = Reply().to_dict()
    assert (said["verdict"], said["text"], said["stop"], said["error"]) == (None, "", None, None)
    assert said["choices"][0]["parts"] == []


def test_what_the_provider_nested_deep_is_handed_on():
    deep: dict = {}
    for _ in range(100_000):
        deep = {"a": deep}
    parts = [TextPart("x", [deep]), ServerToolResult(None, "r", deep)]
    said = Reply(choices=[Choice(0, parts)], usage=Usage(raw=deep)).to_dict()
    assert said["usage"]["raw"] is deep
    assert said["choices"][0]["parts"][1]["content"] is deep
    while deep:  # taken apart level by level: to drop it whole would recurse
        deep = deep.pop("a")


def test_raise_for_verdict():
    whole = Reply(Verdict.COMPLETE, [Choice(0, [TextPart("x")])])
    assert whole.raise_for_verdict() is whole
    with pytest.raises(LengthError, match="after 1 characters"):
        Reply(Verdict.LENGTH, whole.choices).raise_for_verdict()
    with pytest.raises(TruncatedError) as caught:
        Reply(Verdict.TRUNCATED, whole.choices).raise_for_verdict()
    assert caught.value.reply.text == "x"
    with pytest.raises(ProviderError):
        REPLY.raise_for_verdict()
    with pytest.raises(CallbackError):
        Reply(Verdict.COMPLETE, callback_error=CallbackError(KeyError("k"))).raise_for_verdict()
