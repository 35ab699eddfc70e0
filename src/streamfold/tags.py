r"""Split the reasoning that a model writes into its text, as ``<think>...</think>``, out of it, however it is cut.

Reasoning comes first: a tag counts while there has been nothing but white space and blocks of reasoning. The first
other character begins the answer, in which every tag is literal. The splitter is then `done` and may be dropped, so
the answer costs nothing. In a block only its closing tag counts; a block that is never closed stays reasoning.

Nothing is lost but the tags, as in vLLM, SGLang (pull request 24251) and Vercel's `extractReasoningMiddleware`. White
space outside of a block goes with what comes next, reasoning before a tag and text before the answer: no answer begins
before its reasoning. ``\n<think>a</think>\n\nb`` is the reasoning ``\na`` and the text ``\n\nb``. A closing tag with no
block open ends one that the prompt opened, as templates of DeepSeek-R1 and Qwen3 do.

Held back is what may still become a tag, and white space that may go either way, exactly. The tags are found by
`StopMatcher`: time is linear in the text, memory is the tags and `MAX_WHITE`; a chunk of reasoning costs about 0.3 µs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .errors import CallerError
from .stops import StopMatcher

MAX_WHITE: Final = 1_024
"""How much white space may precede a tag, in characters: the most that is held back until its side is known."""

MAX_STEP: Final = 2_048
"""How much of a chunk is read at once, in characters: a tag found costs a second look at the rest of it."""

Pieces = list[tuple[bool, str]]


@dataclass(frozen=True, slots=True)
class Tag:
    """What a model writes around its reasoning; compared as it is, case and all.

    Attributes:
        open: Begins the reasoning.
        close: Ends it. It is stripped at the start of an answer too, so it should be nothing that begins one.

    Raises:
        CallerError: One is empty or not a str, or both are the same.
    """

    open: str
    close: str

    def __post_init__(self) -> None:
        for string in (self.open, self.close):
            if not (isinstance(string, str) and string):
                raise CallerError(f"a tag opens or closes with {string!r}, expected a str that is not empty")
        if self.open == self.close:
            raise CallerError(f"a tag opens and closes with the same {self.open!r}")


# What models write unasked, and no ordinary answer begins with. Left out: <thinking>, <thought>, <reasoning>, <reason>
# and <analysis>, which most models write only where the caller's prompt asks for them, and whose caller then looks for
# them (Amazon Nova writes <thinking> unasked: vercel/ai 7078, litellm 9063); Granite 3.2's "Here is my thought
# process:", which is prose; gpt-oss's <|channel|>analysis and Kimi K3's <|open|>think<|sep|>, which are framings with
# more in them than a tag.
THINK: Final[tuple[Tag, ...]] = (
    Tag("<think>", "</think>"),  # DeepSeek-R1, Qwen3, GLM-4.5, Kimi K2, MiniMax-M2, Nemotron 3: vLLM, SGLang
    Tag("<seed:think>", "</seed:think>"),  # Seed-OSS: vLLM, llama.cpp
    Tag("<mm:think>", "</mm:think>"),  # MiniMax-M3, which also begins answers with a lone closing tag: SGLang
    Tag("[THINK]", "[/THINK]"),  # Magistral since 2507: vLLM, SGLang
    Tag("◁think▷", "◁/think▷"),  # Kimi-VL, Kimi-Dev: SGLang
    Tag("<|channel>thought", "<channel|>"),  # Gemma 4: vLLM
    Tag("<|START_THINKING|>", "<|END_THINKING|>"),  # Command A Reasoning, Command R7B: vLLM, llama.cpp
    Tag("<|inner_prefix|>", "<|inner_suffix|>"),  # Apertus: llama.cpp
    Tag("<|begin_of_thought|>", "<|end_of_thought|>"),  # OpenThinker, Sky-T1: in Open WebUI's defaults
)
"""The tags looked for by default."""


class TagSplitter:
    """Split one text, fed chunk by chunk, into reasoning and answer.

    Args:
        tags: What to look for. Where they overlap, the rules of `StopMatcher` say which is found.
        opened: Whether the prompt opened a block, so that the text is reasoning up to the first closing tag. An
            opening tag at its start, which some servers repeat, is stripped.

    Attributes:
        done: Whether the answer has begun: all that follows is text.
    """

    __slots__ = ("_block", "_closes", "_fresh", "_lead", "_opened", "_opens", "_white", "done")

    def __init__(self, tags: Sequence[Tag] = THINK, *, opened: bool = False) -> None:
        self._opens = [tag.open for tag in tags]
        self._closes = [tag.close for tag in tags]
        self._lead = StopMatcher(self._opens + self._closes)
        self._fresh = self._lead.state
        self._block: StopMatcher | None = None  # finds the end of the block; set exactly inside of one
        self._opened, self._white = opened, ""  # white space held back, none of it part of a tag
        self.done = not tags and not opened

    def feed(self, text: str) -> Pieces:
        """Take the next chunk; return what is decided now as ``(is_reasoning, piece)``, in order, none empty."""
        if self._block and text in self._block.state.passing:
            return [(True, text)]  # most reasoning: known to hold no part of a tag
        pieces: Pieces = []
        at, size = 0, len(text)
        while at < size and not self.done:
            step = text[at : at + MAX_STEP]
            at += self._reason(self._block, step, pieces) if self._block else self._look(step, pieces)
        if at < size:
            pieces.append((False, text[at:]))
        return pieces

    def close(self) -> Pieces:
        """Release what is held back, at the end or where no tag can reach over; an open block stays open."""
        pieces: Pieces = []
        if held := self._lead.close():
            self._settle(self._white + held, pieces)
        elif self._white:
            pieces.append((False, self._white))
            self._white = ""
        if self._block and (held := self._block.close()):
            pieces.append((True, held))
        return pieces

    def _look(self, chunk: str, pieces: Pieces) -> int:
        """Look for a tag after white space; return how many characters of `chunk` are dealt with."""
        held = self._lead.held
        shown = self._lead.feed(chunk)
        white = self._white + shown
        if shown.strip() or (len(white) > MAX_WHITE and not self._opened):
            self._settle(self._white + held, pieces)
            return 0
        match = self._lead.match
        if white and (match or self._opened):
            pieces.append((True, white))
            white = ""
        self._white = white
        if match is None:
            return len(chunk)
        closed = match.index >= len(self._opens)
        self._enter(None if closed else StopMatcher(self._closes[match.index]))
        return len(chunk) - match.discarded

    def _settle(self, lead: str, pieces: Pieces) -> None:
        """Take `lead`, held back until now, for what it is when no tag follows: reasoning if opened, else text."""
        self.done = not self._opened
        block = StopMatcher(self._closes) if self._opened else None
        if block:
            lead = block.feed(lead)  # it may end with the beginning of a closing tag
        if lead:
            pieces.append((not self.done, lead))
        self._enter(block)

    def _enter(self, block: StopMatcher | None) -> None:
        self._block = block
        self._lead.state = self._fresh
        self._opened, self._white = False, ""

    def _reason(self, block: StopMatcher, chunk: str, pieces: Pieces) -> int:
        """Look for the end of `block`; return how many characters of `chunk` are dealt with."""
        if shown := block.feed(chunk):
            pieces.append((True, shown))
        if block.match is None:
            return len(chunk)
        self._block = None
        return len(chunk) - block.match.discarded
