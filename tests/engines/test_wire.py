"""The engine's own HTTP server, which speaks five formats: each of its streams folds into the same reply.

It is the one real server that every machine has, so what its formats do differently from their vendors' is tested here.
"""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from streamfold import Reply, Verdict, fold
from streamfold.engines.local import LocalEngine

from ..conftest import need_engine

PROMPT = "List the planets of the solar system."
MESSAGES = [{"role": "user", "content": PROMPT}]
LIMIT = 24  # tokens

# The same conversation in each format, and what the server there calls its end by the limit.
REQUESTS: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": MESSAGES, "max_tokens": LIMIT, "stream_options": {"include_usage": True}},
    "/v1/messages": {"messages": MESSAGES, "max_tokens": LIMIT},
    "/v1/responses": {"input": PROMPT, "max_output_tokens": LIMIT},
    "/v1/completions": {"prompt": PROMPT, "max_tokens": LIMIT},
    "/completion": {"prompt": PROMPT, "n_predict": LIMIT},
}
CHATS = ("/v1/chat/completions", "/v1/messages", "/v1/responses")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    need_engine()
    with LocalEngine(parallel=2, serve=True) as engine:
        yield engine.url


def reads(url: str, path: str, **more: Any) -> Iterator[bytes]:
    body = json.dumps({**REQUESTS[path], "model": "m", "stream": True, "temperature": 0, **more}).encode()
    request = urllib.request.Request(url + path, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        while data := response.read1():
            yield data


def folded(url: str, path: str, stop: str | None = None, **more: Any) -> Reply:
    shown: list[str] = []
    reply = fold(reads(url, path, **more), on_text=shown.append, stop=stop)
    assert "".join(shown) == reply.text
    return reply


@pytest.mark.parametrize("path", REQUESTS)
def test_every_format_is_found_and_folded(server: str, path: str) -> None:
    reply = folded(server, path)
    assert reply.error is None
    assert len(reply.text) > 40
    assert reply.verdict in (Verdict.LENGTH, Verdict.COMPLETE)  # /v1/responses does not tell a limit from an end
    assert reply.usage.output_tokens in (LIMIT, None)


def test_the_formats_of_a_chat_say_the_same(server: str) -> None:
    assert len({folded(server, path).text for path in CHATS}) == 1


@pytest.mark.parametrize("path", REQUESTS)
def test_a_stop_sequence_is_found_in_every_format(server: str, path: str) -> None:
    whole = folded(server, path).text
    stop = whole[20:23]
    reply = folded(server, path, stop=stop)
    assert (reply.verdict, reply.text) == (Verdict.STOPPED, whole[: whole.index(stop)])


def test_several_choices_are_told_apart(server: str) -> None:
    """The server sends index 1 first."""
    reply = folded(server, "/v1/chat/completions", n=2, temperature=1, seed=7)
    assert [choice.index for choice in reply.choices] == [0, 1]
    assert all(choice.text and choice.finish_reason for choice in reply.choices)


@pytest.mark.parametrize("path", REQUESTS)
def test_a_reply_that_is_not_streamed(server: str, path: str) -> None:
    streamed, whole = folded(server, path), folded(server, path, stream=False)
    assert whole.text == streamed.text
    assert whole.verdict is streamed.verdict
