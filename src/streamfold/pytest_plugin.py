"""The pytest plugin: a fixture that records on first use and replays after, so that tests need no model.

It is loaded by every run of pytest where streamfold is installed, so it imports nothing until the fixture is used.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .recordings.cassette import Cassette

MODES = ("once", "none", "all")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    group = parser.getgroup("streamfold")
    group.addoption(
        "--streamfold-record",
        choices=MODES,
        default="once",
        help="record the streams of the fixture streamfold_recording: once (what has no recording yet; the default), "
        "none (never: a missing recording fails the test), all (everything anew)",
    )


@pytest.fixture
def streamfold_recording(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Cassette:
    """Record what the test streams on first use, and replay it after.

    Requests of `fold`, `stream`, `afold` and `astream` need nothing else. Any other source is given through the
    fixture, which calls for it only if there is no recording::

        reply = fold(streamfold_recording(lambda: client.chat.completions.create(..., stream=True)))

    The recordings lie in ``recordings/<module>/<test>.stream`` beside the test's file.
    """
    from .network import transports
    from .recordings.cassette import AsyncCassetteTransport, Cassette, CassetteTransport

    name = re.sub(r"[^\w.-]+", "_", request.node.name).strip("_")
    path = request.path.parent / "recordings" / request.path.stem / name
    mode: Any = request.config.getoption("--streamfold-record")
    cassette = Cassette(path, mode, _fail)
    sync_for, async_for = transports.transport_for, transports.async_transport_for

    def transport_for(client: Any) -> CassetteTransport:
        return CassetteTransport(cassette, lambda: sync_for(client))

    def async_transport_for(client: Any) -> AsyncCassetteTransport:
        return AsyncCassetteTransport(cassette, lambda: async_for(client))

    monkeypatch.setattr(transports, "transport_for", transport_for)
    monkeypatch.setattr(transports, "async_transport_for", async_transport_for)
    return cassette


def _fail(sentence: str) -> Any:
    pytest.fail(sentence, pytrace=False)
