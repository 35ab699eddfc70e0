"""WebLLM for real: its unmodified package in Chromium, on software WebGPU, with the tiny model that is built here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .chunks import ASK, reasons, text_of
from .webllm.corpus import CAPITALS, GREETING, NUMBERS, PLANETS

pytestmark = pytest.mark.timeout(600)

RECORD = {"model_id": "tiny", "model": "tiny/", "model_lib": "library/tiny.wasm"}
MODELS = {"webllm": [{"id": "tiny", "megabytes": 2, "list": [RECORD]}]}


@pytest.fixture(scope="module")
def page(new_page: Callable[..., Any], lesson: Callable[..., str], tiny_model: dict[str, Path]) -> Any:
    """Return the lesson page with the engine loaded, and with Python beside it in the page's own thread."""
    page = new_page(lesson(MODELS, **tiny_model), reduced_motion="reduce")
    page.evaluate(
        """async () => {
          const vendor = new URL("vendor/", location.href).href;
          const { load } = await import("./engines/webllm.js");
          const record = { model_id: "tiny", model: `${vendor}tiny/`, model_lib: `${vendor}library/tiny.wasm` };
          globalThis.progress = [];
          const where = { id: "tiny", module: `${vendor}web-llm/index.js`, list: [record] };
          globalThis.engine = await load(where, ({ fraction }) => progress.push(fraction));
          const { CreateMLCEngine } = await import(where.module);
          globalThis.bare = await CreateMLCEngine("tiny", { appConfig: { model_list: [record] } });
        }"""
    )
    page.evaluate(ASK)
    return page


def test_the_model_looks_at_what_is_asked(page: Any) -> None:
    for country, city in list(CAPITALS.items())[:4]:
        chunks = page.evaluate("content => ask(content)", f"What is the capital of {country}?")
        assert text_of(chunks) == f"The capital of {country} is {city}."
        assert reasons(chunks) == ["stop"]


def test_a_reply_comes_word_by_word_with_its_usage(page: Any) -> None:
    chunks = page.evaluate("ask('Count.')")
    assert text_of(chunks) == " ".join(NUMBERS)
    assert sum(bool(text_of([chunk])) for chunk in chunks) >= len(NUMBERS)
    usage = chunks[-1]["usage"]
    assert usage["completion_tokens"] >= len(NUMBERS)
    assert usage["extra"]["decode_tokens_per_s"] > 0
    assert page.evaluate("progress.length > 2 && progress.at(-1)") == 1


def test_characters_are_whole(page: Any) -> None:
    chunks = page.evaluate("ask('Say hello.')")
    assert text_of(chunks) == GREETING
    assert all("\ufffd" not in text_of([chunk]) for chunk in chunks)


def test_interrupted_it_answers_the_next_prompt(page: Any) -> None:
    chunks = page.evaluate("ask('Tell me a story.', { stopAfter: 3 })")
    assert reasons(chunks) == ["abort"]
    assert len(text_of(chunks)) < 40
    assert text_of(page.evaluate("ask('Count to two.')")) == "one two"


def test_left_early_it_answers_the_next_prompt(page: Any) -> None:
    assert len(page.evaluate("ask('Tell me a story.', { leaveAfter: 2 })")) == 2
    assert text_of(page.evaluate("ask('Count to two.')")) == "one two"


@pytest.fixture(scope="module")
def python(page: Any) -> Callable[[str], Any]:
    """Return what runs Python in the page, where `ask(content)` opens a stream of the bare engine of WebLLM."""
    page.evaluate(
        """async () => {
          const { loadPyodide } = await import(new URL("vendor/pyodide/pyodide.mjs", location.href).href);
          globalThis.python = await loadPyodide();
          const extractDir = python.runPython("import site; site.getsitepackages()[0]");
          const archive = await (await fetch("vendor/streamfold.zip")).arrayBuffer();
          python.unpackArchive(archive, "zip", { extractDir });
          const msgspec = await (await fetch("vendor/wheels/msgspec.whl")).arrayBuffer();
          python.unpackArchive(msgspec, "whl", { extractDir });
          globalThis.stream = (content) => bare.chat.completions.create({
            messages: [{ role: "user", content }],
            temperature: 0,
            stream: true,
            stream_options: { include_usage: true },
          });
        }"""
    )

    def run(code: str) -> Any:
        lines = "".join(f"    {line}\n" for line in code.splitlines())
        program = (
            "import json\nfrom js import bare, stream\nfrom streamfold import afold, astream\n"
            "from streamfold.sources import interruptible\n"
            f"async def main():\n{lines}json.dumps(await main(), default=str)"
        )
        return page.evaluate("async (program) => JSON.parse(await python.runPythonAsync(program))", program)

    return run


