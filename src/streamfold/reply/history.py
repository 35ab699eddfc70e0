"""Say a reply again, as the message of the assistant in the next request.

The message is for the provider that made the reply, in one of the two shapes that providers agree on. Strategy: what
the provider refuses is left out, so that the message can be sent as it is, and nothing else is.

Never sent: a tool call that is not complete, so that no result for it is asked for; a plan; images and sounds, which no
assistant message may hold. A call without an id (Gemini, Ollama) is given one, the same each time.

OpenAI chat:

- Reasoning goes back as ``reasoning_content`` where the message calls tools, since DeepSeek and Moonshot refuse the
  message without it, and nowhere else, since there they ignore it or refuse it. Reasoning that is signed or encrypted
  is not of their kind and stays out. A server that knows the field by the name ``reasoning`` only (Groq, Cerebras)
  wants it renamed. OpenRouter's ``reasoning_details`` go back as they came, with the pieces of each one joined.
- The signature of a Gemini call goes where Google's own OpenAI-compatible API has it; it refuses the call without.
- Citations and the provider's own tools have no place in such a message.

Anthropic messages (https://platform.claude.com/docs/en/api/messages):

- Thinking goes back exactly as it came, with its signature; without one it is refused. It may not stand last.
- A text must be more than whitespace, so what stands between two cited texts is joined to the first of them; at the
  end of the message it must not end in whitespace. A refusal is text.
- A tool's input is an object; free text or another value is sent as the member ``input`` of one.
- A call of a tool of Anthropic's, or over MCP, goes back with its result. Without a result it does only where the
  provider said that it waits (``pause_turn``, ``tool_use``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .parts import Part, ReasoningPart, RefusalPart, ServerToolCall, ServerToolResult, TextPart, ToolCall

if TYPE_CHECKING:
    from .reply import Reply

Message = dict[str, Any]

_NOT_IN_AN_ID = re.compile(r"[^a-zA-Z0-9_-]")
_SERVER_ID, _MCP_ID = "srvtoolu_", "mcptoolu_"  # what the API demands of the ids of its own tools' calls, and of MCP's
_WAITS = {"pause_turn", "tool_use"}
_SEALS_OF_ANTHROPIC = {None, "anthropic_messages", "bedrock_converse", "bedrock_invoke"}
"""Where a signature may be Anthropic's: it refuses anybody else's."""

_WORDS = ("text", "summary")
_THINKING = {"thinking", "redacted_thinking"}
_OF_NO_CALL = {"compaction", "container_upload"}


def openai_message(reply: Reply, choice: int = 0) -> Message:
    """Return the choice in that place as an assistant message of OpenAI chat."""
    picked = reply.choices[choice]
    message: Message = {"role": "assistant", "content": picked.text or None}
    if picked.refusal:
        message["refusal"] = picked.refusal
    ids = _call_ids(reply, picked.tool_calls)
    if calls := [_openai_call(call, id) for call, id in zip(picked.tool_calls, ids, strict=True) if call.complete]:
        message["tool_calls"] = calls
        if reasoning := _unsigned_reasoning(picked.parts):
            message["reasoning_content"] = reasoning
    elif not picked.refusal:
        message["content"] = picked.text  # there must be something
    if details := _reasoning_details(picked.parts):
        message["reasoning_details"] = details
    return message


def anthropic_message(reply: Reply) -> Message:
    """Return the first choice as an assistant message of Anthropic's."""
    ids = iter(_call_ids(reply, reply.tool_calls))
    unsent = _unsent_server_calls(reply)
    blocks: list[Message] = []
    for part in reply.parts:
        match part:
            case ToolCall():
                blocks.extend(_tool_use(part, next(ids)))
            case ServerToolCall() if (part.id or "") not in unsent:
                blocks.append(_server_tool_use(part))
            case ServerToolResult() if _is_block(part) and part.id not in unsent:
                blocks.append(dict(part.content))
            case ReasoningPart() if reply.dialect in _SEALS_OF_ANTHROPIC:
                blocks.extend(_thinking(part))
            case TextPart() | RefusalPart():
                _add_text(part, blocks)
    return {"role": "assistant", "content": _well_ended(blocks)}


def _call_ids(reply: Reply, calls: Sequence[ToolCall]) -> list[str]:
    """Return an id for each call, complete or not: its own, or one made of its place and the reply's id."""
    # Of the reply's id no more than fits into the 40 characters that OpenAI allows.
    suffix = f"_{_NOT_IN_AN_ID.sub('_', reply.id)[-24:]}" if reply.id else ""
    return [call.id or f"call_{place}{suffix}" for place, call in enumerate(calls)]


# -- OpenAI chat -------------------------------------------------------------------------------------------------------


