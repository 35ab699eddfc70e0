"""The pytest plugin: a test records on first use and replays after, without a network."""

import subprocess
import sys

import pytest

from streamfold.recordings import Recording

from .serving.server import serving
from .serving.steps import says
from .test_cli import WHOLE

pytest_plugins = ["pytester"]

REQUESTS = """
import asyncio
import streamfold

ASK = streamfold.Request("{url}/v1/chat/completions?key=SECRET", json={{"model": "m", "messages": ["SECRET"]}},
                         headers={{"Authorization": "Bearer SECRET"}})

def test_sync(streamfold_recording):
    reply = streamfold.fold(ASK, stop="<END>")
    assert (reply.text, reply.verdict) == ("Hello wor", "stopped")

def test_async(streamfold_recording):
    reply = asyncio.run(streamfold.afold(ASK))
    assert (reply.text, reply.verdict) == ("Hello wor<END>ld", "complete")

def test_two(streamfold_recording):
    assert streamfold.fold(ASK).text == streamfold.fold(ASK).text == "Hello wor<END>ld"
"""

OTHERS = """
import asyncio
import streamfold

def chunks():
    with open("called", "a") as file:
        file.write("x")
    yield from ["Hel", "lo"]

async def achunks():
    with open("called", "a") as file:
        file.write("x")
    for text in ["Hel", "lo"]:
        yield {"choices": [{"index": 0, "delta": {"content": text}}]}

def test_text(streamfold_recording):
    assert streamfold.fold(streamfold_recording(chunks)).text == "Hello"

def test_objects(streamfold_recording):
    assert asyncio.run(streamfold.afold(streamfold_recording(achunks))).text == "Hello"
"""


@pytest.fixture
def run(pytester, request):
    """Run pytest with the plugin, in a process of its own: the outcomes, and what it printed."""
    source = next(path for path in sys.path if path.endswith(("src", "site-packages")) and installed_in(path))

    def runner(*arguments):
        loaded = [] if entry_point_is_there() else ["-p", "streamfold.pytest_plugin"]
        command = [sys.executable, "-m", "pytest", "-q", "-W", "error", *loaded, *arguments]
        environment = {"PYTHONPATH": source, "PATH": "/usr/bin:/bin"}
        done = subprocess.run(command, cwd=pytester.path, capture_output=True, text=True, timeout=50, env=environment)
        return done.returncode, done.stdout + done.stderr

    return runner


def installed_in(path):
    from pathlib import Path

    return (Path(path) / "streamfold" / "__init__.py").exists()


def entry_point_is_there():
    from importlib.metadata import entry_points

    return any(one.value == "streamfold.pytest_plugin" for one in entry_points(group="pytest11"))


def recordings(pytester):
    return sorted(path.name for path in pytester.path.rglob("*.stream"))


def test_requests_are_recorded_once_and_replayed_without_a_server(pytester, run):
    with serving(says(WHOLE)) as server:
        pytester.makepyfile(test_it=REQUESTS.format(url=server.url))
        assert run("--streamfold-record=none")[0] == 1, "there is nothing to replay yet"
        code, said = run()
        assert code == 0, said
    assert recordings(pytester) == ["test_async.stream", "test_sync.stream", "test_two-2.stream", "test_two.stream"]
    for mode in ("once", "none"):  # the server is gone
        code, said = run(f"--streamfold-record={mode}")
        assert code == 0, said
    code, said = run("--streamfold-record=all")
    assert code == 1, said


def test_no_secret_is_in_a_recording(pytester, run):
    with serving(says(WHOLE)) as server:
        pytester.makepyfile(test_it=REQUESTS.format(url=server.url))
        assert run()[0] == 0
    for path in pytester.path.rglob("*.stream"):
        assert b"SECRET" not in path.read_bytes()
        assert Recording.open(path).last.request["parameters"] == {"model": "m"}


def test_another_request_fails_with_what_to_do(pytester, run):
    with serving(says(WHOLE)) as server:
        pytester.makepyfile(test_it=REQUESTS.format(url=server.url))
        assert run()[0] == 0
        pytester.makepyfile(test_it=REQUESTS.format(url=server.url).replace('"model": "m"', '"model": "other"'))
        code, said = run()
        assert code == 1
        assert "is of another request" in said
        assert "--streamfold-record=all" in said
        assert run("--streamfold-record=all")[0] == 0


def test_a_missing_recording_says_so(pytester, run):
    pytester.makepyfile(test_it=REQUESTS.format(url="http://127.0.0.1:1"))
    code, said = run("--streamfold-record=none", "-k", "sync")
    assert code == 1
    assert "there is no recording at" in said


def test_any_other_source_is_made_only_if_there_is_no_recording(pytester, run):
    pytester.makepyfile(test_it=OTHERS)
    for _ in range(2):
        code, said = run()
        assert code == 0, said
    assert (pytester.path / "called").read_text() == "xx"
