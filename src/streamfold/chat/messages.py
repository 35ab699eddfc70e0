"""Say a conversation again as the messages of the next request, in the form of the provider it goes to.

Replies go back as the model made them: tool calls with their ids, reasoning with its seals (`history`). A reply that
waits for the results of its tool calls is answered with what the user says next, as the result of each. A turn without
a reply is sent all the same: two messages of the user's in a row are one to every provider.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any, Literal

from ..reply import Reply
from ..reply.parts import MediaPart, Part, ReasoningPart, RefusalPart, TextPart, ToolCall
from .conversations import Conversation

Message = dict[str, Any]
Form = Literal["openai", "anthropic", "gemini", "ollama"]


def messages_of(conversation: Conversation, form: Form) -> list[Message]:
    """Return the messages of the conversation, its system prompt not among them."""
    reply_message, answers = _FORMS[form]
    messages: list[Message] = []
    calls: list[Message] = []
    for turn in conversation.turns:
        messages.extend(answers(calls, turn.said))
        calls = []
        if turn.reply is not None and (message := reply_message(turn.reply)):
            messages.append(message)
            calls = _calls(message)
    return messages


def _calls(message: Message) -> list[Message]:
    """Return the tool calls that `message` makes, as they stand in it."""
    blocks = message.get("content") if isinstance(message.get("content"), list) else message.get("parts", [])
    in_blocks = [block for block in blocks or () if block.get("type") == "tool_use" or "functionCall" in block]
    return [*message.get("tool_calls", ()), *in_blocks]


# -- Each provider's form: the reply, and what the user says to it -----------------------------------------------------


def _openai_answers(calls: list[Message], said: str) -> Iterator[Message]:
    for call in calls:
        yield {"role": "tool", "tool_call_id": call["id"], "content": said}
    if not calls:
        yield {"role": "user", "content": said}


def _anthropic(reply: Reply) -> Message | None:
    message = reply.to_anthropic()
    return message if message["content"] else None


def _anthropic_answers(calls: list[Message], said: str) -> Iterator[Message]:
    results = [{"type": "tool_result", "tool_use_id": call["id"], "content": said} for call in calls]
    yield {"role": "user", "content": results or said}


def _gemini(reply: Reply) -> Message | None:
    parts = [one for part in reply.parts if (one := _gemini_part(part))]
    return {"role": "model", "parts": parts} if parts else None


def _gemini_part(part: Part) -> Message | None:
    """Return a part of ``contents``; Gemini wants the seals of its parts back where they were."""
    said: Message
    signature: str | None
    match part:
        case TextPart(text=text, signature=signature):
            said = {"text": text}
        case RefusalPart(text=text):
            said, signature = {"text": text}, None
        case ReasoningPart(text=text, signature=signature) if signature:
            said = {"text": text, "thought": True}
        case ToolCall(complete=True, signature=signature):
            arguments = part.parse()
            said = {"functionCall": {"name": part.name, "args": arguments if isinstance(arguments, dict) else {}}}
        case MediaPart(media_type=kind, data=data):
            said, signature = {"inlineData": {"mimeType": kind, "data": b64encode(data).decode()}}, None
        case _:
            return None
    return {**said, **({"thoughtSignature": signature} if signature else {})}


def _gemini_answers(calls: list[Message], said: str) -> Iterator[Message]:
    names = [call["functionCall"]["name"] for call in calls]
    results: list[Message] = [{"functionResponse": {"name": name, "response": {"result": said}}} for name in names]
    yield {"role": "user", "parts": results or [{"text": said}]}


def _ollama(reply: Reply) -> Message:
    message = reply.to_openai()
    kept: Message = {"role": "assistant", "content": message.get("content") or ""}
    calls = [call["function"] for call in message.get("tool_calls", ()) if "function" in call]
    if calls:
        parsed = [{"name": call["name"], "arguments": json.loads(call["arguments"])} for call in calls]
        kept["tool_calls"] = [{"function": call} for call in parsed]
    return kept


def _ollama_answers(calls: list[Message], said: str) -> Iterator[Message]:
    for call in calls:
        yield {"role": "tool", "tool_name": call["function"]["name"], "content": said}
    if not calls:
        yield {"role": "user", "content": said}


_FORMS: dict[Form, tuple[Callable[[Reply], Message | None], Callable[[list[Message], str], Iterator[Message]]]] = {
    "openai": (Reply.to_openai, _openai_answers),
    "anthropic": (_anthropic, _anthropic_answers),
    "gemini": (_gemini, _gemini_answers),
    "ollama": (_ollama, _ollama_answers),
}
