"""What the documents show is run as it stands, in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import streamfold

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "add-a-dialect.md").read_text("utf-8")
NAMED_BLOCK = re.compile(r"`([\w/]+\.\w+)`[^`]*?\n\n```\w+\n(.*?)```", re.DOTALL)
TABLE = "src/streamfold/dialects/__init__.py"


@pytest.fixture
def project(tmp_path):
    """Return a copy of the project to which the page has been applied."""
    no_caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(streamfold.__file__).parent, tmp_path / "src" / "streamfold", ignore=no_caches)
    for name in ("tests", "fuzz"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=no_caches)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    blocks = dict(NAMED_BLOCK.findall(PAGE))
    line = blocks.pop(TABLE)
    table = tmp_path / TABLE
    table.write_text(table.read_text("utf-8").replace("\n}\n", f"\n{line}}}\n", 1), "utf-8")
    assert len(blocks) == 3
    for name, block in blocks.items():
        assert not (tmp_path / name).exists()
        (tmp_path / name).write_text(block, "utf-8")
    return tmp_path


def run(project, *command):
    environment = os.environ | {"PYTHONPATH": str(project / "src")}
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=50)


def test_page_on_adding_a_dialect(project):
    tests = ("tests/dialects/test_acme_chat.py", "tests/dialects/test_table.py", "tests/test_fuzz.py")
    done = run(
        project, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "acme or everything", *tests
    )
    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed
    assert int(passed[1]) >= 14


def test_page_tells_a_command_that_works(project):
    done = run(project, sys.executable, "-m", "streamfold", "fold", "--json", "fuzz/seeds/acme_chat.sse")
    assert done.returncode == 0, done.stderr
    assert '"text": "Hello"' in done.stdout


def test_page_on_many_readers():
    block = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "fan-out.md").read_text("utf-8"), re.DOTALL)
    assert block
    done = subprocess.run([sys.executable, "-c", block[1]], capture_output=True, text=True, timeout=30)
    assert (done.stdout, done.stderr) == ("One two three", "")