def test_from_python(python: Callable[[str], Any]) -> None:
    text, verdict, dialect, usage, extra = python(
        "reply = await afold(await stream('What is the capital of Peru?'))\n"
        "return [reply.text, reply.verdict, reply.dialect, reply.usage.output_tokens, sorted(reply.usage.raw['extra'])]"
    )
    assert (text, verdict, dialect) == ("The capital of Peru is Lima.", "complete", "openai_chat")
    assert usage > 0
    assert "time_to_first_token_s" in extra


def test_reasoning_from_python(python: Callable[[str], Any]) -> None:
    reasoning, text = python(
        "reply = await afold(await stream('Think, then name the capital of Peru.'))\n"
        "return [reply.reasoning, reply.text]"
    )
    assert reasoning.strip() == "It is Lima."
    assert text.strip() == "Lima."


def test_a_marker_over_chunks_from_python(python: Callable[[str], Any]) -> None:
    shown, stop, again = python(
        "shown = []\n"
        "reply = await afold(await stream('Name the planets.'), stop='Saturn', on_text=shown.append)\n"
        "again = await afold(await stream('Count to two.'))\n"
        "return [shown, reply.stop.string, again.text]"
    )
    assert "".join(shown) == f"The planets are {PLANETS}"[: len("The planets are ") + PLANETS.index("Saturn")]
    assert stop == "Saturn"
    assert again == "one two"  # the engine was left, and its lock given back


@pytest.mark.parametrize("source", ["opened", "interruptible(opened, bare.interruptGenerate)"])
def test_left_early_from_python(python: Callable[[str], Any], source: str) -> None:
    verdict, again = python(
        "opened = await stream('Tell me a story.')\n"
        f"async with astream({source}) as events:\n"
        "    async for _ in events.text_stream:\n"
        "        break\n"
        "again = await afold(await stream('Count to two.'))\n"
        "return [events.reply.verdict, again.text]"
    )
    assert (verdict, again) == ("cancelled", "one two")


def ask_on_page(page: Any, who: str) -> tuple[str, str]:
    page.get_by_label(who).check()
    page.locator("#ask").click()
    page.locator("#ask:enabled").wait_for()
    return page.locator("#live-stage .text").text_content(), page.locator("#live-stage .verdict").inner_text()


def test_on_the_lesson_page(page: Any) -> None:
    page.get_by_role("button", name="Start over").click()
    whole = f"The planets are {PLANETS}."
    assert ask_on_page(page, "your consume_stream") == (whole, "ended")
    assert page.locator("#live-stage .belt li").count() > 20
    assert ask_on_page(page, "streamfold's fold") == (whole[: whole.index("Saturn")], "stopped")
    lit = page.locator("#live-stage .lit").all_inner_texts()
    assert len(lit) > 1
    assert "Saturn" in "".join(lit)


def test_the_stop_button_on_the_lesson_page(page: Any) -> None:
    page.get_by_label("Say").fill("Tell me a story.")
    page.locator("#ask").click()
    page.locator("#live-stage .log li").nth(2).wait_for()
    page.get_by_role("button", name="Stop the model").click()
    page.locator("#ask:enabled").wait_for()
    assert len(page.locator("#live-stage .text").text_content()) < 100
    page.get_by_label("Say").fill("Count to two.")
    assert ask_on_page(page, "streamfold's fold") == ("one two", "complete")


def test_endless_code_over_a_live_stream_can_be_stopped(page: Any) -> None:
    page.get_by_label("Your Python code").fill(
        "def consume_stream(chunks, on_token, stop=None):\n    on_token(next(chunks))\n    while True: pass\n"
    )
    page.get_by_label("your consume_stream").check()
    page.locator("#ask").click()
    page.locator("#live-stage .log li").first.wait_for()
    page.get_by_role("button", name="Stop the model").click()
    page.locator("#ask:enabled").wait_for()
    assert page.locator("#live-status").inner_text() == "stopped"
    assert ask_on_page(page, "streamfold's fold") == ("one two", "complete")
