"""A real model behind a real socket: the embedded engine's own HTTP server, asked by every shorthand that it speaks."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest
import urllib3

import streamfold
from streamfold import LocalEngine, Request, RetryPolicy, Timeouts, Verdict, afold, fold, stream
from streamfold.errors import ProviderError

from ..conftest import need_engine
from ..serving.recordings import text_event
from ..serving.server import Connection, Received, Script, serving
from ..serving.steps import answer, cut, send

LIMITS = Timeouts(first=60, gap=30, total=120)
EXACT = {"temperature": 0, "max_tokens": 12}


@pytest.fixture(scope="module")
def engine() -> Iterator[LocalEngine]:
    need_engine()
    with LocalEngine(serve=True) as engine:
        yield engine


def requests(engine: LocalEngine) -> dict[str, Request]:
    return {
        "openai": streamfold.openai("m", "Name a colour.", base_url=f"{engine.url}/v1", api_key="", **EXACT),
        "llama_cpp": streamfold.llama_cpp(None, "Name a colour.", base_url=engine.url, **EXACT),
        "anthropic": streamfold.anthropic("m", "Name a colour.", base_url=engine.url, api_key="none", **EXACT),
    }


@pytest.mark.parametrize("name", ["openai", "llama_cpp", "anthropic"])
def test_it_answers(engine: LocalEngine, name: str) -> None:
    request = requests(engine)[name]
    shown: list[str] = []
    reply = fold(request, on_text=shown.append, timeouts=LIMITS)
    assert reply.verdict in (Verdict.COMPLETE, Verdict.LENGTH)
    assert reply.text
    assert "".join(shown) == reply.text
    assert asyncio.run(afold(request, timeouts=LIMITS)).text == reply.text
    assert reply.usage.output_tokens
    assert reply.timing is not None
    assert reply.timing.first is not None
    assert reply.timing.per_second(reply.usage.output_tokens)


def test_leaving_makes_it_stop(engine: LocalEngine) -> None:
    """It is busy with one request at a time: the next one would wait for the end of an endless story."""
    request = streamfold.llama_cpp(None, "Tell an endless story.", base_url=engine.url, max_tokens=3000)
    with stream(request, timeouts=LIMITS) as events:
        next(events)
    assert events.reply.verdict is Verdict.CANCELLED
    reply = fold(requests(engine)["openai"], timeouts=Timeouts(first=20, total=60))
    assert reply.text


def test_what_it_refuses_is_told(engine: LocalEngine) -> None:
    request = streamfold.openai("m", [{"role": "nobody"}], base_url=f"{engine.url}/v1", api_key="", max_tokens="many")
    reply = fold(request, timeouts=LIMITS)
    assert isinstance(reply.error, ProviderError)
    assert reply.error.status == 400


def test_a_broken_reply_is_continued(engine: LocalEngine) -> None:
    """The connection breaks in the middle; the model goes on from there, and the text is what it would have been."""
    direct = requests(engine)["llama_cpp"]
    pieces: list[str] = []
    whole = fold(direct, on_text=pieces.append, timeouts=LIMITS)

    def relay(number: int, request: Received) -> Script:
        if number == 0:
            return answer(send(*map(text_event, pieces[:5])), cut())

        async def pass_on(connection: Connection) -> None:
            with urllib3.PoolManager() as client:
                headers = {"Content-Type": "application/json"}
                asked = asyncio.to_thread(client.request, "POST", direct.url, body=request.body, headers=headers)
                await connection.body((await asked).data)

        return answer(pass_on)

    with serving(choose=relay) as server:
        request = replace(direct, url=server.url)
        reply = fold(request, timeouts=LIMITS, retry=RetryPolicy(after_text="continue"))
    assert len(server.requests) == 2
    assert reply.text.startswith("".join(pieces[:5]))
    assert len(reply.text) > len("".join(pieces[:5]))
    assert whole.text.startswith(reply.text[: len(whole.text)])
