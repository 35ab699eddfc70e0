"""Fuzz the terminal's Markdown: ``python -m fuzz.fuzz_terminal [libFuzzer's options] [corpus]``.

An input is the text. The invariant, for any of it and on a terminal of any width: however it is cut it is laid out the
same; no control character passes; no letter or digit of it is lost.
"""

import sys

import atheris

with atheris.instrument_imports(include=["streamfold"], enable_loader_override=False):
    from fuzz import terminal_invariant
from fuzz import wires


def one_input(data: bytes) -> None:
    """Check one input."""
    terminal_invariant.check_markdown(data.decode("utf-8", "replace"))


if __name__ == "__main__":
    seeds = ",".join(map(str, wires.seeds("terminal_*", "txt")))
    options = ["-max_len=256", "-len_control=0", f"-seed_inputs={seeds}", "-timeout=20"]
    atheris.Setup([sys.argv[0], *options, *sys.argv[1:]], one_input)
    atheris.Fuzz()
