"""Where the programs of npm lie that tests of the relay need."""

import shutil
from pathlib import Path

from tests.conftest import missing

HERE = Path(__file__).parent
PACKAGES = HERE.parents[1] / ".cache" / "relay" / "node_modules"


def package(name: str, main: str = "dist/index.js") -> Path:
    """Return the main module of an installed package; skip the test, or fail it, where there is none."""
    module = PACKAGES / name / main
    if shutil.which("node") is None or not module.exists():
        missing(f"node and {name}; `make .cache/relay/installed` installs the packages of tests/relay/package.json")
    return module
