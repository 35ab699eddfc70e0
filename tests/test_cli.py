"""The command: what goes where, and the exit status."""

import array
import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import IO, Any

import pytest

from .conftest import need_engine

START = b'data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"content":"Hello "}}]}\n\n'
MORE = b'data: {"choices":[{"index":0,"delta":{"content":"wor<E"}}]}\n\n'
REST = b'data: {"choices":[{"index":0,"delta":{"content":"ND>ld"}}]}\n\n'
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
WHOLE = START + MORE + REST + END
ERROR = b'data: {"error":{"message":"overloaded","type":"server_error"}}\n\n'


def run(*arguments: str, stdin: bytes = b"", **options: Any) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "streamfold", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=60, **options)


@pytest.mark.parametrize(
    ("wire", "arguments", "out", "status"),
    [
        (WHOLE, [], b"Hello wor<END>ld", 0),
        (WHOLE, ["--stop", "<END>"], b"Hello wor", 0),
        (WHOLE, ["--stop", "x", "--stop", "<END>"], b"Hello wor", 0),
        (WHOLE, ["--stop", "<END>", "--include-stop"], b"Hello wor<END>", 0),
        (START + MORE, [], b"Hello wor<E", 1),
        (START + MORE, ["--stop", "<END>"], b"Hello wor<E", 1),
        (START + ERROR, [], b"Hello ", 1),
        (b"", [], b"", 1),
        (b"<html>no</html>", [], b"", 1),
    ],
)
def test_fold_shows_the_text_and_tells_the_verdict(wire: bytes, arguments: list[str], out: bytes, status: int) -> None:
    done = run("fold", *arguments, stdin=wire)
    assert (done.stdout, done.returncode) == (out, status), done.stderr
    assert done.stderr.startswith(b"[")


def test_fold_reads_a_file(tmp_path: Path) -> None:
    (tmp_path / "wire").write_bytes(WHOLE)
    assert run("fold", str(tmp_path / "wire")).stdout == b"Hello wor<END>ld"


def test_json_is_the_reply_and_nothing_else() -> None:
    reply = json.loads(run("fold", "--json", "--stop", "<END>", stdin=WHOLE).stdout)
    assert (reply["text"], reply["verdict"], reply["model"]) == ("Hello wor", "stopped", "m")
    assert reply["stop"] == {"string": "<END>", "index": 0, "offset": 9, "discarded": 2}
    assert reply["usage"]["output_tokens"] is None


def test_an_error_is_told_on_standard_error() -> None:
    done = run("fold", stdin=START + ERROR)
    assert b"overloaded" in done.stderr
    assert json.loads(run("fold", "--json", stdin=START + ERROR).stdout)["error"]["type"] == "ProviderError"


@pytest.mark.parametrize(
    "arguments",
    [[], ["nonsense"], ["fold", "--stop", ""], ["fold", "no/such/file"], ["run"]],
    ids=" ".join,
)
def test_bad_usage_is_2(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr


def test_a_model_that_is_not_there_is_a_sentence() -> None:
    done = run("run", "hi", "--model", "no.gguf")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.count(b"\n") == 1
    assert b"no.gguf" in done.stderr or b"pip install" in done.stderr


def start(*arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "streamfold", *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def read_some(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout
    return os.read(process.stdout.fileno(), 1_000)


def wait_until_read(pipe: IO[bytes]) -> None:
    """Wait until what was written to `pipe` is read."""
    unread = array.array("i", [1])
    while unread[0]:
        time.sleep(0.05)
        fcntl.ioctl(pipe, termios.FIONREAD, unread)


def test_text_is_shown_while_the_stream_runs_and_none_of_a_possible_stop() -> None:
    with start("fold", "--stop", "<END>") as process:
        assert process.stdin
        process.stdin.write(START)
        process.stdin.flush()
        assert read_some(process) == b"Hello "
        process.stdin.write(MORE)
        process.stdin.flush()
        assert read_some(process) == b"wor"
        out, _ = process.communicate(REST, timeout=30)
        assert (out, process.returncode) == (b"", 0)


def test_it_leaves_at_the_stop_while_its_input_stays_open() -> None:
    with start("fold", "--stop", "lo") as process:
        assert process.stdin
        process.stdin.write(START)
        process.stdin.flush()
        assert process.wait(timeout=30) == 0
        assert read_some(process) == b"Hel"


def test_ctrl_c_ends_with_what_was_received() -> None:
    with start("fold", "--json") as process:
        assert process.stdin
        process.stdin.write(START)
        process.stdin.flush()
        wait_until_read(process.stdin)
        time.sleep(0.7)  # until it waits for more
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert json.loads(out)["text"] == "Hello "
    assert json.loads(out)["verdict"] == "cancelled"
    assert b"Traceback" not in err


def test_a_closed_pipe_ends_quietly() -> None:
    with start("fold") as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stdin
        process.stdin.write(WHOLE)
        process.stdin.close()
        assert process.wait(timeout=30) == 141
        assert process.stderr.read() == b""


def test_help_and_version() -> None:
    assert b"COMMAND" in run("--help").stdout
    assert run("--version").stdout.startswith(b"streamfold ")


@pytest.fixture(scope="module")
def _engine() -> None:
    need_engine()


@pytest.mark.usefixtures("_engine")
class TestRun:
    PROMPT = "List the planets of the solar system."

    def test_ctrl_c_twice_is_as_good_as_once(self) -> None:
        with start("run", "Write a long story about a fox.", "--max-tokens", "400") as process:
            read_some(process)
            process.send_signal(signal.SIGINT)
            time.sleep(0.002)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=30)
        assert process.returncode == 130, err
        assert err.startswith(b"[cancelled")

    def test_streams_a_real_reply_and_stops_exactly(self) -> None:
        done = run("run", self.PROMPT, "--temperature", "0", "--max-tokens", "100", "--stop", "Mars")
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith(b"3. Earth\n4. ")
        assert b"stopped by 'Mars'" in done.stderr

    def test_json(self) -> None:
        done = run("run", self.PROMPT, "--seed", "7", "--max-tokens", "5", "--json", "--system", "You are brief.")
        reply = json.loads(done.stdout)
        assert (reply["verdict"], done.returncode) == ("length", 0)
        assert reply["text"]

    def test_the_prompt_from_standard_input(self) -> None:
        done = run("run", "-", "--temperature", "0", "--max-tokens", "8", stdin=self.PROMPT.encode())
        assert done.stdout.startswith(b"The Solar System")
