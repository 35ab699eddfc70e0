"""What the browser's tests need: the npm packages, the wheels for Pyodide, a Chromium that reaches nothing outside."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ..conftest import missing

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
CACHE = REPOSITORY / ".cache" / "browser"
WHEELS = CACHE / "wheels"


@pytest.fixture(scope="session")
def npm() -> Path:
    """Return the folder of the npm packages."""
    if not (CACHE / "node_modules" / "pyodide").is_dir():
        missing("the npm packages for the browser; `make .cache/browser/ready` installs them")
    return CACHE / "node_modules"


@pytest.fixture(scope="session")
def in_pyodide(npm: Path) -> Callable[..., Any]:
    """Return what runs a Python file of this folder in Pyodide under Node, and returns its ``result``."""
    node = shutil.which("node")
    if node is None:
        missing("node")

    def run(file: str, *arguments: str, seconds: float = 600) -> Any:
        # The stack is for pytest, which recurses deeper than Node's default allows WebAssembly.
        command = [node, "--stack-size=5000", HERE / "in_pyodide.mjs", npm, WHEELS, REPOSITORY, HERE / file, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return json.loads(done.stdout.splitlines()[-1])

    return run
