"""The commands for recordings: each takes a recording and raw bytes, and says what is wrong in one sentence."""

import json
import re
import signal
import subprocess
import sys
import time

import httpx
import pytest

from streamfold import Recording, fold
from streamfold.encoders import ENCODERS

from ..terminal.screen import terminal
from ..test_cli import END, ERROR, MORE, REST, START, WHOLE, run, start
from .made import made

READS = ((0.2, START), (0.3, MORE), (0.4, REST), (0.5, END))


@pytest.fixture
def files(tmp_path):
    """Return the paths of a recording, of the same stream as raw bytes, and of one that broke off."""
    contents = {
        "whole.stream": made(*READS, end={"reading": "exhausted"}),
        "whole.sse": WHOLE,
        "cut.stream": made(*READS[:2]),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return {name: str(tmp_path / name) for name in contents}


@pytest.mark.parametrize("name", ["whole.stream", "whole.sse"])
@pytest.mark.parametrize("command", ["fold", "replay"])
def test_a_recording_and_raw_bytes_show_the_same_text(files, command, name):
    done = run(command, files[name], "--stop", "<END>")
    assert (done.stdout, done.returncode) == (b"Hello wor", 0), done.stderr


def test_replay_takes_as_long_as_the_stream_did(files):
    started = time.monotonic()
    assert run("replay", files["whole.stream"], "--speed", "0.25").returncode == 0
    slow = time.monotonic() - started
    started = time.monotonic()
    assert run("replay", files["whole.stream"], "--at-once").returncode == 0
    assert slow > 2.0  # seconds: a stream of half a second, four times as slow
    assert time.monotonic() - started < slow


def test_replay_spoils_a_stream(files):
    done = run("replay", files["whole.stream"], "--cut-at", str(len(START + MORE)), "--chunking", "bytes")
    assert (done.stdout, done.returncode) == (b"Hello wor<E", 1)
    assert b"truncated" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        *(["--speed", "0"], ["--speed", "-1"], ["--cut-at", "x"], ["--chunking", "0"], ["--serve", "--to", "nonsense"]),
        *(["--to", "gemini"], ["--port", "8000"], ["--serve", "--port", "65536"], ["--serve", "--port", "-1"]),
    ],
    ids=" ".join,
)
def test_replay_refuses_what_cannot_be_meant(files, arguments):
    done = run("replay", files["whole.stream"], *arguments)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)


@pytest.mark.parametrize("command", ["replay", "inspect", "convert", "fold"])
def test_a_missing_file_is_bad_usage(command):
    done = run(command, "no/such/file")
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)


def test_replay_serves_until_ctrl_c(files):
    with start("replay", files["whole.stream"], "--serve", "--at-once", "--to", "ollama_chat") as process:
        said = process.stderr.readline().decode()
        url = re.search(r"http://\S+(?=,)", said)[0]
        lines = [json.loads(line) for line in httpx.post(f"{url}/api/chat", json={}).text.splitlines()]
        assert "".join(line["message"]["content"] for line in lines) == "Hello wor<END>ld"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, b"")


def test_convert(files, tmp_path):
    assert run("convert", files["whole.stream"]).stdout == WHOLE
    out = str(tmp_path / "out")
    for source in ("whole.stream", "whole.sse"):
        for options in ([], ["--recording"]):
            done = run("convert", files[source], "--to", "anthropic_messages", "-o", out, *options)
            assert (done.returncode, done.stdout) == (0, b""), done.stderr
            folded = json.loads(run("fold", out, "--json").stdout)
            assert (folded["text"], folded["dialect"]) == ("Hello wor<END>ld", "anthropic_messages")
    told = json.loads(run("inspect", out, "--json").stdout)
    assert told["response"]["content_type"] == "text/event-stream"


@pytest.mark.parametrize("name", ENCODERS)
def test_what_was_converted_is_no_longer_what_its_reader_named(tmp_path, name):
    source, out = str(tmp_path / "mistral.stream"), str(tmp_path / "out.stream")
    request = {"method": "POST", "url": "https://api.example.org", "dialect": "mistral_chat"}
    named = {"dialect": "mistral_chat", "content_type": "text/event-stream"}
    (tmp_path / "mistral.stream").write_bytes(made(*READS, end={"reading": "exhausted"}, request=request, **named))
    assert run("convert", source, "--to", name, "--recording", "-o", out).returncode == 0
    reply = fold(Recording.open(out))
    assert (reply.text, reply.verdict, reply.dialect) == ("Hello wor<END>ld", "complete", name)


def test_every_command_reads_a_recording_as_its_reader_did(tmp_path):
    path = tmp_path / "completions.stream"
    path.write_bytes(made(*READS, dialect="openai_completions"))
    for command in (["fold"], ["replay", "--at-once"], ["replay", "--at-once", "--cut-at", "90%"], ["inspect"]):
        told = json.loads(run(*command, str(path), "--json").stdout)
        assert told.get("reply", told)["dialect"] == "openai_completions", command
    told = json.loads(run("fold", str(path), "--json", "--dialect", "openai_chat").stdout)
    assert told["dialect"] == "openai_chat"


