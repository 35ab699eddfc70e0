"""The parts of a Gemini response that come whole: images, sounds, and what tools of Google's own are asked and give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..reply.parts import Part, ServerToolCall, ServerToolResult
from .fields import dumped, word
from .google_fields import either, media


def whole_parts(part: Mapping[str, Any]) -> list[Part]:
    """Return what a part holds that is whole: an image, a sound, a tool of Google's own."""
    found: list[Part] = []
    if isinstance(code := either(part, "executableCode"), Mapping):
        found.append(ServerToolCall(word(code.get("id")), "code_execution", dumped(code), complete=True))
    if isinstance(result := either(part, "codeExecutionResult"), Mapping):
        found.append(ServerToolResult(word(result.get("id")), "code_execution", result))
    if isinstance(call := either(part, "toolCall"), Mapping):
        arguments = dumped(call.get("args") or {})
        found.append(ServerToolCall(word(call.get("id")), _tool_type(call), arguments, complete=True))
    if isinstance(response := either(part, "toolResponse"), Mapping):
        found.append(ServerToolResult(word(response.get("id")), _tool_type(response), response.get("response")))
    if isinstance(response := either(part, "functionResponse"), Mapping):
        found.append(ServerToolResult(word(response.get("id")), word(response.get("name")) or "", response))
    if isinstance(spoken := either(part, "audioTranscription"), Mapping):  # beside the sound; no text of the answer
        found.append(ServerToolResult(None, "audio_transcription", spoken))
    if isinstance(file := either(part, "fileData"), Mapping):
        found.append(ServerToolResult(None, "file", file))
    if isinstance(blob := either(part, "inlineData"), Mapping):
        found.append(media(blob) or ServerToolResult(None, "media", blob))
    return found


def _tool_type(tool: Mapping[str, Any]) -> str:
    return word(either(tool, "toolType")) or "tool"
