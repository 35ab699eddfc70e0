"""The page's pure parts, by node's own test runner; its types, by TypeScript; the size of its files."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.conftest import missing
from tests.page.conftest import HERE, PAGE, npm
from tests.test_layout import HARD_CAP


@pytest.mark.timeout(180)
def test_the_pure_parts(shared):
    if shutil.which("node") is None:
        missing("node")
    where = {"CASES": str(shared / "cases"), "PAGE": str(PAGE)}
    command = ["node", "--test", "--test-reporter=tap", str(HERE / "core.test.mjs")]
    done = subprocess.run(command, env=os.environ | where, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    assert "# fail 0" in done.stdout


@pytest.mark.timeout(180)
def test_types():
    command = ["node", npm("typescript/bin/tsc"), "--project", HERE / "jsconfig.json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=170)
    assert (done.stdout, done.returncode) == ("", 0)


@pytest.mark.parametrize("path", sorted(PAGE.iterdir()), ids=lambda path: path.name)
def test_a_file_is_one_concept(path: Path):
    assert len(path.read_text("utf-8").splitlines()) <= HARD_CAP