def test_convert_keeps_the_timing(files, tmp_path):
    out = str(tmp_path / "out.stream")
    run("convert", files["whole.stream"], "--to", "gemini", "--recording", "-o", out)
    before, after = (json.loads(run("inspect", path, "--json").stdout) for path in (files["whole.stream"], out))
    assert after["timing"] == before["timing"]
    assert after["gaps"] == before["gaps"]
    assert after["request"] == before["request"]


def test_inspect(files, tmp_path):
    for name in ("whole.stream", "whole.sse", "cut.stream"):
        for options in ([], ["--json"], ["--html", str(tmp_path / "page.html")]):
            done = run("inspect", files[name], *options)
            assert (done.returncode, done.stderr) == (0, b""), (name, options)
    shown = run("inspect", files["whole.stream"]).stdout.decode()
    for words in ("complete", "first content", "200 ms", "POST https://api.example.org/v1/chat/completions"):
        assert words in shown
    assert "truncated" in run("inspect", files["cut.stream"]).stdout.decode()
    assert "Hello" in (tmp_path / "page.html").read_text("utf-8")


def test_diff(files, tmp_path):
    same = run("diff", files["whole.stream"], files["whole.sse"])
    assert (same.returncode, b"they say the same" in same.stdout) == (0, True)
    other = run("diff", files["whole.stream"], files["cut.stream"])
    assert other.returncode == 1
    assert b"truncated" in other.stdout
    (tmp_path / "error.sse").write_bytes(START + ERROR)
    assert b"overloaded" in run("diff", files["whole.stream"], str(tmp_path / "error.sse")).stdout


EVIL = "\x1b[2J\x9b31m\u202e"
CALL = {"index": 0, "id": "c", "function": {"name": "f" + EVIL, "arguments": '{"a' + EVIL}}
CHUNKS = [
    {"model": "m" + EVIL, "choices": [{"index": 0, "delta": {"content": "text" + EVIL, "tool_calls": [CALL]}}]},
    {"error": {"message": "no" + EVIL, "type": EVIL}},
]


@pytest.mark.parametrize(
    "command", [["fold"], ["fold", "--json"], ["replay"], ["inspect"], ["inspect", "--json"], ["diff"]], ids=" ".join
)
def test_what_a_stream_says_cannot_command_the_terminal(tmp_path, command):
    """Not in the reply, nor in an error, the name of a model, a tool call."""
    path = tmp_path / "evil.sse"
    path.write_bytes(b"".join(b"data: %s\n\n" % json.dumps(chunk).encode() for chunk in CHUNKS))
    paths = [str(path)] if command != ["diff"] else [str(path), "whole.stream"]
    (tmp_path / "whole.stream").write_bytes(made(*READS))
    with terminal(*command, *paths, columns=120, folder=tmp_path) as screen:
        screen.wait()
    shown = screen.output.decode()
    assert "no\u241b[2J" in shown or "--json" in command
    assert not any(part in shown for part in ("\x1b[2J", "\x9b", "\u202e"))


@pytest.mark.parametrize("width", ["40", "200"])
def test_any_width_will_do(files, width):
    command = [sys.executable, "-m", "streamfold", "inspect", files["whole.stream"]]
    done = subprocess.run(
        command, capture_output=True, timeout=60, env={"COLUMNS": width, "PYTHONPATH": ":".join(sys.path)}
    )
    assert done.returncode == 0, done.stderr
    shown = done.stdout.decode()
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= int(width)
    assert "…" not in shown  # nothing is left out for want of room
    assert "█" * 18 in shown


def test_fold_records_what_it_reads(tmp_path):
    out = str(tmp_path / "reply.stream")
    done = run("fold", "--record", out, stdin=WHOLE)
    assert (done.stdout, done.returncode) == (b"Hello wor<END>ld", 0), done.stderr
    assert run("convert", out).stdout == WHOLE
    with open(out, "rb") as file:
        assert run("fold", stdin=file.read()).stdout == b"Hello wor<END>ld"
    assert run("fold", "--record", str(tmp_path / "no" / "folder"), stdin=WHOLE).returncode == 2


def test_record_replay_over_http_and_record_again_gives_the_same_bytes(files, tmp_path):
    from streamfold import Request

    again, once_more = str(tmp_path / "again.stream"), str(tmp_path / "once_more.stream")
    for source, target in ((files["whole.stream"], again), (again, once_more)):
        with start("replay", source, "--serve", "--speed", "5") as process:
            url = re.search(r"http://\S+(?=,)", process.stderr.readline().decode())[0]
            reply = fold(Request(url, json={"model": "m"}), record=target)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
        assert reply.text == "Hello wor<END>ld"
    reads = [
        b"".join(chunk.data for chunk in Recording.open(path).chunks)
        for path in (files["whole.stream"], again, once_more)
    ]
    assert reads == [WHOLE] * 3
    assert Recording.open(once_more).content_type == "text/event-stream"
