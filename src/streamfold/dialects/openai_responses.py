"""OpenAI responses, as spoken by OpenAI, Azure, xAI, OpenRouter, Copilot, LM Studio, vLLM and llama.cpp.

The wire, over server-sent events (each also says its ``type`` as ``event:``) or as bare JSON lines::

    data: {"type":"response.created","response":{"id":"r1","model":"m","status":"in_progress","output":[]}}
    data: {"type":"response.output_item.added","output_index":0,"item":{"id":"m1","type":"message","content":[]}}
    data: {"type":"response.output_text.delta","output_index":0,"content_index":0,"item_id":"m1","delta":"Hel"}
    data: {"type":"response.output_text.delta","output_index":0,"content_index":0,"item_id":"m1","delta":"lo"}
    data: {"type":"response.output_text.done","output_index":0,"content_index":0,"item_id":"m1","text":"Hello"}
    data: {"type":"response.output_item.done","output_index":0,"item":{"id":"m1","type":"message","content":[...]}}
    data: {"type":"response.completed","response":{"id":"r1","status":"completed","output":[...],"usage":{...}}}

A response is a list of items: messages, reasoning, calls of tools, results. Everything in it comes up to five times: in
pieces, then whole with the end of the text, of the part, of the item and of the response. The pieces are handed on; a
whole adds just what the pieces did not bring, which is all of it in a reply that was not streamed. One piece after the
other goes to the same place, so `plain` compares the place with that of the piece before.

Not every sender keeps to the specification:

- Copilot gives an item another id in each event: ``output_index`` is believed before ids. llama.cpp gives no
  ``output_index``, and a call just a ``call_id``. What says nothing at all goes on with the latest item.
- The final ``output`` may be empty (ChatGPT), or leave out items that were streamed and so number them anew: of the
  items that it has beyond those heard of, only those of a type that was never heard of count.
- An item of encrypted reasoning has a signature and an id to be sent back, and often no words.
- Bedrock's gpt-oss counts the parts of a message from 1 in its events, and from 0 in the item.

An ``error`` is not the end: OpenAI says ``response.failed`` after it, with the status and what was counted. It is kept
until then.

Images come several times too, each better than the one before; where the last one is missing, the best one counts.
Sound comes in pieces that do not say of which item they are, and its transcript is text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from ..errors import ProviderError
from ..events import TextDelta
from ..folding.deltas import END, ChoiceEnd, Delta, Identity
from ..reply import Verdict
from ..reply.usage import Usage
from .fields import count, get, objects, text, word
from .json_dialect import JSONDialect
from .open_item import OpenItem
from .provider_errors import find_error, provider_error
from .response_items import family, is_call, waits_for_client


class _PlainEvent(msgspec.Struct, gc=False):
    type: Literal[
        "response.output_text.delta",
        "response.reasoning_text.delta",
        "response.reasoning_summary_text.delta",
        "response.function_call_arguments.delta",
        "response.code_interpreter_call_code.delta",
    ]
    delta: str
    output_index: int
    content_index: int = 0
    summary_index: int = 0
    sequence_number: int | None = None
    logprobs: Annotated[list[Any], msgspec.Meta(max_length=0)] | None = None


_decode_plain = msgspec.json.Decoder(_PlainEvent).decode


class _Channel(NamedTuple):
    """What comes in pieces: its name, the field of the whole, the type of its item, and what numbers its parts."""

    name: str
    field: str
    item: str
    number: str = ""


_CHANNELS = {
    "response.output_text": _Channel("output_text", "text", "message", "content_index"),
    "response.audio.transcript": _Channel("output_audio", "transcript", "message", "content_index"),
    "response.output_audio_transcript": _Channel("output_audio", "transcript", "message", "content_index"),  # Realtime
    "response.refusal": _Channel("refusal", "refusal", "message", "content_index"),
    "response.reasoning_text": _Channel("reasoning_text", "text", "reasoning", "content_index"),
    "response.reasoning": _Channel("reasoning_text", "text", "reasoning", "content_index"),  # OpenRouter
    "response.reasoning_summary_text": _Channel("summary_text", "text", "reasoning", "summary_index"),
    "response.function_call_arguments": _Channel("arguments", "arguments", "function_call"),
    "response.mcp_call_arguments": _Channel("arguments", "arguments", "mcp_call"),
    "response.custom_tool_call_input": _Channel("input", "input", "custom_tool_call"),
    "response.code_interpreter_call_code": _Channel("code", "code", "code_interpreter_call"),
    "response.apply_patch_call_operation_diff": _Channel("diff", "diff", "apply_patch_call"),
    "response.shell_call_command": _Channel("commands", "command", "shell_call", "command_index"),
}

_VERDICTS = {
    "completed": Verdict.COMPLETE,
    "incomplete": Verdict.LENGTH,
    "failed": Verdict.ERRORED,
    "cancelled": Verdict.CANCELLED,
}
_INCOMPLETE = {"content_filter": Verdict.FILTERED, "steered": Verdict.CANCELLED}
_AUDIO = ("response.audio", "response.output_audio")
_Key = tuple[str, int | str]
_PENDING = ("queued", "in_progress")
_ENDS = {*_VERDICTS, "done"}  # "done": xAI, and the Realtime API


class OpenAIResponses(JSONDialect):
    """Turn the frames of one stream into deltas."""

    NAME = "openai_responses"

    def __init__(self) -> None:
        super().__init__()
        self._items: dict[_Key, OpenItem] = {}
        self._latest: dict[str, OpenItem] = {}  # of each family
        self._n_items = 0
        self._heard: set[str] = set()  # types of items
        self._waits = False  # for the client to run a built-in tool
        self._error: ProviderError | None = None
        # Where the latest piece went, and what a piece becomes there.
        self._place: tuple[str, int, int, int] | None = None
        self._pieces: list[str] = []
        self._delta: Callable[[str], Delta] = str

    @classmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether only this dialect would say `value`."""
        return value.get("object") == "response" or (word(value.get("type")) or event).startswith("response.")

    def plain(self, data: bytes) -> Delta | None:
        """Return the piece that `data` brings, if it goes where the one before went."""
        event = _decode_plain(data)
        if (event.type, event.output_index, event.content_index, event.summary_index) != self._place:
            raise ValueError
        self.cursor = event.sequence_number
        if not event.delta:
            return None
        self._pieces.append(event.delta)
        return self._delta(event.delta)

    def read(self, value: Mapping[str, Any], event: str, deltas: list[Delta]) -> None:
        """Append what an event, or a response that was not streamed, says to `deltas`."""
        kind = word(value.get("type")) or event
        stem, _, verb = kind.rpartition(".")
        self.cursor = count(value.get("sequence_number"))  # the first is 0; what is not a stream has none
        self._place = None
        if value.get("object") == "response":
            self._read_response(value, "in_progress" if value.get("status") in _PENDING else "done", deltas)
        elif stem == "response":
            response = value.get("response")
            self._read_response(response if isinstance(response, Mapping) else {}, verb, deltas)
        elif stem == "response.output_item":
            self._read_item(value, verb, deltas)
        elif kind == "response.image_generation_call.partial_image":
            self._item(value, "image_generation_call").draft = value
        elif stem in _AUDIO:
            self._item(value, "message").hear(text(value.get("delta")))
        elif stem in _CHANNELS:
            self._read_channel(_CHANNELS[stem], value, kind, deltas)
        elif kind == "response.content_part.done":
            part = value.get("part")
            item = self._item(value, "reasoning" if get(part, "type") == "reasoning_text" else "message")
            item.read_part(_number(value, "content_index"), part, deltas)
        elif kind == "response.output_text.annotation.added":
            citations = list(objects([value.get("annotation")]))
            self._item(value, "message").cite(_number(value, "content_index"), citations, deltas)
        elif kind in ("error", "message"):  # a gateway says no type
            error = find_error(value) or (value if kind == "error" else None)
            self._error = self._error or (provider_error(error, value) if error else None)

    def close(self) -> list[Delta]:
        """Return the sound and the images of items that did not end, and the error that was kept."""
        kept = self._media()
        if self._error:
            kept.append(self._error)
        return kept

    def _is_reply(self, value: Any, event: str) -> bool:
        return isinstance(value, Mapping)  # an event called "error" too

    # -- items -----------------------------------------------------------------------------------------------------

    def _media(self) -> list[Delta]:
        kept: list[Delta] = []
        for item in dict.fromkeys([*self._items.values(), *self._latest.values()]):
            item.keep_media(kept)
        return kept

    def _item(self, event: Mapping[str, Any], kind: str) -> OpenItem:
        """Return the item that `event` is about, which is of type `kind`."""
        keys = _keys(event, kind)
        known = next((self._items[key] for key in keys if key in self._items), None)
        if known is not None:
            return known
        latest = self._latest.get(family(kind))
        if latest is None or latest.ended or (keys and latest.is_keyed):
            return self._new_item(kind, keys)
        return self._keyed(latest, keys)

    def _new_item(self, kind: str, keys: Sequence[_Key] = ()) -> OpenItem:
        item = self._latest[family(kind)] = OpenItem(self._n_items, kind)
        self._n_items += 1
        self._heard.add(kind)
        return self._keyed(item, keys)

    def _keyed(self, item: OpenItem, keys: Sequence[_Key]) -> OpenItem:
        self._items.update(dict.fromkeys(keys, item))
        item.is_keyed = item.is_keyed or bool(keys)
        return item

    def _read_item(self, event: Mapping[str, Any], verb: str, deltas: list[Delta]) -> None:
        value = event.get("item")
        if not isinstance(value, Mapping):
            return
        kind = text(value.get("type"))
        item = self._item(event, kind)
        if verb == "done":
            self._finish(item, value, deltas)
        elif item.ended:  # some gateways give every item the index 0
            item = self._new_item(kind, _keys(event, kind))
        if verb == "added" and is_call(kind):
            item.call(value, deltas)

    def _finish(self, item: OpenItem, value: Mapping[str, Any], deltas: list[Delta]) -> None:
        item.finish(value, deltas)
        self._waits = self._waits or waits_for_client(value)

    def _read_channel(self, channel: _Channel, event: Mapping[str, Any], kind: str, deltas: list[Delta]) -> None:
        item = self._item(event, channel.item)
        n = _number(event, channel.number)
        if kind.endswith(".done"):
            item.complete(channel.name, n, text(event.get(channel.field)), deltas)
        elif piece := text(event.get(channel.field if kind.endswith(".added") else "delta")):
            item.say(channel.name, n, piece, deltas)
            item.tell_logprobs(n, event.get("logprobs"), deltas)
            self._stay(item, channel, n, event, kind)

    def _stay(self, item: OpenItem, channel: _Channel, n: int, event: Mapping[str, Any], kind: str) -> None:
        """Let `plain` read the next piece if it goes to the same place."""
        if (at := count(event.get("output_index"))) is not None:
            becomes = item.becomes(channel.name)
            self._place = kind, at, _number(event, "content_index"), _number(event, "summary_index")
            self._pieces = item.pieces[channel.name, n]
            self._delta = str if becomes is TextDelta else becomes

    # -- the response ----------------------------------------------------------------------------------------------

    def _read_response(self, response: Mapping[str, Any], verb: str, deltas: list[Delta]) -> None:
        deltas.append(Identity(word(response.get("id")), word(response.get("model"))))
        if verb not in _ENDS:
            return
        self._read_output(response, deltas)
        deltas += self._media()
        usage = response.get("usage")
        if isinstance(usage, Mapping):
            deltas.append(usage_of(usage))
        status = text(response.get("status"))
        reason = status if status in _VERDICTS else verb
        if reason in _VERDICTS:
            deltas.append(ChoiceEnd(reason, self._verdict(reason, response)))
        if error := self._error or response.get("error"):
            deltas.append(error if isinstance(error, ProviderError) else provider_error(error, response))
        deltas.append(END)

    def _read_output(self, response: Mapping[str, Any], deltas: list[Delta]) -> None:
        """Append what the final output has that no event told of."""
        heard = set(self._heard)
        for at, value in enumerate(objects(response.get("output"))):
            kind = text(value.get("type"))
            keys = [*_keys({"item": value}, kind), (family(kind), at)]
            item = next((self._items[key] for key in keys if key in self._items), None)
            if item is not None or kind not in heard:
                self._finish(item or self._new_item(kind), value, deltas)

    def _verdict(self, reason: str, response: Mapping[str, Any]) -> Verdict:
        verdict = _VERDICTS[reason]
        if verdict is Verdict.LENGTH:
            return _INCOMPLETE.get(text(get(response, "incomplete_details", "reason")), verdict)
        return Verdict.TOOL_CALLS if verdict is Verdict.COMPLETE and self._waits else verdict


def _keys(event: Mapping[str, Any], kind: str) -> list[_Key]:
    """Return what tells the item that `event` is about from others; items of different families may share an index."""
    item = event.get("item")
    id = word(event.get("item_id")) or word(get(item, "id")) or word(get(item, "call_id"))
    return [(family(kind), name) for name in (count(event.get("output_index")), id) if name is not None]


def _number(event: Mapping[str, Any], name: str) -> int:
    return count(event.get(name)) or 0


def usage_of(usage: Mapping[str, Any]) -> Usage:
    """Return a usage report."""
    return Usage(
        input_tokens=count(usage.get("input_tokens")),
        output_tokens=count(usage.get("output_tokens")),
        total_tokens=count(usage.get("total_tokens")),
        cached_tokens=count(get(usage, "input_tokens_details", "cached_tokens")),
        reasoning_tokens=count(get(usage, "output_tokens_details", "reasoning_tokens")),
        raw=usage,
    )
