"""Say requests and replies in the terms of OpenTelemetry's GenAI semantic conventions, version 0.1.0: pure.

The source of every name is `client-inference.md
<https://github.com/open-telemetry/semantic-conventions-genai/blob/v0.1.0/docs/gen-ai/client-inference.md>`_.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import urlsplit

from ..errors import ProviderError, VerdictError
from ..reply import Reply, Verdict
from ..reply.parts import ReasoningPart, TextPart, ToolCall

if TYPE_CHECKING:
    from ..network.request import Request
    from ..reply import Choice
    from ..reply.parts import Part

Attributes = dict[str, Any]
Operation = Literal["chat", "generate_content", "text_completion"]

_PROVIDERS = {
    "api.openai.com": "openai",
    "openai.azure.com": "azure.ai.openai",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    "amazonaws.com": "aws.bedrock",
    "api.cohere.com": "cohere",
    "api.deepseek.com": "deepseek",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral_ai",
    "api.moonshot.ai": "moonshot_ai",
    "api.perplexity.ai": "perplexity",
    "api.x.ai": "x_ai",
    "ml.cloud.ibm.com": "ibm.watsonx.ai",
}
"""Whose a host is, or all hosts below it."""

_FLAVOURS = {
    "openai": "openai",
    "anthropic": "anthropic",
    "gemini": "gcp.gen_ai",
    "bedrock": "aws.bedrock",
    "mistral": "mistral_ai",
    "text": "huggingface",
    "workers": "cloudflare",
}
"""Whose format a dialect is, by the first word of its name, where it is not the provider's own name."""

_OPERATIONS: list[tuple[str, Operation]] = [
    (r":(stream)?[gG]enerateContent$", "generate_content"),
    (r"(?<!/chat)/completions?$|/api/generate$|/v1/complete$", "text_completion"),
]
_NOT_IN_INPUT = {
    "anthropic_messages": ("cache_read_input_tokens", "cache_creation_input_tokens"),
    "bedrock_converse": ("cacheReadInputTokens", "cacheWriteInputTokens"),
}
"""Counts that the provider does not include in its input tokens, as the conventions do."""


def asked(request: Request) -> Attributes:
    """Return the attributes that a request tells; what it does not tell is not among them."""
    parts = urlsplit(request.url)
    host = parts.hostname or ""
    body = request.json if isinstance(request.json, Mapping) else {}
    in_path = re.search(r"/models?/([^/:]+)[:/]", parts.path)
    known = {
        "gen_ai.operation.name": next((name for path, name in _OPERATIONS if re.search(path, parts.path)), "chat"),
        "gen_ai.provider.name": next((who for end, who in _PROVIDERS.items() if f".{host}".endswith(f".{end}")), None),
        "gen_ai.request.model": body.get("model") or (in_path[1] if in_path else None),
        "server.address": host,
        "server.port": parts.port or (443 if parts.scheme == "https" else 80),
    }
    return {name: value for name, value in known.items() if isinstance(value, str | int)}


def input_messages(body: Any) -> list[dict[str, Any]]:
    """Return the messages of a request's body as the conventions write them; content that is no text as it is."""
    messages = body.get("messages") if isinstance(body, Mapping) else None
    return [
        {"role": message.get("role"), "parts": _parts(message.get("content"))}
        for message in messages or ()
        if isinstance(message, Mapping)
    ]


def _parts(content: Any) -> list[Any]:
    return [{"type": "text", "content": content}] if isinstance(content, str) else list(content or ())


def answered(reply: Reply) -> Attributes:
    """Return the attributes that a reply tells, but for its usage."""
    known = {
        "gen_ai.response.id": reply.id,
        "gen_ai.response.model": reply.model,
        "gen_ai.response.finish_reasons": [_finish_reason(choice, reply.verdict) for choice in reply.choices],
    }
    return {name: value for name, value in known.items() if value is not None}


def _finish_reason(choice: Choice, verdict: Verdict | None) -> str:
    """Return the provider's word; where none came, ``"stop"`` if the answer is whole all the same, else ``"error"``."""
    whole = verdict in (Verdict.COMPLETE, Verdict.STOPPED, Verdict.TOOL_CALLS)
    return choice.finish_reason or ("stop" if whole else "error")


def usage_counts(reply: Reply) -> dict[str, int]:
    """Return what the provider counted to the end, by the conventions' names."""
    usage = reply.usage
    beside = [usage.raw.get(name) for name in _NOT_IN_INPUT.get(reply.dialect or "", ())]
    known = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens if usage.final else None,
        "cache_read.input_tokens": usage.cached_tokens,
        "reasoning.output_tokens": usage.reasoning_tokens if usage.final else None,
    }
    counted = {name: n for name, n in known.items() if n is not None}
    if "input_tokens" in counted:
        counted["input_tokens"] += sum(n for n in beside if isinstance(n, int))
    return counted


class Failure(NamedTuple):
    """Why a reply is no whole answer.

    Attributes:
        type: The value of ``error.type``.
        sentence: The same in words that quote nothing.
    """

    type: str
    sentence: str


def failure(reply: Reply) -> Failure | None:
    """Return why a reply is no whole answer, in words that quote nothing."""
    error = reply.error
    if isinstance(error, ProviderError):
        kind = str(error.code or error.type or error.status or type(error).__name__)
        return Failure(kind, "the provider said no")
    if error is not None:
        kind = type(error.__cause__ or error).__name__
        return Failure(kind, type(error).__name__)
    try:
        reply.raise_for_verdict()
    except VerdictError as verdict:
        return Failure(str(reply.verdict), str(verdict))
    except Exception:  # the caller's callback: not the model's failure
        return None
    return None


def flavour(dialect: str | None) -> str:
    """Return whose format a dialect is: the provider, where nothing else tells it."""
    family = (dialect or "unknown").partition("_")[0]
    return _FLAVOURS.get(family, family)


def output_messages(reply: Reply) -> list[dict[str, Any]]:
    """Return the choices of a reply as the conventions write messages; media are left out."""
    return [_message(choice, reply.verdict) for choice in reply.choices]


def _message(choice: Choice, verdict: Verdict | None) -> dict[str, Any]:
    parts = [part for part in map(_part, choice.parts) if part is not None]
    return {"role": "assistant", "parts": parts, "finish_reason": _finish_reason(choice, verdict)}


def _part(part: Part) -> dict[str, Any] | None:
    match part:
        case TextPart():
            return {"type": "text", "content": part.text}
        case ReasoningPart():
            return {"type": "reasoning", "content": part.text}
        case ToolCall():
            return {"type": "tool_call", "id": part.id, "name": part.name, "arguments": part.arguments}
    return None
