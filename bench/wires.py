"""Streams of plain text as the providers send them: one event a read, of the size and with the fields that theirs have.

Each function takes the number of events that say a piece of text, and returns the reads. What stands around the text,
such as the first and the last events, is what the provider's own client needs to take the stream for a whole one.
"""

import json
import random
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from .race import Reads

_SMALL, _SPACED = (",", ":"), (", ", ": ")


def _words(count: int) -> Iterator[str]:
    rng = random.Random(7)
    words = [f" {rng.getrandbits(32):x}"[: rng.randint(2, 8)] for _ in range(4_000)]
    return (rng.choice(words) for _ in range(count))


def _padding(count: int, most: int) -> Iterator[str]:
    """Yield what some providers put beside the text, against guesses from the length of an event."""
    rng = random.Random(8)
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    return (letters[: rng.randint(1, most)] for _ in range(count))


def _padded(count: int, most: int = 16) -> Iterator[tuple[str, str]]:
    return zip(_words(count), _padding(count, most), strict=True)


def _dumped(value: Any, separators: tuple[str, str] = _SMALL) -> bytes:
    return json.dumps(value, separators=separators).encode()


def _data(values: Iterable[Any]) -> Reads:
    return [b"data: " + _dumped(value) + b"\n\n" for value in values]


def _typed(values: Iterable[Any]) -> Reads:
    """Return events that say their type in a line of its own too."""
    return [b"event: " + value["type"].encode() + b"\ndata: " + _dumped(value) + b"\n\n" for value in values]


# -- OpenAI ----------------------------------------------------------------------------------------------------------


def openai_chat(count: int, words: Iterable[str] | None = None) -> Reads:
    """With `count` words of its own, or those that are given."""
    frame = {
        "id": "chatcmpl-BkkWwZxkZ5lJ9wqkzYtA2Jv2hXr7x",
        "object": "chat.completion.chunk",
        "created": 1_750_000_000,
        "model": "gpt-4o-2024-08-06",
        "service_tier": "default",
        "system_fingerprint": "fp_a288987b44",
    }

    def chunk(delta: dict[str, Any], finish: str | None = None, padding: str = "abcdef") -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**frame, "choices": [choice], "usage": None, "obfuscation": padding}

    padded = zip(words or _words(count), _padding(count, 16), strict=True)
    text = [chunk({"content": word}, padding=padding) for word, padding in padded]
    start = chunk({"role": "assistant", "content": "", "refusal": None})
    return [*_data([start, *text, chunk({}, "stop")]), b"data: [DONE]\n\n"]


def openai_completions(count: int) -> Reads:
    def chunk(text: str, finish: str | None = None) -> dict[str, Any]:
        return {
            "id": "cmpl-DPTNw2rAzD2LnnQSQa5wULO6oaVJQ",
            "object": "text_completion",
            "created": 1_774_963_528,
            "choices": [{"text": text, "index": 0, "logprobs": None, "finish_reason": finish}],
            "model": "davinci:2023-07-21-v2",
        }

    return [*_data([*map(chunk, _words(count)), chunk("", "stop")]), b"data: [DONE]\n\n"]


def openai_responses(count: int) -> Reads:
    response = {
        "id": "resp_00b6a9357a128f6a016a85bfb3e87c87d2",
        "object": "response",
        "created_at": 1_750_000_000,
        "model": "gpt-5-nano-2025-08-07",
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }
    id = "msg_00b6a9357a128f6a016a85bfb5b2f087d282677e85df3d13bc"
    place = {"content_index": 0, "item_id": id, "output_index": 0}
    message = {"id": id, "type": "message", "role": "assistant"}
    part = {"type": "output_text", "annotations": [], "logprobs": []}
    deltas = [{"delta": word, "logprobs": [], "obfuscation": padding} for word, padding in _padded(count)]
    text = "".join(_words(count))
    done = {**message, "status": "completed", "content": [{**part, "text": text}]}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": {**response, "status": "in_progress"}},
        {"type": "response.output_item.added", "output_index": 0, "item": {**message, "content": []}},
        {"type": "response.content_part.added", **place, "part": {**part, "text": ""}},
        *({"type": "response.output_text.delta", **place, **delta} for delta in deltas),
        {"type": "response.output_text.done", **place, "text": text, "logprobs": []},
        {"type": "response.content_part.done", **place, "part": {**part, "text": text}},
        {"type": "response.output_item.done", "output_index": 0, "item": done},
        {"type": "response.completed", "response": {**response, "status": "completed", "output": [done]}},
    ]
    return _typed({**event, "sequence_number": number} for number, event in enumerate(events))


# -- others, over server-sent events ---------------------------------------------------------------------------------


def anthropic_messages(count: int) -> Reads:
    message = {
        "id": "msg_01SHRxj5oSW4vfUBJ6qWHLHA",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-20250514",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 9, "output_tokens": 1},
    }
    start = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    ]
    deltas = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}}
        for word in _words(count)
    ]
    end = [
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": count},
        },
        {"type": "message_stop"},
    ]
    events = _typed([*start, *deltas, *end])
    # Its padding is white space before the last brace.
    blanks = _padding(len(events), 16)
    return [e.removesuffix(b"}\n\n") + b" " * len(blank) + b"}\n\n" for e, blank in zip(events, blanks, strict=True)]


