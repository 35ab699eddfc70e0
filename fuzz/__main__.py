"""Run every target for a bounded time, from the project's own seeds: ``python -m fuzz [TARGET ...]``.

``FUZZ_SECONDS`` is the time for each target (default 1). What a target finds is printed, and kept in ``.cache/fuzz``;
``python -m fuzz.fuzz_wire NAME FILE`` runs it again. A run starts from the same random seed, so that it says something
about the change at hand; ``FUZZ_SEED=0`` draws another, to look for what was never seen.
"""

import os
import re
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from subprocess import PIPE, STDOUT

from streamfold.dialects import DIALECTS
from streamfold.framing import FRAMINGS

ROOT = Path(__file__).parents[1]
FOUND = ROOT / ".cache" / "fuzz"
OF_TEXT = {"text": "fuzz.fuzz_text", "terminal": "fuzz.fuzz_terminal"}
TARGETS = [*OF_TEXT, *FRAMINGS, *DIALECTS]
GRACE_SECONDS = 60


def main(names: list[str]) -> int:
    """Run the targets called `names`, or all; return the exit status."""
    if find_spec("atheris") is None:
        print("missing: atheris, which has wheels for Linux and Python 3.11 to 3.13")
        return int(os.environ.get("STREAMFOLD_REQUIRE_ALL") == "1")
    FOUND.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    names = names or TARGETS
    failed = [name for name in names if not run(name)]
    seconds = time.monotonic() - started
    print(f"{len(names)} targets in {seconds:.0f} s, failed: {', '.join(failed) or 'none'}")
    return int(bool(failed))


def run(name: str) -> bool:
    """Run one target; return whether all went well."""
    seconds, seed = (os.environ.get(*default) for default in (("FUZZ_SECONDS", "1"), ("FUZZ_SEED", "1")))
    target = [OF_TEXT[name]] if name in OF_TEXT else ["fuzz.fuzz_wire", name]
    options = [f"-max_total_time={seconds}", f"-seed={seed}", f"-artifact_prefix={FOUND}/{name}-"]
    command = [sys.executable, "-W", "error", "-m", *target, *options]
    done = subprocess.run(command, cwd=ROOT, stdout=PIPE, stderr=STDOUT, timeout=float(seconds) + GRACE_SECONDS)
    told = done.stdout.decode("utf-8", "replace")
    runs = re.search(r"^Done (\d+) runs", told, re.MULTILINE)
    if done.returncode == 0 and runs:
        print(f"{name:24}{int(runs[1]):>8,} runs", flush=True)
        return True
    print(f"{name:24}FAILED\n{_last_words(told)}", flush=True)
    return False


def _last_words(told: str) -> str:
    """Return what the target said of its failure, without the progress before it and the input in hex."""
    lines = told.splitlines()
    start = next((at for at, line in enumerate(lines) if "Uncaught Python exception" in line or "ERROR" in line), -20)
    return "\n".join(line[:2_000] for line in lines[start:] if not line.startswith("0x"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
