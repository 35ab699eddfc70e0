"""The page in a real Chromium, on a relay whose engine says what the test tells it to."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.conftest import missing
from tests.page.scripted import Scripted, scripted
from tests.relay.serving import serving

from streamfold.relay import static
from streamfold.relay.engines import EngineSpec

HERE = Path(__file__).parent
PAGE = static.CHAT.path
NPM = HERE.parents[1] / ".cache" / "page" / "node_modules"


def npm(path: str) -> Path:
    """Return a file of an installed package; skip the test, or fail it, where there is none."""
    if shutil.which("node") is None or not (NPM / path).exists():
        missing(f"node and {path}; `make .cache/page/installed` installs the packages of tests/page/package.json")
    return NPM / path


@pytest.fixture
def engine() -> Iterator[Scripted]:
    with scripted() as engine:
        yield engine


@pytest.fixture
def relay(engine: Scripted, tmp_path: Path) -> Iterator[str]:
    spec = EngineSpec("llama.cpp", "scripted", engine.server.url)
    with serving(str(tmp_path / "relay.db"), engines=[spec]) as url:
        yield url


@pytest.fixture
def visit(browser, relay) -> Iterator[Callable]:
    """Open a page in a browser profile of its own; a function. What it asks for and complains of is collected.

    It is gone before the relay is, which would wait for its readers.
    """
    contexts = []

    def opened(url, context=None, **settings):
        if context is None:
            context = browser.new_context(**settings)
            context.set_default_timeout(20_000)
            contexts.append(context)
        tab = context.new_page()
        tab.asked, tab.complaints = [], []
        tab.on("request", lambda request: tab.asked.append(request.url))
        tab.on("console", lambda message: tab.complaints.append(message.text))
        tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
        tab.goto(url)
        return tab

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def tab(visit, relay):
    """The page, ready for a first message."""
    tab = visit(relay)
    tab.get_by_role("heading", name="Ask, and watch it answer.").wait_for()
    return tab