def _openai_call(call: ToolCall, id: str) -> Message:
    if call.free_text:
        return {"id": id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    message = {"id": id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
    if call.signature:
        message["extra_content"] = {"google": {"thought_signature": call.signature}}
    return message


def _unsigned_reasoning(parts: Iterable[Part]) -> str:
    reasoning = [part for part in parts if isinstance(part, ReasoningPart)]
    sealed = [bool(part.signature or part.redacted or part.id or part.details) for part in reasoning]
    return "".join([part.text for part, is_sealed in zip(reasoning, sealed, strict=True) if not is_sealed])


def _reasoning_details(parts: Iterable[Part]) -> list[Message]:
    """Return OpenRouter's details, each joined from its pieces: words add up, of all else the last one counts."""
    joined: list[tuple[Message, list[str]]] = []
    pieces = [piece for part in parts if isinstance(part, ReasoningPart) for piece in part.details]
    for piece in pieces:
        said = {name: value for name, value in piece.items() if value is not None and name not in _WORDS}
        words = next((piece[name] for name in _WORDS if isinstance(piece.get(name), str)), "")
        if not joined or not _is_continued(joined[-1][0], piece):
            joined.append((dict(piece), []))
        joined[-1][0].update(said)
        joined[-1][1].append(words)
    for detail, all_words in joined:
        detail.update({name: "".join(all_words) for name in _WORDS if isinstance(detail.get(name), str)})
    return [detail for detail, _ in joined]


def _is_continued(detail: Message, piece: Mapping[str, Any]) -> bool:
    has_words = any(isinstance(detail.get(name), str) for name in _WORDS)
    return has_words and all(detail.get(name) == piece.get(name) for name in ("type", "index"))


# -- Anthropic messages ------------------------------------------------------------------------------------------------


def _tool_use(call: ToolCall, id: str) -> list[Message]:
    return [_block("tool_use", call, _NOT_IN_AN_ID.sub("_", id))] if call.complete else []


def _block(type: str, call: ToolCall | ServerToolCall, id: str | None) -> Message:
    free_text = isinstance(call, ToolCall) and call.free_text
    value = call.arguments if free_text else json.loads(call.arguments)
    return {"type": type, "id": id, "name": call.name, "input": value if isinstance(value, dict) else {"input": value}}


def _server_tool_use(call: ServerToolCall) -> Message:
    if call.server_name is None:
        return _block("server_tool_use", call, call.id)
    return {**_block("mcp_tool_use", call, call.id), "server_name": call.server_name}


def _thinking(part: ReasoningPart) -> list[Message]:
    if part.id:  # OpenAI Responses
        return []
    if part.redacted:
        return [{"type": "redacted_thinking", "data": part.redacted}]
    return [{"type": "thinking", "thinking": part.text, "signature": part.signature}] if part.signature else []


def _add_text(part: TextPart | RefusalPart, blocks: list[Message]) -> None:
    if part.text.strip():
        block: Message = {"type": "text", "text": part.text}
        if isinstance(part, TextPart) and (citations := [one for one in part.citations if _is_citation(one)]):
            block["citations"] = citations
        blocks.append(block)
    elif blocks and blocks[-1]["type"] == "text":
        blocks[-1]["text"] += part.text


def _is_citation(value: Any) -> bool:
    return isinstance(value, Mapping) and str(value.get("type")).endswith("_location")


def _is_block(result: ServerToolResult) -> bool:
    """Tell whether the result is a block of Anthropic's own, kept as it came."""
    if not isinstance(result.content, Mapping) or result.content.get("type") != result.name:
        return False
    answers = str(result.content.get("tool_use_id")).startswith((_SERVER_ID, _MCP_ID))
    return result.name in _OF_NO_CALL or (answers and result.name.endswith("_tool_result"))


def _unsent_server_calls(reply: Reply) -> set[str]:
    """Return the ids of the calls of the provider's tools that cannot go back, and so neither can their results."""
    answered = {part.id for part in reply.parts if isinstance(part, ServerToolResult) and _is_block(part)}
    waits = reply.finish_reason in _WAITS

    def can_go(call: ServerToolCall) -> bool:
        prefix = _SERVER_ID if call.server_name is None else _MCP_ID
        return call.complete and (call.id or "").startswith(prefix) and (waits or call.id in answered)

    return {call.id or "" for call in reply.server_tool_calls if not can_go(call)}


def _well_ended(blocks: list[Message]) -> list[Message]:
    """Drop thinking at the end, and whitespace at the end of a text that then stands last."""
    while blocks and blocks[-1]["type"] in _THINKING:
        blocks.pop()
    if blocks and blocks[-1]["type"] == "text":
        blocks[-1]["text"] = blocks[-1]["text"].rstrip()
    return blocks
