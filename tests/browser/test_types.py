"""The JavaScript of the pages and of these tests, checked by TypeScript through its JSDoc types."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from .conftest import HERE, missing


@pytest.mark.timeout(180)
def test_types(npm: Path) -> None:
    if shutil.which("node") is None:
        missing("node")
    command = ["node", npm / "typescript" / "bin" / "tsc", "--project", HERE / "jsconfig.json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=170)
    assert done.stdout == ""
    assert done.returncode == 0
