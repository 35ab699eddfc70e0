"""A process that generates is killed, or asked to end: its streams end as what they are, for all readers."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.relay.test_generations import begin, call, events, said, text_of
from tests.relay.upstream import upstream

LEASE = 2.0
READERS = 12


@contextmanager
def node(store_url: str, source: str, lease: float = LEASE) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "tests.relay.generating_node", store_url, source, str(lease)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Reader(threading.Thread):
    """Reads a generation to its end."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.found: list[tuple[int, dict]] = []

    def run(self) -> None:
        self.found = events(self.url)


@pytest.mark.timeout(120)
def test_a_killed_node_leaves_truncated_streams_and_readers_elsewhere_go_on(store_url: str) -> None:
    with upstream() as source, node(store_url, source.url) as (dying, one), node(store_url, source.url) as (_, other):
        urls = [begin(one, "say 4000 pause 0.005") for _ in range(READERS)]
        readers = [Reader(url.replace(one, other)) for url in urls]
        for reader in readers:
            reader.start()
        seen = [len(events(url, most=20)) for url in urls]
        time.sleep(0.37)
        dying.kill()
        for reader in readers:
            reader.join(60)
        for reader, least in zip(readers, seen, strict=True):
            assert [number for number, _ in reader.found] == list(range(1, len(reader.found) + 1))
            assert len(reader.found) > least
            text = text_of(reader.found)
            assert text == said(text.count("t"))
            assert reader.found[-1][1]["verdict"] == "truncated"
            assert reader.found[-1][1]["error"]["type"] == "producer_lost"
            status, answer = call(reader.url)
            assert (status, answer["status"], answer["reply"]["text"]) == (200, "truncated", text)


@pytest.mark.timeout(120)
def test_a_node_that_is_asked_to_end_says_so_to_its_readers(store_url: str) -> None:
    """At once, with all that came; it does not wait for readers, and the lease is not what ends the stream."""
    with upstream() as source, node(store_url, source.url, lease=1000) as (ending, url):
        generations = [begin(url, "say 4000 pause 0.01") for _ in range(3)]
        readers = [Reader(generation) for generation in generations * 2]
        for reader in readers:
            reader.start()
        for generation in generations:
            events(generation, most=5)
        ending.terminate()
        for reader in readers:
            reader.join(60)
        ending.wait(60)
        for reader in readers:
            assert text_of(reader.found).startswith(said(3))
            assert reader.found[-1][1]["verdict"] == "truncated"
            assert reader.found[-1][1]["error"] == {"type": "shutdown", "message": "the relay was shut down"}
        assert source.left.wait(30)


@pytest.mark.timeout(120)
def test_a_wish_to_stop_reaches_the_node_that_generates(store_url: str) -> None:
    with upstream() as source, node(store_url, source.url) as (_, one), node(store_url, source.url) as (_, other):
        url = begin(one, "say 4000 pause 0.01")
        events(url, most=5)
        assert call(f"{url.replace(one, other)}/cancel", {})[0] == 200
        assert events(url.replace(one, other))[-1][1]["verdict"] == "cancelled"
        assert source.left.wait(30)
