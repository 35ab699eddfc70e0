"""Several nodes on one store, and one of them is killed: readers go on, wherever they were."""

import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

import pytest
from tests.relay.node import TOKENS


@contextmanager
def node(store_url: str, *generations: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "tests.relay.node", store_url, *generations]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Reader(threading.Thread):
    """Follows a generation over server-sent events; when its node is gone, it goes on at the next one."""

    def __init__(self, path: str, nodes: list[str]) -> None:
        super().__init__(daemon=True)
        self.records: list[object] = []
        self.moved = 0
        self._path = path
        self._nodes = nodes
        self._offset = "-1"

    def run(self) -> None:
        for url in self._nodes:
            try:
                if self._read(url):
                    return
            except (OSError, HTTPException):
                self.moved += 1

    def _read(self, url: str) -> bool:
        """Read to the end of the stream, or of the connection; return which."""
        name, pending = "", []
        with urllib.request.urlopen(f"{url}/v1/stream/{self._path}?offset={self._offset}&live=sse", timeout=30) as body:
            for line in body:
                key, _, value = line.decode().strip().partition(":")
                if key == "event":
                    name = value.strip()
                elif key == "data" and name == "data":
                    pending = json.loads(value)
                elif key == "data":
                    control = json.loads(value)
                    self._offset = control["streamNextOffset"]
                    self.records += pending
                    pending = []
                    if control.get("streamClosed"):
                        return True
        raise ConnectionError("the node has hung up")


def reading(path: str, nodes: list[str]) -> Reader:
    reader = Reader(path, nodes)
    reader.start()
    return reader


@pytest.mark.timeout(180)
def test_one_of_two_nodes_is_killed(store_url: str) -> None:
    """Its generations end as truncated, the other's as done; its readers go on at the other without gap or repeat."""
    with node(store_url, "generations/lost") as (doomed, doomed_url), node(store_url, "generations/kept") as (_, url):
        wait_for_start(url, "generations/lost", "generations/kept")
        readers = {
            (path, home): reading(f"generations/{path}", nodes)
            for path in ("lost", "kept")
            for home, nodes in {"doomed": [doomed_url, url], "other": [url]}.items()
        }
        while min(len(reader.records) for reader in readers.values()) < 50:
            assert all(reader.is_alive() for reader in readers.values())
            time.sleep(0.02)
        doomed.kill()
        for (path, home), reader in readers.items():
            reader.join(60)
            assert not reader.is_alive(), (path, home)
            assert reader.moved == (home == "doomed")
            *tokens, end = reader.records
            assert tokens == list(range(1, len(tokens) + 1)), (path, home)
            assert end["verdict"] == ("truncated" if path == "lost" else "complete")
            assert len(tokens) == TOKENS or path == "lost"
    assert len({len(readers["lost", home].records) for home in ("doomed", "other")}) == 1


def wait_for_start(url: str, *paths: str) -> None:
    for path in paths:
        while True:
            try:
                urllib.request.urlopen(f"{url}/v1/stream/{path}", timeout=30).close()
                break
            except urllib.error.HTTPError as error:
                error.close()
                if error.code != 404:
                    raise
                time.sleep(0.02)