def _gemini_chunks(count: int) -> Iterator[dict[str, Any]]:
    """Yield responses of about 10 tokens each; each counts the tokens so far."""
    words = list(_words(10 * count))
    texts = ["".join(words[at : at + 10]) for at in range(0, len(words), 10)]
    for number, text in enumerate(texts, 1):
        finish = {"finishReason": "STOP"} if number == count else {}
        yield {
            "candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, **finish, "index": 0}],
            "usageMetadata": {
                "promptTokenCount": 11,
                "candidatesTokenCount": 10 * number,
                "totalTokenCount": 724 + 10 * number,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 11}],
                "thoughtsTokenCount": 713,
            },
            "modelVersion": "gemini-3.5-flash",
            "responseId": "iCUhao2zJ-LHjuMP1vvH2Qk",
        }


def gemini(count: int) -> Reads:
    """Its lines end with CR and LF."""
    return [b"data: " + _dumped(chunk, _SPACED) + b"\r\n\r\n" for chunk in _gemini_chunks(count)]


def mistral_chat(count: int) -> Reads:
    def chunk(delta: dict[str, Any], finish: str | None = None, padding: str = "abc", **more: Any) -> dict[str, Any]:
        return {
            "id": "9f9d90210f194076abeee223863eaaf0",
            "object": "chat.completion.chunk",
            "created": 1_764_296_393,
            "model": "mistral-large-latest",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
            **more,
            "p": padding,
        }

    text = [chunk({"content": word}, padding=padding) for word, padding in _padded(count, 36)]
    usage = {"prompt_tokens": 9, "total_tokens": 9 + count, "completion_tokens": count}
    chunks = [chunk({"role": "assistant", "content": ""}), *text, chunk({"content": ""}, "stop", usage=usage)]
    return [*_data(chunks), b"data: [DONE]\n\n"]


def cohere_v2(count: int) -> Reads:
    def content(kind: str, **says: str) -> dict[str, Any]:
        return {"type": kind, "index": 0, "delta": {"message": {"content": says}}}

    message = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    counted = {"input_tokens": 9, "output_tokens": count}
    end = {"finish_reason": "COMPLETE", "usage": {"billed_units": counted, "tokens": counted}}
    return _typed(
        [
            {"id": "274e9d69-5fe3-4f80-81ed-f66ae31f1da0", "type": "message-start", "delta": {"message": message}},
            content("content-start", type="text", text=""),
            *(content("content-delta", text=word) for word in _words(count)),
            {"type": "content-end", "index": 0},
            {"type": "message-end", "delta": end},
        ]
    )


# -- others, over something else -------------------------------------------------------------------------------------


def gemini_array(count: int) -> Reads:
    """As elements of one array, as Gemini sends it where server-sent events are not asked for."""
    chunks = [json.dumps(chunk, indent=2).replace("\n", "\r\n").encode() for chunk in _gemini_chunks(count)]
    return [b"[" + chunks[0], *(b"\r\n,\r\n" + chunk for chunk in chunks[1:]), b"\r\n]\r\n"]


def ollama_chat(count: int) -> Reads:
    def line(content: str, **end: Any) -> dict[str, Any]:
        message = {"role": "assistant", "content": content}
        return {
            "model": "gemma3:1b",
            "created_at": "2025-08-20T13:47:53.420373Z",
            "message": message,
            "done": False,
            **end,
        }

    end = line("", done=True, done_reason="stop", total_duration=246_778_792, prompt_eval_count=9, eval_count=count)
    return [_dumped(value) + b"\n" for value in [*map(line, _words(count)), end]]


def bedrock_converse(count: int) -> Reads:
    text = [{"contentBlockIndex": 0, "delta": {"text": word}, "p": padding} for word, padding in _padded(count, 60)]
    usage = {"inputTokens": 9, "outputTokens": count, "totalTokens": 9 + count}
    return [
        _message("messageStart", {"p": "abcdefgh", "role": "assistant"}),
        *(_message("contentBlockDelta", delta) for delta in text),
        _message("contentBlockStop", {"contentBlockIndex": 0, "p": "abcd"}),
        _message("messageStop", {"p": "abcdefgh", "stopReason": "end_turn"}),
        _message("metadata", {"metrics": {"latencyMs": 1}, "p": "abcdef", "usage": usage}),
    ]


def _message(event: str, payload: dict[str, Any]) -> bytes:
    """Return a message of an AWS event stream."""
    told = {":event-type": event, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        struct.pack(f">B{len(name)}sBH{len(value)}s", len(name), name.encode(), 7, len(value), value.encode())
        for name, value in told.items()
    )
    body = headers + _dumped(payload)
    prelude = struct.pack(">II", 16 + len(body), len(headers))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + body
    return message + struct.pack(">I", zlib.crc32(message))
