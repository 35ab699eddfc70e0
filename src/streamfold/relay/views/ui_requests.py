"""What the AI SDK's ``useChat`` sends, as messages of a chat: parts as content, tools as calls and results."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import BadRequestError


def messages_of(given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the messages of a conversation.

    Raises:
        BadRequestError: One is none.
    """
    return [message for one in given for message in _messages(one)]


def _messages(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    role, parts = given.get("role"), given.get("parts")
    if role not in ("system", "user", "assistant") or not isinstance(parts, list):
        raise BadRequestError("a message of a chat has a role and parts")
    content = [said for part in parts if isinstance(part, Mapping) and (said := _content(part))]
    if role != "assistant":
        texts = [part["text"] for part in content if part["type"] == "text"]
        return [{"role": role, "content": "".join(texts) if len(texts) == len(content) else content}]
    calls = [part for part in parts if isinstance(part, Mapping) and part.get("toolCallId")]
    text = "".join([part["text"] for part in content if part["type"] == "text"])
    message: dict[str, Any] = {"role": role, "content": text or None}
    if calls:
        message["tool_calls"] = [_call(part) for part in calls]
    elif not text:
        return []
    return [message, *[_result(part) for part in calls if "output" in part or "errorText" in part]]


def _content(part: Mapping[str, Any]) -> dict[str, Any] | None:
    if part.get("type") == "text" and isinstance(part.get("text"), str):
        return {"type": "text", "text": part["text"]}
    if part.get("type") == "file" and str(part.get("mediaType")).startswith("image/"):
        return {"type": "image_url", "image_url": {"url": part.get("url")}}
    return None


def _call(part: Mapping[str, Any]) -> dict[str, Any]:
    name = part.get("toolName") or str(part.get("type")).removeprefix("tool-")
    function = {"name": name, "arguments": json.dumps(part.get("input"))}
    return {"id": part["toolCallId"], "type": "function", "function": function}


def _result(part: Mapping[str, Any]) -> dict[str, Any]:
    output = part.get("output", part.get("errorText"))
    said = output if isinstance(output, str) else json.dumps(output)
    return {"role": "tool", "tool_call_id": part["toolCallId"], "content": said}
