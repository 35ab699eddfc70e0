"""The command ``serve``: what it says, what it refuses, and that it ends when it is asked to."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.relay.test_generations import begin, call, events, said, text_of
from tests.relay.upstream import upstream

SECRET = "sk-a-key-that-nobody-may-see"


def command(*arguments: object, token: str | None = None, **options):
    names = {name: value for name, value in os.environ.items() if name != "STREAMFOLD_TOKEN"}
    environment = names | {"OPENAI_API_KEY": SECRET} | ({"STREAMFOLD_TOKEN": token} if token else {})
    line = [sys.executable, "-m", "streamfold", "serve", *map(str, arguments)]
    return subprocess.Popen(line, stderr=subprocess.PIPE, text=True, env=environment, **options)


@contextmanager
def serve(*arguments: object, **options) -> Iterator[tuple[subprocess.Popen, str]]:
    process = command("--port", 0, *arguments, **options)
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        assert " at http://" in line, line
        url = line.split(" at ")[1].split(" (")[0]
        until_it_answers(url)
        yield process, url
    finally:
        process.terminate()  # not killed: its workers would stay
        process.wait(50)
        process.stderr.close()


def until_it_answers(url: str) -> None:
    while True:
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=30):
                return
        except OSError:
            time.sleep(0.05)


def refused(*arguments: object, **options) -> tuple[int, str]:
    process = command(*arguments, **options)
    _, said = process.communicate(timeout=50)
    return process.returncode, said


@pytest.mark.timeout(120)
@pytest.mark.parametrize("workers", [1, 2])
def test_it_serves_counts_logs_and_ends(tmp_path: Path, workers: int) -> None:
    with upstream() as source:
        options = ["--store", f"sqlite:{tmp_path}/s.db", "--engine", f"openai={source.url}", "--model", "m"]
        with serve(*options, "--workers", workers) as (process, url):
            assert text_of(events(begin(url, "say 3"))) == said(3)
            running = begin(url, "say 4000 pause 0.01")
            events(running, most=3)
            with urllib.request.urlopen(f"{url}/metrics", timeout=30) as response:
                counts = response.read().decode()
            assert 'streamfold_generations_total{engine="openai",verdict="complete"} 1.0' in counts
            assert "streamfold_first_content_seconds_bucket" in counts
            process.send_signal(signal.SIGINT)
            assert process.stderr is not None
            logs = process.stderr.read()
            assert process.wait(50) == 0
    lines = [json.loads(line) for line in logs.splitlines()]
    ended = {line["verdict"] for line in lines if line["event"] == "generation"}
    assert ended == {"complete", "truncated"}
    asked = next(line for line in lines if line["event"] == "request" and line["path"] == "/generations")
    assert (asked["method"], asked["status"]) == ("POST", 201)
    for secret in (SECRET, "say 3", "t1 "):
        assert secret not in logs
    assert {line["level"] for line in lines} == {"info"}


@pytest.mark.timeout(120)
def test_a_worker_that_is_killed_is_replaced(tmp_path: Path) -> None:
    with upstream() as source:
        options = ["--store", f"sqlite:{tmp_path}/s.db", "--engine", f"openai={source.url}", "--model", "m"]
        with serve(*options, "--workers", 2) as (process, url):
            for child in children(process.pid):
                os.kill(child, signal.SIGKILL)
            until_it_answers(url)
            assert text_of(events(begin(url, "say 3"))) == said(3)


def children(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid), "-f", "spawn_main"], capture_output=True, text=True, check=True)
    return [int(line) for line in found.stdout.split()]


@pytest.mark.timeout(120)
def test_others_are_let_in_with_a_token_alone(tmp_path: Path) -> None:
    store = ["--store", tmp_path / "s.db", "--engine", "ollama"]
    status, said = refused("--host", "0.0.0.0", "--port", 0, *store)
    assert status == 2
    assert "--token" in said
    with serve("--host", "0.0.0.0", *store, token="t") as (_, url):
        url = url.replace("0.0.0.0", "127.0.0.1")
        assert call(f"{url}/engines")[0] == 401
        status, answer = call(f"{url}/engines", Authorization="Bearer t")
        assert (status, answer["engines"]) == (200, [{"name": "ollama", "model": None}])


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--engine", "nobody"], 2, "no engine is called 'nobody'; there are local, openai"),
        (["--engine", "local=http://127.0.0.1:1"], 2, "has no address"),
        (["--engine", "local", "--model", "/nowhere.gguf"], 1, "no model at /nowhere.gguf"),
        (["--engine", "openai=ftp://x"], 2, "expected http:// or https://"),
        (["--engine", "openai", "--engine", "openai"], 2, "given twice"),
        (["--engine", "openai", "--store", "sqlite:///nowhere/at/all.db"], 1, "unable to open database file"),
        (["--engine", "openai", "--workers", "0"], 2, "expected 1 or more"),
        (["--engine", "openai", "--vendor", "/nowhere"], 2, "--vendor /nowhere is not a folder"),
        (["--engine", "openai", "--webhook", "http://worker.example"], 2, "http://worker.example"),
    ],
)
def test_what_cannot_be_meant(arguments: list[str], status: int, said: str) -> None:
    found = refused(*arguments, "--port", 0)
    assert (found[0], said in found[1]) == (status, True), found
