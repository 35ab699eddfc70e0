"""The wheel in Pyodide, the browser's Python: the project's own tests have the same outcomes there as here."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import REPOSITORY

pytestmark = pytest.mark.timeout(900)

FILES = (
    "tests/test_contract.py",
    "tests/test_stops.py",
    "tests/test_tags.py",
    "tests/test_folding.py",
    "tests/test_drivers.py",
    "tests/framing/test_sse.py",
)
NOT_IN_A_BROWSER = {
    r"\btrio\b": "trio has no browser's loop",
    r"thread|queue|Hanging|daemon": "no threads",
}


def collected() -> set[str]:
    """Return the names of the tests in `FILES`, as pytest here finds them."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "--no-header", *FILES]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    return {line for line in done.stdout.splitlines() if "::" in line}


def test_own_tests_have_the_same_outcomes(in_pyodide: Callable[..., Any]) -> None:
    outcomes = in_pyodide("own_tests.py", *FILES)
    assert set(outcomes) == collected()
    failed = {name: why for name, why in outcomes.items() if why != "passed"}
    unexpected = {name: why for name, why in failed.items() if not any(re.search(p, name) for p in NOT_IN_A_BROWSER)}
    assert not unexpected
