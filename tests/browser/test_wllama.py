"""wllama for real: llama.cpp in WebAssembly, in Chromium, with the embedded engine's own model file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from streamfold.engines.local import find_model

from ..conftest import need_engine
from .chunks import ASK, reasons, text_of

pytestmark = pytest.mark.timeout(600)

MODELS = {"wllama": [{"id": "SmolLM2", "megabytes": 92, "file": "gguf/model.gguf"}]}
PROMPT = "List the planets of the solar system."


@pytest.fixture(scope="module")
def page(new_page: Callable[..., Any], lesson: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Any:
    need_engine()
    folder = tmp_path_factory.mktemp("gguf")
    (folder / "model.gguf").symlink_to(find_model())
    page = new_page(lesson(MODELS, gguf=folder), reduced_motion="reduce")
    page.evaluate(
        """async () => {
          const vendor = new URL("vendor/", location.href).href;
          const { load } = await import("./engines/wllama.js");
          globalThis.progress = [];
          const where = { module: `${vendor}wllama/index.js`, wasm: `${vendor}wllama/wasm/wllama.wasm` };
          const model = { id: "SmolLM2", file: `${vendor}gguf/model.gguf`, ...where };
          globalThis.engine = await load(model, ({ fraction }) => progress.push(fraction));
        }"""
    )
    page.evaluate(ASK)
    return page


def test_a_reply_comes_word_by_word_with_its_usage(page: Any) -> None:
    chunks = page.evaluate("content => ask(content, { max_tokens: 24 })", PROMPT)
    assert "Solar System" in text_of(chunks)
    assert sum(bool(text_of([chunk])) for chunk in chunks) > 10
    assert reasons(chunks) == ["length"]
    assert chunks[-1]["usage"]["completion_tokens"] == 24
    assert page.evaluate("progress.at(-1)") == 1


def test_stopped_it_answers_the_next_prompt(page: Any) -> None:
    chunks = page.evaluate("content => ask(content, { stopAfter: 3, max_tokens: 400 })", PROMPT)
    assert reasons(chunks) == ["abort"]
    assert len(chunks) < 20
    assert text_of(page.evaluate("ask('Say hello.', { max_tokens: 4 })"))


def test_left_early_it_answers_the_next_prompt(page: Any) -> None:
    assert len(page.evaluate("content => ask(content, { leaveAfter: 2, max_tokens: 400 })", PROMPT)) == 2
    assert text_of(page.evaluate("ask('Say hello.', { max_tokens: 4 })"))


def test_a_marker_over_chunks_on_the_lesson_page(page: Any) -> None:
    pieces = [text_of([chunk]) for chunk in page.evaluate("content => ask(content, { max_tokens: 24 })", PROMPT)]
    text = "".join(pieces)
    cuts = [len("".join(pieces[:n])) for n in range(1, len(pieces))]
    marker, at = next((text[n - 1 : n + 2], n - 1) for n in cuts if n > 8 and text.find(text[n - 1 : n + 2]) == n - 1)
    page.locator("#model").select_option(label="SmolLM2, on this device's processor (wllama): 92 MB")
    page.get_by_label("Say").fill(PROMPT)
    page.locator("#live-stop").fill(marker)
    page.get_by_label("streamfold's fold").check()
    page.locator("#ask").click()
    page.locator("#ask:enabled").wait_for()
    assert page.locator("#live-stage .verdict").inner_text() == "stopped"
    assert page.locator("#live-stage .text").text_content() == text[:at]
