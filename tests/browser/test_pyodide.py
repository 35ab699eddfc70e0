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
    "tests/folding/test_folding.py",
    "tests/test_drivers.py",
    "tests/framing/test_sse.py",
)
NOT_IN_A_BROWSER = (
    "can't start new thread",
    "emscripten does not support processes",
    "'types.SimpleNamespace' object has no attribute",  # of trio: its tests run on asyncio there, and not all can
    "graphemes=True needs",  # the extra's package is not among the wheels
)
"""Why a test may fail in Pyodide; any other failure is one."""
MOST = 0.95


def collected() -> set[str]:
    """Return the names of the tests in `FILES`, as pytest here finds them."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "--no-header", *FILES]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    return {nameless(line) for line in done.stdout.splitlines() if "::" in line}


def nameless(test: str) -> str:
    """Return the name of a test without the addresses of objects in it."""
    return re.sub("0x[0-9a-f]+", "0x", test)


def test_own_tests_have_the_same_outcomes(in_pyodide: Callable[..., Any]) -> None:
    outcomes = in_pyodide("own_tests.py", *FILES, seconds=800)
    assert {nameless(test) for test in outcomes} == collected()
    failed = {name: why for name, why in outcomes.items() if why != "passed"}
    assert {name: why for name, why in failed.items() if not any(part in why for part in NOT_IN_A_BROWSER)} == {}
    assert len(failed) < (1 - MOST) * len(outcomes)


def test_every_kind_of_source(in_pyodide: Callable[..., Any]) -> None:
    assert in_pyodide("smoke.py") == {
        "contract": {"text": "ab", "n_tokens": 2, "stopped": True},
        "async contract": {"text": "ab", "n_tokens": 2, "stopped": True},
        "text": ["The capital", "stopped"],
        "bytes": ["żółć", "complete", "openai_chat"],
        "objects": ["Hi", "complete"],
        "events": ["TextDelta", "TextDelta", "StreamEnd"],
        "loaded": [],
    }
