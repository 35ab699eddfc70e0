"""Clients in JavaScript against the relay: the AI SDK's chat, OpenAI's client, an ``EventSource``."""

import subprocess
from collections.abc import Iterator

import pytest
from tests.relay.npm import HERE, package
from tests.relay.serving import serving
from tests.relay.test_generations import begin
from tests.relay.upstream import upstream

from streamfold.relay.engines import EngineSpec


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    store = str(tmp_path_factory.mktemp("javascript") / "streams.db")
    with upstream() as source, serving(store, engines=[EngineSpec("openai", "m", source.url)]) as url:
        yield url


def run(script: str, *arguments: object) -> None:
    done = subprocess.run(["node", HERE / script, *map(str, arguments)], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr


@pytest.mark.timeout(120)
def test_the_chat_of_the_ai_sdk(relay: str) -> None:
    run("ui_chat.mjs", package("ai"), relay)


@pytest.mark.timeout(120)
def test_openai(relay: str) -> None:
    run("openai_client.mjs", package("openai", "index.mjs"), relay)


@pytest.mark.timeout(120)
def test_event_source(relay: str) -> None:
    run("event_source.mjs", package("eventsource"), f"{begin(relay, 'say 200 pause 0.005')}/events", 200)
