"""What a request for an OpenAI response says, in the words of a chat: messages, and parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ..engines import Question
from ..errors import BadRequestError
from ..http import asked_as

_BESIDES = {
    *("background", "include", "metadata", "parallel_tool_calls", "prompt_cache_key", "prompt_cache_retention"),
    *("safety_identifier", "service_tier", "stream_options", "truncation", "user"),
}
"""What has no effect here, or one that a chat has no word for."""

_UNKNOWN = ("conversation", "prompt")
"""What refers to something that is kept at OpenAI: said, and not silently passed over."""


class Asked(msgspec.Struct):
    """What a request says.

    Attributes:
        rest: Everything else.
    """

    input: str | list[dict[str, Any]] = []
    model: str = ""
    instructions: str | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    background: bool | None = None
    max_output_tokens: int | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: Any = None
    text: dict[str, Any] | None = None
    reasoning: dict[str, Any] | None = None
    previous_response_id: str | None = None
    store: bool | None = None


def question_of(body: dict[str, Any]) -> tuple[Asked, Question]:
    """Return what a body says, and the question in it.

    Raises:
        BadRequestError: It cannot be meant, or refers to what is not here.
    """
    asked, rest = asked_as(Asked, body)
    for name in _UNKNOWN:
        if rest.pop(name, None) is not None:
            raise BadRequestError(f"{name} is not known here: send the whole conversation as input")
    params = {name: value for name, value in rest.items() if name not in _BESIDES}
    params |= {name: value for name, value in _params(asked).items() if value is not None}
    system = [{"role": "system", "content": asked.instructions}] if asked.instructions else []
    stop = [asked.stop] if isinstance(asked.stop, str) else asked.stop or []
    return asked, Question([*system, *messages_of(asked.input)], stop, params)


def _params(asked: Asked) -> dict[str, Any]:
    effort = (asked.reasoning or {}).get("effort")
    return {
        "max_tokens": asked.max_output_tokens,
        "tools": None if not asked.tools else [_tool(tool) for tool in asked.tools],
        "tool_choice": _tool_choice(asked.tool_choice),
        "response_format": _response_format((asked.text or {}).get("format")),
        "reasoning_effort": effort,
    }


def messages_of(given: str | Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the messages of an input.

    Raises:
        BadRequestError: It has an item that a chat cannot say.
    """
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    messages: list[dict[str, Any]] = []
    for item in given:
        kind = item.get("type", "message")
        if kind == "function_call":
            _add_call(messages, item)
        elif kind == "function_call_output":
            messages.append({"role": "tool", "tool_call_id": item.get("call_id"), "content": _text(item.get("output"))})
        elif kind == "message":
            role = "system" if item.get("role") == "developer" else item.get("role", "user")
            messages.append({"role": role, "content": _content(item.get("content"))})
        elif kind != "reasoning":  # which is sealed by another provider
            raise BadRequestError(f"an input item of the type {str(kind)[:64]!r} cannot be said in a chat")
    return messages


def _add_call(messages: list[dict[str, Any]], item: Mapping[str, Any]) -> None:
    """Add a call to the message that its turn has already, or to one of its own."""
    function = {"name": item.get("name"), "arguments": item.get("arguments")}
    call = {"id": item.get("call_id"), "type": "function", "function": function}
    if messages and messages[-1]["role"] == "assistant":
        messages[-1].setdefault("tool_calls", []).append(call)
    else:
        messages.append({"role": "assistant", "content": None, "tool_calls": [call]})


def _content(content: Any) -> Any:
    """Return the content of a message: text as it is, text alone as text, anything else part by part."""
    if not isinstance(content, list):
        return content
    parts = [_part(part) for part in content if isinstance(part, Mapping)]
    if all(part["type"] == "text" for part in parts):
        return "".join([part["text"] for part in parts])
    return parts


def _part(part: Mapping[str, Any]) -> dict[str, Any]:
    match part.get("type"):
        case "input_text" | "output_text" | "text":
            return {"type": "text", "text": str(part.get("text", ""))}
        case "refusal":
            return {"type": "text", "text": str(part.get("refusal", ""))}
        case "input_image" if part.get("image_url"):
            image = {"url": part["image_url"], "detail": part.get("detail") or "auto"}
            return {"type": "image_url", "image_url": image}
    raise BadRequestError(f"content of the type {str(part.get('type'))[:64]!r} cannot be said in a chat")


def _text(output: Any) -> str:
    content = _content(output)
    if isinstance(content, str):
        return content
    raise BadRequestError("the output of a function must be text")


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    if tool.get("type") != "function":
        raise BadRequestError(f"a tool of the type {str(tool.get('type'))[:64]!r} is OpenAI's own")
    return {"type": "function", "function": {name: value for name, value in tool.items() if name != "type"}}


def _tool_choice(choice: Any) -> Any:
    if isinstance(choice, Mapping) and choice.get("type") == "function":
        return {"type": "function", "function": {"name": choice.get("name")}}
    return choice


def _response_format(said: Any) -> Any:
    """Return what form the text must have, where it is not just text."""
    if not isinstance(said, Mapping) or said.get("type") == "text":
        return None
    if said.get("type") != "json_schema":
        return said
    return {"type": "json_schema", "json_schema": {name: value for name, value in said.items() if name != "type"}}
