"""An item of an OpenAI response in the making: what came of it in pieces, and what the whole adds to that.

The text of an item comes piece by piece on channels, each with a number: the first text of a message is
``("output_text", 0)``. Later it comes again, whole. A whole adds what the pieces did not bring: nothing where all of
them came, everything where none did. Cost: each whole is compared once with its pieces.

Code, patches and commands are streamed as text, though they are one of several arguments. They become JSON as they
come: the beginning of an object, the text as a string in it, and at the end the other arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..events import Details, PartStart, ReasoningDelta, RefusalDelta, TextDelta
from ..folding.deltas import Anomaly, Delta, Logprobs, ToolCallPiece, WholePart
from ..folding.surrogates import replace_surrogates
from ..reply.parts import MediaPart, ReasoningPart, RefusalPart, ServerToolResult, TextPart, Words
from . import response_items as items
from .fields import dumped, get, joined_blob, objects, text, word

_KINDS: dict[str, tuple[type[Words], Callable[[str], Delta]]] = {
    "output_text": (TextPart, TextDelta),
    "output_audio": (TextPart, TextDelta),  # what is said is its transcript
    "refusal": (RefusalPart, RefusalDelta),
    "reasoning_text": (ReasoningPart, ReasoningDelta),
    "summary_text": (ReasoningPart, ReasoningDelta),
}

_FIELDS = {"refusal": "refusal", "output_audio": "transcript"}

# The arguments that are streamed as text: the JSON before it and after it.
_QUOTED = {"code": ('{"code": "', '"'), "diff": ('{"diff": "', '"'), "commands": ('{"commands": ["', '"]')}


class OpenItem:
    """An item of the output in the making.

    Attributes:
        kind: Its type; ``""`` as long as that is not known.
        pieces: What came of it piece by piece, by channel and number.
        is_keyed: Whether an event has said which item it is.
        ended: Whether it has come whole.
        draft: The latest image that was sent before the final one.
    """

    def __init__(self, index: int, kind: str) -> None:
        self.kind = kind
        self.pieces: dict[tuple[str, int], list[str]] = {}
        self.is_keyed = False
        self.ended = False
        self.draft: items.Item = {}
        self._sound: list[str] = []
        self._sounds = False
        self._index = index
        self._named = False
        self._whole: set[tuple[str, int]] = set()

    # -- words -----------------------------------------------------------------------------------------------------

    def say(self, name: str, n: int, piece: str, deltas: list[Delta]) -> None:
        """Append a piece that came on channel `name` with the number `n`."""
        pieces = self.pieces.get((name, n))
        if pieces is None:
            self._open(name, deltas)
            pieces = self.pieces[name, n] = []
        pieces.append(piece)
        deltas.append(self.becomes(name)(piece))

    def becomes(self, name: str) -> Callable[[str], Delta]:
        """Return what makes a delta of a piece on channel `name`."""
        if name in _KINDS:
            return _KINDS[name][1]
        index = self._index
        if name in _QUOTED:
            return lambda piece: ToolCallPiece(index, arguments=dumped(piece)[1:-1])
        return lambda piece: ToolCallPiece(index, arguments=piece)

    def complete(self, name: str, n: int, whole: str, deltas: list[Delta]) -> None:
        """Append what `whole` says beyond the pieces that came of it."""
        if not whole or (name, n) in self._whole:
            return
        self._whole.add((name, n))
        whole = replace_surrogates(whole)
        known = replace_surrogates("".join(self.pieces.get((name, n), ())))
        if not whole.startswith(known):
            deltas.append(Anomaly(f"the pieces of {name} do not add up to it"))
        elif len(whole) > len(known):
            self.say(name, n, whole[len(known) :], deltas)

    def read_part(self, n: int, part: Any, deltas: list[Delta]) -> None:
        """Append what the whole of a part of a message or of reasoning says beyond what is known."""
        name = _channel_of(part)
        if name not in _KINDS:
            return
        self.complete(name, n, text(part.get(_FIELDS.get(name, "text"))), deltas)
        if not self._sounds:
            self.hear(text(part.get("data")))
        if ("annotations", n) not in self._whole:
            self.cite(n, list(objects(part.get("annotations"))), deltas)
        if ("logprobs", n) not in self._whole:
            self.tell_logprobs(n, part.get("logprobs"), deltas)

    def cite(self, n: int, citations: list[Mapping[str, Any]], deltas: list[Delta]) -> None:
        """Append citations of the text with the number `n`."""
        if citations:
            self._whole.add(("annotations", n))
            deltas.append(Details(TextPart, {"citations": citations}))

    def tell_logprobs(self, n: int, entries: Any, deltas: list[Delta]) -> None:
        """Append the log-probabilities of tokens of the text with the number `n`."""
        if isinstance(entries, list) and entries:
            self._whole.add(("logprobs", n))
            deltas.append(Logprobs(entries))

    def _open(self, name: str, deltas: list[Delta]) -> None:
        if name in _KINDS:
            deltas.append(PartStart(_KINDS[name][0]))
            return
        server, free_text = items.is_built_in(self.kind, None), items.is_free_text(self.kind)
        deltas.append(ToolCallPiece(self._index, server=server, free_text=free_text))
        if name in _QUOTED:
            before = '", "' if self.pieces else _QUOTED[name][0]
            deltas.append(ToolCallPiece(self._index, arguments=before))

    # -- calls -----------------------------------------------------------------------------------------------------

    def call(self, item: items.Item, deltas: list[Delta]) -> None:
        """Append which tool `item` calls, unless that is known."""
        if self._named:
            return
        kind, id, name = text(item.get("type")), items.call_id(item), items.tool_name(item)
        self._named = bool(id and name)
        server, free_text = items.is_built_in(kind, name), items.is_free_text(kind)
        of = word(item.get("server_label"))
        deltas.append(ToolCallPiece(self._index, id, name, server=server, free_text=free_text, server_name=of))

    def _finish_call(self, item: items.Item, deltas: list[Delta]) -> None:
        self.call(item, deltas)
        for name in items.WHOLE_ARGUMENTS:
            said = item.get(name)
            self.complete(name, 0, dumped(said) if isinstance(said, Mapping) else text(said), deltas)
        rest = self._rest_of_arguments(item, deltas)
        ended = item.get("status") != "incomplete"
        deltas.append(ToolCallPiece(self._index, arguments=rest, ended=ended))
        parts = list(items.results(item))
        if parts:
            self.draft = {}
        deltas.extend(map(WholePart, parts))

    # -- images and sound ------------------------------------------------------------------------------------------

    def hear(self, piece: str) -> None:
        """Take a piece of sound, in base64."""
        if piece:
            self._sounds = True
            self._sound.append(piece)

    def keep_media(self, deltas: list[Delta]) -> None:
        """Append the sound that was heard, and the latest image where the final one did not come."""
        said = {"result": self.draft.get("partial_image_b64"), "output_format": self.draft.get("output_format")}
        if image := items.image(said):
            deltas.append(WholePart(image))
        if sound := joined_blob(self._sound):
            deltas.append(WholePart(MediaPart("", sound)))
        self.draft = {}
        self._sound.clear()

    def _rest_of_arguments(self, item: items.Item, deltas: list[Delta]) -> str | None:
        """Return what follows the arguments that came as text; all of them if none did."""
        arguments = items.arguments(item)
        if not self.pieces:
            return dumped(arguments) if items.is_built_in(self.kind, None) else None
        name = next((name for name, _ in self.pieces if name in _QUOTED), None)
        if name is None:
            return None
        said = arguments.get(name)
        for n, whole in enumerate(said if isinstance(said, list) else [said]):
            self.complete(name, n, text(whole), deltas)
        others = {other: value for other, value in arguments.items() if other != name}
        return _QUOTED[name][1] + (", " + dumped(others)[1:] if others else "}")

    # -- the end ---------------------------------------------------------------------------------------------------

    def finish(self, item: items.Item, deltas: list[Delta]) -> None:
        """Append what `item`, which is the whole, says beyond what is known."""
        if self.ended:
            return
        self.ended = True
        self.kind = text(item.get("type")) or self.kind
        if self.kind == "message":
            self._finish_words(item, "content", deltas)
        elif self.kind == "reasoning":
            self._finish_reasoning(item, deltas)
        elif items.is_call(self.kind):
            self._finish_call(item, deltas)
        elif self.kind:
            deltas.append(WholePart(ServerToolResult(items.call_id(item), self.kind, dict(item))))
        self.keep_media(deltas)

    def _finish_words(self, item: items.Item, field: str, deltas: list[Delta]) -> None:
        parts = list(objects(item.get(field)))
        for n, part in zip(self._numbers(parts), parts, strict=True):
            self.read_part(n, part, deltas)

    def _numbers(self, parts: list[Mapping[str, Any]]) -> list[int]:
        """Return the number of each part: its place, but where pieces had one that no part has, they come in order."""
        placed = [(_channel_of(part), n) for n, part in enumerate(parts)]
        known = set(placed)
        shifted = {name for name, n in self.pieces if (name, n) not in known}
        numbers = {name: [n for other, n in reversed(self.pieces) if other == name] for name in shifted}
        return [numbers[name].pop() if numbers.get(name) else n for name, n in placed]

    def _finish_reasoning(self, item: items.Item, deltas: list[Delta]) -> None:
        self._finish_words(item, "summary", deltas)
        self._finish_words(item, "content", deltas)
        said = {"id": word(item.get("id")), "signature": word(item.get("encrypted_content"))}
        details = {name: value for name, value in said.items() if value}
        if details:
            if not self.pieces:
                deltas.append(PartStart(ReasoningPart))
            deltas.append(Details(ReasoningPart, details))


def _channel_of(part: Any) -> str:
    name = text(get(part, "type"))
    return "output_text" if name == "text" else name
