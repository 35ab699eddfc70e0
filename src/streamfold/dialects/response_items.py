"""What the items of an OpenAI response mean, apart from how they are streamed: its tools' calls and their results.

OpenAI adds a type of item with each built-in tool, and other providers add theirs (xAI's ``x_search_call``), but they
are built alike: what ends in ``_call`` is a call, has the arguments in fields of its own and, where the provider ran
the tool, the result beside them; anything else is a result, and is kept as it came.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..reply.parts import MediaPart, Part, ServerToolResult
from .fields import blob, get, media, text, word

Item = Mapping[str, Any]

_CALLS = {"mcp_approval_request", "program"}
_FUNCTIONS = {"function_call", "custom_tool_call"}
_RESULTS = ("result", "results", "output", "outputs", "error")

WHOLE_ARGUMENTS = ("arguments", "input")
"""The fields of a call that hold all arguments of its tool."""

# What of a call is not arguments of its tool.
_BESIDES = {
    *("type", "id", "call_id", "status", "name", "namespace", "server_label", "approval_request_id"),
    *("environment", "execution", "caller", "created_by", "async", "fingerprint", "acknowledged_safety_checks"),
    *WHOLE_ARGUMENTS,
    *_RESULTS,
}

# xAI runs these itself, and says so nowhere (docs.x.ai, server-side tools).
_OF_XAI = {"x_user_search", "x_keyword_search", "x_semantic_search", "x_thread_fetch"}

_CLIENT_RUNS = {"computer_call", "local_shell_call", "apply_patch_call", "mcp_approval_request"}


def is_call(kind: str) -> bool:
    """Tell whether an item of type `kind` is the call of a tool."""
    return kind.endswith("_call") or kind in _CALLS


def family(kind: str) -> str:
    """Return what items of type `kind` are: all calls are alike."""
    return "call" if is_call(kind) else kind


def is_built_in(kind: str, name: str | None) -> bool:
    """Tell whether a call is not of a function or a custom tool of the caller's."""
    return kind not in _FUNCTIONS or name in _OF_XAI


def is_free_text(kind: str) -> bool:
    """Tell whether the arguments of a call are free text, not JSON."""
    return kind == "custom_tool_call"


def waits_for_client(item: Item) -> bool:
    """Tell whether `item` is a call of a built-in tool that the client has to run or to allow."""
    kind = text(item.get("type"))
    if kind == "tool_search_call":
        return item.get("execution") == "client"
    if kind == "shell_call":
        return get(item, "environment", "type") in (None, "local")
    return kind in _CLIENT_RUNS


def call_id(item: Item) -> str | None:
    """Return the id by which the result of a call refers to it; calls that have no result to send have just an id."""
    return word(item.get("call_id")) or word(item.get("id"))


def tool_name(item: Item) -> str | None:
    """Return the name of the tool that `item` is a call of."""
    kind = text(item.get("type"))
    return word(item.get("name")) if "name" in item or kind in _FUNCTIONS else word(kind.removesuffix("_call"))


def arguments(item: Item) -> Mapping[str, Any]:
    """Return the arguments of a call, where they are fields of the item or an object in one of these."""
    fields = {name: value for name, value in item.items() if name not in _BESIDES and value is not None}
    values = list(fields.values())
    return values[0] if len(values) == 1 and isinstance(values[0], Mapping) else fields


def results(item: Item) -> Iterator[Part]:
    """Yield what the tool gave, where the call says so itself."""
    if item.get("type") == "image_generation_call" and (found := image(item)):
        yield found
        return
    for name in _RESULTS:
        if item.get(name):
            yield ServerToolResult(call_id(item), tool_name(item) or "", item[name])


def image(item: Item) -> MediaPart | None:
    """Return a generated image, whose result is base64; behind a gateway also a ``data:`` URL."""
    said = text(item.get("result"))
    if "://" in said or said.startswith("data:"):
        return media(said)
    data = blob(said)
    kind = text(item.get("output_format"))
    media_type = {"": "", "svg": "image/svg+xml"}.get(kind, f"image/{kind}")
    return MediaPart(media_type, data) if data else None
