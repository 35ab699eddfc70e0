"""What a list of segments shows: the text, and each piece with its style, however it was cut."""

from __future__ import annotations

from collections.abc import Iterable
from io import StringIO

from rich.segment import Segment

from streamfold.terminal.markdown import Markdown
from streamfold.terminal.writer import Writer


def text_of(segments: Iterable[Segment]) -> str:
    return "".join(segment.text for segment in segments)


def bytes_of(segments: Iterable[Segment]) -> str:
    """What the terminal gets."""
    file = StringIO()
    writer = Writer(file, colors=True)
    for segment in segments:  # one by one: where writes are cut must not matter
        writer.write([segment])
    writer.reset()
    return file.getvalue()


def marked(segments: Iterable[Segment]) -> str:
    """The text with its styles as Rich's own markup: ``[bold]so[/]``."""
    pieces: list[tuple[str, str]] = []
    for text, style, _ in segments:
        name = str(style) if style else ""
        name = "" if name == "none" else name
        if pieces and pieces[-1][0] == name:
            pieces[-1] = (name, pieces[-1][1] + text)
        else:
            pieces.append((name, text))
    return "".join(f"[{name}]{text}[/]" if name else text for name, text in pieces)


def laid_out(pieces: Iterable[str], width: int = 60) -> list[Segment]:
    markdown = Markdown(lambda: width)
    shown = [segment for piece in pieces for segment in markdown.feed(piece)]
    return [*shown, *markdown.close()]
