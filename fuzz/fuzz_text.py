"""Fuzz the fold over text, with stops and tags: ``python -m fuzz.fuzz_text [libFuzzer's options] [corpus]``.

An input is a line for each stop, a blank line, the text. The invariant, for any of it: the text ends before the first
stop to end (a search from the start says where that is), or it is all there; what is handed on adds up to it; at no
moment is more held back than may still become a stop; the same under other cuts; only the tags are lost of a text with
reasoning in it; linear time.
"""

import sys
import warnings

import atheris

with atheris.instrument_imports(include=["streamfold"], enable_loader_override=False):
    from fuzz import text_invariant
from fuzz import wires


def one_input(data: bytes) -> None:
    """Check one input."""
    head, _, text = data.decode("utf-8", "replace").partition("\n\n")
    text_invariant.check_stops(text, [stop for stop in head.split("\n") if stop])
    text_invariant.check_tags(text)


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of a stop that can never win
    seeds = ",".join(map(str, wires.seeds("text", "txt")))
    options = ["-max_len=1024", "-len_control=0", f"-seed_inputs={seeds}", "-timeout=20"]
    atheris.Setup([sys.argv[0], *options, *sys.argv[1:]], one_input)
    atheris.Fuzz()
