"""Find the first of several stop strings in a text that arrives in chunks, however it is cut.

The winner is the stop whose last character comes first; of stops that end on the same character, the first
in the list. These are vLLM's rules, and the only ones that depend neither on the chunks nor on text yet to
come; which stop *starts* first does. Held back is the longest end of the text that is a proper prefix of
some stop, never a fixed number of characters.

The stops become an Aho-Corasick automaton (CACM 18:6, 1975). Its nodes are the prefixes of the stops, so the
node that a text leads to says what is held back. It moves by whole chunks: chunks repeat, so a state
remembers what each chunk did to it. A chunk that it knows costs one look-up, whatever the number of stops; a
new one about 1 µs, plus 0.2 µs for each character of what may still become a stop. Text in which no stop
begins is skipped by `re`, at about 10 ns a character.

Time is linear in the text and memory in the stops (180 bytes for each of their characters), whatever both
contain: a step back in the automaton is paid for by the step forward before it, and only text that is shown
is copied. What is remembered has the limits below. Matchers with the same stops share an automaton and what
it has learnt, between threads too: single entries come and go, nobody iterates over them, each can be made
again.

A character is a code point, compared as it is: nothing is folded or normalised, lone surrogates included.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from .errors import CallerError

MAX_EDGES: Final = 32_768
"""How many chunks one automaton remembers over all its states (about 4 MB); past it, it forgets them all."""

MAX_EDGE_CHARS: Final = 64
"""The longest chunk, and text shown for it, worth remembering, in characters: longer ones hardly repeat."""

MAX_AUTOMATA: Final = 32
"""How many automata are kept for the next stream with the same stops."""


class UnreachableStopWarning(UserWarning):
    """A stop can never win: wherever it occurs, another one has completed by then."""


@dataclass(frozen=True, slots=True)
class StopMatch:
    """The stop that ended a text.

    Attributes:
        string: The stop.
        index: Its place in the caller's list, counted from 0; the first, where it is there twice.
        offset: Where it starts, in characters from the start of the text received.
        discarded: How many characters were received after its end.
    """

    string: str
    index: int
    offset: int
    discarded: int


class StopState(dict[str, "tuple[str, StopState]"]):
    """Where a text stands: ``shown, state = state[chunk]`` says what a chunk lets out and where it leads.

    Most chunks come out as they are and lead nowhere. Once known they are in a set of their own, which
    answers in half the time of the dictionary: the loop in `StopMatcher` asks it first.

    Attributes:
        passing: Chunks, none of them empty, known to be shown as they are and to lead back to this state.
        stopped: Whether a stop has matched; then every chunk shows nothing and is counted as discarded.
    """

    __slots__ = ("_automaton", "_node", "passing", "stopped")

    def __init__(self, automaton: _Automaton, node: int) -> None:
        self._automaton = automaton
        self._node = node
        self.passing: set[str] = set()
        self.stopped = False

    def __missing__(self, chunk: str) -> tuple[str, StopState]:
        if not isinstance(chunk, str):
            raise TypeError(f"a chunk is {type(chunk).__name__}, expected str")
        shown, state = self._automaton.step(self._node, chunk)
        if not state.stopped and len(chunk) <= MAX_EDGE_CHARS and len(shown) <= MAX_EDGE_CHARS:
            self._automaton.make_room()
            if state is self and shown == chunk != "":
                self.passing.add(chunk)
            else:
                self[chunk] = shown, state
        return shown, state

    @property
    def held(self) -> str:
        """What is held back: the longest end of the text that is a proper prefix of some stop."""
        return self._automaton.first(self._automaton.depth[self._node], self._node)


class _Matched(StopState):
    """After a match. Made for one stream and remembered by no other state: a stream stops once."""

    __slots__ = ("discarded", "index")

    def __init__(self, automaton: _Automaton, index: int, discarded: int) -> None:
        super().__init__(automaton, 0)
        self.stopped = True
        self.index = index
        self.discarded = discarded

    def __missing__(self, chunk: str) -> tuple[str, StopState]:
        self.discarded += len(chunk)
        return "", self


class _Automaton:
    """The automaton of some stops. Node 0 is the empty prefix; the lists have one entry for each node."""

    def __init__(self, stops: tuple[str, ...], include: bool) -> None:
        self.stops = stops
        self.include = include
        self.goto: dict[tuple[int, str], int] = {}
        self.depth = [0]  # the length of the node's prefix
        self.example = [""]  # a stop that begins with it
        self.fallback = [0]  # the node of its longest proper suffix that is a prefix too
        self.winner: list[int | None] = [None]  # the place in `stops` of the one that wins here
        self.shadows: dict[int, int] = {}  # of a stop that can never win: of the one that does instead
        self._opening = re.compile(_openings(stops)).search
        self._grow()
        self.root = StopState(self, 0)
        self._states = {0: self.root}
        self._n_edges = 0

    def _grow(self) -> None:
        """Lay the nodes level by level, so that the prefix to fall back on is there before it is needed."""
        place = {stop: index for index, stop in reversed(list(enumerate(self.stops)))}
        growing = dict.fromkeys(self.stops, 0)
        size = 0
        while growing:
            growing = {stop: self._child(node, stop, size) for stop, node in growing.items()}
            size += 1
            for stop, node in growing.items():
                if len(stop) == size:
                    inherited = self.winner[node]
                    self.winner[node] = place[stop] if inherited is None else min(inherited, place[stop])
            for stop, node in growing.items():
                winner = self.winner[node]
                if winner is not None and winner != place[stop]:
                    self.shadows[place[stop]] = winner
            # No text gets past a node where a stop wins, so nothing need grow there.
            growing = {stop: node for stop, node in growing.items() if self.winner[node] is None}

    def _child(self, node: int, stop: str, size: int) -> int:
        """Return the child of `node` for ``stop[:size + 1]``; make it if it is new."""
        key = node, stop[size]
        if key not in self.goto:
            back = self._walk(self.fallback[node], stop[size])[0] if node else 0
            self.goto[key] = len(self.depth)
            self.depth.append(size + 1)
            self.example.append(stop)
            self.fallback.append(back)
            self.winner.append(self.winner[back])
        return self.goto[key]

    def _walk(self, node: int, chunk: str) -> tuple[int, int]:
        """Read `chunk` from `node`; return where it leads and how much was read: all, unless a stop wins."""
        goto, fallback, winner = self.goto, self.fallback, self.winner
        at, size = 0, len(chunk)
        while at < size and winner[node] is None:
            if not node:
                opening = self._opening(chunk, at)
                if opening is None:
                    return 0, size
                at = opening.start()
            char = chunk[at]
            while (after := goto.get((node, char))) is None and node:
                node = fallback[node]
            node = after or 0
            at += 1
        return node, at

    def step(self, node: int, chunk: str) -> tuple[str, StopState]:
        """Return what can be shown once `chunk` follows what is held at `node`, and the state it leads to."""
        after, end = self._walk(node, chunk)
        if not node and not after:
            return chunk, self.root
        held = self.depth[node]
        winner = self.winner[after]
        if winner is None:
            return self.first(held + len(chunk) - self.depth[after], node, chunk), self._state(after)
        cut = held + end - (0 if self.include else len(self.stops[winner]))
        return self.first(cut, node, chunk), _Matched(self, winner, len(chunk) - end)

    def first(self, size: int, node: int, chunk: str = "") -> str:
        """Return the first `size` characters of what is held at `node` and `chunk`; copy only these."""
        held = self.depth[node]
        if size <= held:
            return self.example[node][:size]
        return self.example[node][:held] + chunk[: size - held]

    def _state(self, node: int) -> StopState:
        """Return the one state at `node`, made when a text first comes there."""
        state = self._states.get(node)
        return self._states.setdefault(node, StopState(self, node)) if state is None else state

    def make_room(self) -> None:
        """Count one more remembered chunk; forget them all if that is too many. A race miscounts by a few."""
        self._n_edges += 1
        if self._n_edges > MAX_EDGES:
            self._n_edges = 1
            for state in list(self._states.values()):
                state.clear()
                state.passing.clear()


def _openings(stops: Iterable[str]) -> str:
    """Return a pattern for where a stop may begin: its first two characters, or one at the end of the chunk.

    The second one tells a stop that begins with a space from other words. More would not be linear: `re`
    would read a long beginning again from each of its characters.
    """
    seconds: dict[str, set[str]] = {}
    for stop in stops:
        seconds.setdefault(stop[0], set()).add(stop[1:2])
    branches = [
        re.escape(first) + ("" if "" in after else rf"(?:[{''.join(map(re.escape, after))}]|\Z)")
        for first, after in seconds.items()
    ]
    return "|".join(branches) or "(?!)"


_automaton = lru_cache(MAX_AUTOMATA)(_Automaton)


def _checked(stops: Iterable[str] | str) -> tuple[str, ...]:
    if isinstance(stops, str):
        stops = (stops,)
    elif not isinstance(stops, Iterable):
        raise CallerError(f"stop is {type(stops).__name__}, expected str or several str")
    stops = tuple(stops)
    for index, stop in enumerate(stops):
        if not isinstance(stop, str):
            raise CallerError(f"stop {index} is {type(stop).__name__}, expected str")
        if not stop:
            raise CallerError(f"stop {index} is empty: it would match before the first character")
    return stops


def _not_text(chunk: object) -> CallerError:
    return CallerError(f"a chunk is {type(chunk).__name__}, expected str")


class StopMatcher:
    """Match stops against one text, fed chunk by chunk.

    Feed it chunk by chunk, or hand it a whole source with `consume`, which costs half as much a chunk.

    Args:
        stops: One stop, or several in order of precedence; the same one twice counts once. With none,
            everything passes.
        include: Whether the stop that matched is part of the text. Held back is the same in both modes: a
            stop comes out whole or not at all.

    Attributes:
        state: Where the text stands.
        n_shown: How many characters have been let out.

    Raises:
        CallerError: A stop is empty (rejected as in vLLM) or not a str.
    """

    __slots__ = ("_automaton", "n_shown", "state")

    def __init__(self, stops: Iterable[str] | str, *, include: bool = False) -> None:
        self._automaton = _automaton(_checked(stops), include)
        self.state = self._automaton.root
        self.n_shown = 0
        if self._automaton.shadows:
            self._warn()

    def _warn(self) -> None:
        import warnings  # here, because nearly nobody needs it

        stops = self._automaton.stops
        for index, winner in sorted(self._automaton.shadows.items()):
            why = f"stop {winner} ({stops[winner]!r}) always completes first"
            message = f"stop {index} ({stops[index]!r}) can never win: {why}"
            warnings.warn(message, UnreachableStopWarning, stacklevel=3)

    def feed(self, chunk: str) -> str:
        """Take the next chunk and return what can be shown now: nothing after a match.

        Raises:
            CallerError: The chunk is not a str.
        """
        try:
            if chunk not in self.state.passing:
                chunk, self.state = self.state[chunk]
        except TypeError as error:  # not a str, or not even hashable
            raise _not_text(chunk) from error
        self.n_shown += len(chunk)
        return chunk

    def passing(self, append: Callable[[str], object]) -> Callable[[str], object]:
        """Return a function that gives a chunk to `append` if it is known to pass as it is, and else returns False."""

        def append_if_known(chunk: str) -> object:
            if chunk not in self.state.passing:
                return False
            self.n_shown += len(chunk)
            return append(chunk)

        return append_if_known

    def consume(self, chunks: Iterable[str], on_text: Callable[[str], object]) -> str:
        """Take a whole source: call `on_text` with what can be shown, as it comes; return it all, joined.

        Nothing is pulled after a match, and `close` is called at the end of the source. An exception of the source
        or of `on_text` passes; the matcher can then go on with `feed`.

        Raises:
            CallerError: A chunk is not a str.
        """
        parts: list[str] = []
        state, chunk = self.state, ""
        try:
            for chunk in chunks:
                if chunk in state.passing:
                    parts.append(chunk)
                    on_text(chunk)
                    continue
                shown, state = state[chunk]
                if shown:
                    parts.append(shown)
                    on_text(shown)
                if state.stopped:
                    break
        except TypeError as error:
            if isinstance(chunk, str):
                raise  # the source's own, or the callback's
            raise _not_text(chunk) from error
        finally:
            text = "".join(parts)
            self.state = state
            self.n_shown += len(text)
        if held := self.close():
            on_text(held)
        return text + held

    def close(self) -> str:
        """End the text, for whatever reason; return what was held back: nothing after a match, or again."""
        held = self.held
        if held:
            self.state = self._automaton.root
            self.n_shown += len(held)
        return held

    @property
    def held(self) -> str:
        """What is held back now: the longest end of the text that is a proper prefix of some stop."""
        return self.state.held

    @property
    def match(self) -> StopMatch | None:
        """The stop that ended the text, with what has been discarded up to now."""
        if not isinstance(self.state, _Matched):
            return None
        string = self._automaton.stops[self.state.index]
        offset = self.n_shown - (len(string) if self._automaton.include else 0)
        return StopMatch(string, self.state.index, offset, self.state.discarded)


def all_stops(stop: str | Sequence[str] | None) -> Sequence[str]:
    """Return the stop sequences in `stop`, which is one, several, or none."""
    return () if stop is None else _checked(stop)
