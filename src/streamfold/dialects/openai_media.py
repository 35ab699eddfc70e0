"""OpenAI's streams of images and of speech.

The wire, over server-sent events; editing says ``image_edit`` where generation says ``image_generation``::

    data: {"type":"image_generation.partial_image","b64_json":"iVBO...","partial_image_index":0,"output_format":"png"}
    data: {"type":"image_generation.completed","b64_json":"iVBO...","output_format":"png","usage":{"input_tokens":9}}

    data: {"type":"speech.audio.delta","audio":"//PE..."}
    data: {"type":"speech.audio.delta","audio":"xABa..."}
    data: {"type":"speech.audio.done","usage":{"input_tokens":9,"output_tokens":93,"total_tokens":102}}

Images come several times, each better than the one before: the last one is a part. Sound comes in pieces, which are one
part. Nothing says of which type the sound is, and nothing here is text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..folding.deltas import END, Delta, WholePart
from ..reply.parts import MediaPart
from .fields import joined_blob, text
from .json_dialect import JSONDialect
from .openai_responses import usage_of
from .provider_errors import find_error, provider_error
from .response_items import image

_PREFIXES = ("image_generation.", "image_edit.", "speech.audio.")


class OpenAIMedia(JSONDialect):
    """Turn the frames of one stream into deltas."""

    NAME = "openai_media"

    def __init__(self) -> None:
        super().__init__()
        self._image: Mapping[str, Any] = {}
        self._sound: list[str] = []

    @classmethod
    def recognises(cls, value: Mapping[str, Any], event: str) -> bool:
        """Tell whether only this dialect would say `value`."""
        return text(value.get("type")).startswith(_PREFIXES)

    def read(self, value: Mapping[str, Any], event: str, deltas: list[Delta]) -> None:
        """Append what an event says to `deltas`."""
        kind = text(value.get("type"))
        if kind.endswith((".partial_image", ".completed")):
            self._image = value
        elif kind == "speech.audio.delta":
            self._sound.append(text(value.get("audio")))
        elif error := find_error(value):
            deltas += [*self.close(), provider_error(error, value)]
        if kind.endswith((".completed", ".done")):
            deltas += self.close()
            if isinstance(usage := value.get("usage"), Mapping):
                deltas.append(usage_of(usage))
            deltas.append(END)

    def close(self) -> list[Delta]:
        """Return what came of the image and the sound."""
        said = {"result": self._image.get("b64_json"), "output_format": self._image.get("output_format")}
        sound = joined_blob(self._sound)
        found = [image(said), MediaPart("", sound) if sound else None]
        self._image, self._sound = {}, []
        return [WholePart(part) for part in found if part]
