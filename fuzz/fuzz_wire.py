"""Fuzz a framing or a dialect: ``python -m fuzz.fuzz_wire NAME [libFuzzer's options] [corpus]``.

The invariant, for any bytes: a Reply with a verdict or an error of our tree as a value in it, and nothing raised; the
deltas add up to the text; the same under other cuts of the same bytes, and whether the dialect is named or found;
linear time. It is checked by `fuzz.invariant`.
"""

import sys
import zlib
from importlib import import_module

import atheris

from fuzz import wires
from fuzz.mutator import mutate
from streamfold.dialects import DIALECTS
from streamfold.framing import FRAMINGS

MAX_LEN = 2_048
"""In bytes: a few frames more than a seed has."""

GROWTH_EVERY = 512
"""Of so many inputs one: to check how time grows costs as much as hundreds of other checks."""


def main(name: str, options: list[str]) -> None:
    """Fuzz the framing or the dialect called `name` until something is found or time is over."""
    if name not in {*DIALECTS, *FRAMINGS}:
        sys.exit(f"no framing or dialect {name!r}; there are {', '.join([*FRAMINGS, *DIALECTS])}")
    with atheris.instrument_imports(include=["streamfold"], enable_loader_override=False):
        from fuzz import invariant

        import_module(f"streamfold.{'framing' if name in FRAMINGS else 'dialects'}.{name}")  # not all: that takes long
    seeds = wires.seeds(framing=name) if name in FRAMINGS else wires.seeds(name)
    framing = wires.framing_of(seeds[0])

    def one_framing(data: bytes) -> None:
        wire = wires.encoded(data, framing)
        if framing == "aws_eventstream" and zlib.crc32(data) % 2:
            wire = wires.resealed(wire)
        invariant.check_framing(wire, name)
        invariant.check_wire(wire)

    def one_dialect(data: bytes) -> None:
        wire = wires.encoded(data, framing)
        invariant.check_wire(wire, name)
        invariant.check_wire(wire)
        if zlib.crc32(data, 1) % GROWTH_EVERY == 0:
            invariant.check_growth(wire, framing, name)

    options = [f"-max_len={MAX_LEN}", f"-seed_inputs={','.join(map(str, seeds))}", "-timeout=20", *options]
    mutator = {"custom_mutator": lambda data, size, seed: mutate(data, size, seed, framing)}
    atheris.Setup([sys.argv[0], *options], one_framing if name in FRAMINGS else one_dialect, **mutator)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "", sys.argv[2:])
