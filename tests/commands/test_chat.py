"""A conversation in a terminal, with a server on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..serving.recordings import DONE, FINISH, text_event
from ..serving.server import Received, Script, Server, serving
from ..serving.steps import answer, hang, send
from ..terminal.screen import Screen, terminal


class Model:
    """What the server says: each reply in turn; one that ends in "..." never ends."""

    def __init__(self) -> None:
        self.replies = ["Hello **Ann**!", "Long story...", "Third."]

    def script(self, number: int, request: Received) -> Script:
        reply = self.replies[number]
        words = [text_event(f"{word} ") for word in reply.removesuffix("...").split()]
        return answer(send(*words), hang() if reply.endswith("...") else send(FINISH, DONE))


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def server(model: Model) -> Iterator[Server]:
    with serving(choose=model.script) as server:
        yield server


def engine(server: Server) -> list[str]:
    return ["--engine", f"{server.url}/v1", "--model", "m"]


def environment(folder: Path) -> dict[str, str]:
    return {"XDG_DATA_HOME": str(folder), "HOME": str(folder), "STREAMFOLD_API_KEY": "key-of-the-test"}


def sent(server: Server, place: int) -> list[dict[str, Any]]:
    return [
        {"role": message["role"], "content": message["content"]} for message in server.requests[place].json["messages"]
    ]


def say(screen: Screen, text: str, until: str) -> None:
    screen.wait_for_last(">")
    screen.type(text + "\n")
    screen.wait_for(until)


def test_a_conversation_is_kept_and_gone_on_with(server: Server, tmp_path: Path) -> None:
    with terminal("chat", *engine(server), "--system", "Be brief.", environment=environment(tmp_path)) as screen:
        say(screen, "I am Ann.", "Hello Ann!")
        say(screen, "Tell me a story.", "Long story")
        screen.interrupt()
        screen.wait_for("[cancelled")
        assert server.departure() is not None
        screen.wait_for_last(">")
        screen.type("\x04")
        assert screen.wait() == 0
    with terminal("chat", "--continue", environment=environment(tmp_path)) as screen:
        screen.wait_for("> Tell me a story.\nLong story")
        say(screen, "Go on.", "Third.")
        screen.wait_for_last(">")
        screen.type("/quit\n")
        assert screen.wait() == 0
    assert "key-of-the-test" in server.requests[0].headers["authorization"]
    assert sent(server, 2) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "I am Ann."},
        {"role": "assistant", "content": "Hello **Ann**! "},
        {"role": "user", "content": "Tell me a story."},
        {"role": "assistant", "content": "Long story "},
        {"role": "user", "content": "Go on."},
    ]
    listed = run("chat", "--list", folder=tmp_path).stdout.decode()
    assert listed.startswith("   1  ")
    assert "3: I am Ann." in listed


def test_commands(server: Server, tmp_path: Path) -> None:
    with terminal("chat", *engine(server), columns=100, environment=environment(tmp_path)) as screen:
        say(screen, "/help", "/open N")
        say(screen, "/nonsense", "there is no /nonsense")
        say(screen, "/open 5", "there is no conversation 5")
        say(screen, "One \\\ntwo", "Hello Ann!")
        screen.wait_for("[complete")
        say(screen, "/list", "1: One two")
        say(screen, "/new", "Ctrl-D leaves]\n>")
        screen.type("\x03")
        screen.wait_for("[Ctrl-D leaves]\n>")
        screen.type("\x04")
        assert screen.wait() == 0
        assert b"Traceback" not in screen.output
    assert sent(server, 0) == [{"role": "user", "content": "One \ntwo"}]


def test_without_a_reply_nothing_is_kept(tmp_path: Path) -> None:
    refusal = b'{"error":{"message":"no such key"}}'
    with serving(answer(send(refusal), status=401, content_type="application/json")) as server:
        done = run("chat", *engine(server), folder=tmp_path, stdin=b"Hi\n")
    assert done.returncode == 0
    assert b"no such key" in done.stderr
    assert b"what you said is not kept" in done.stderr
    assert run("chat", "--list", folder=tmp_path).stdout == b""


def run(*arguments: str, folder: Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "streamfold", *arguments]
    environ = {**os.environ, **environment(folder)}
    return subprocess.run(command, input=stdin, capture_output=True, env=environ, timeout=60, check=False)


def test_lines_from_a_pipe_are_turns_and_only_text_goes_to_the_output(
    server: Server, model: Model, tmp_path: Path
) -> None:
    model.replies[1] = "Short."
    done = run("chat", *engine(server), folder=tmp_path, stdin=b"I am Ann.\nAnd?\n")
    assert (done.stdout, done.returncode) == (b"Hello **Ann**! \nShort. \n", 0)


def test_run_asks_a_server(server: Server, tmp_path: Path) -> None:
    done = run("run", "Hi", *engine(server), "--max-tokens", "9", "--seed", "1", folder=tmp_path)
    assert (done.stdout, done.returncode) == (b"Hello **Ann**! ", 0)
    body = server.requests[0].json
    assert (body["model"], body["max_tokens"], body["seed"]) == ("m", 9, 1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "Hi", "--engine", "openai"], "the engine openai needs the name of a model: --model NAME"),
        (["run", "Hi", "--engine", "nonsense"], "there is no engine 'nonsense'"),
        (["run", "Hi", "--engine", "anthropic", "--model", "m", "--seed", "1"], "knows no --seed"),
    ],
)
def test_what_is_missing_is_a_sentence(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = run(*arguments, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert said in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


def test_a_conversation_that_is_not_there(tmp_path: Path) -> None:
    done = run("chat", "--continue", folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"no conversation yet" in done.stderr


def test_what_is_pasted_is_one_turn(server: Server, tmp_path: Path) -> None:
    with terminal("chat", *engine(server), environment=environment(tmp_path)) as screen:
        screen.wait_for_last(">")
        screen.type("\x1b[200~one\ntwo\x1b[201~\n")
        screen.wait_for("Hello Ann!")
    assert sent(server, 0) == [{"role": "user", "content": "one\ntwo"}]


def test_ctrl_c_before_anything_came_takes_the_turn_back(server: Server, model: Model, tmp_path: Path) -> None:
    model.replies = ["...", "Hello again."]
    with terminal("chat", *engine(server), environment=environment(tmp_path)) as screen:
        say(screen, "One", "waiting")
        screen.wait_until(lambda: server.requests, "request")
        screen.type("\x03")
        screen.wait_for("not kept]")
        say(screen, "Two", "Hello again.")
    assert sent(server, 1) == [{"role": "user", "content": "Two"}]
