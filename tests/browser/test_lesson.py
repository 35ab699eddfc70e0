"""The lesson page in Chromium, used as a reader would: write, run, read what went wrong, reset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from streamfold.relay.engines import EngineSpec
from tests.page.scripted import CUT, END, HANG, Scripted, scripted
from tests.relay.serving import serving

from ..lesson.solutions import RIGHT, WRONG

pytestmark = pytest.mark.timeout(400)

ENDLESS = "def consume_stream(chunks, on_token, stop=None):\n    while True:\n        pass\n"
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def page(new_page: Callable[..., Any], lesson: Callable[..., str]) -> Any:
    page = new_page(lesson(), reduced_motion="reduce")
    page.get_by_text("Ready.").wait_for()
    return page


def run(page: Any, code: str) -> dict[str, str]:
    """Run `code` and return for each check that fails what the page says of it."""
    page.get_by_label("Your Python code").fill(code)
    page.locator("#checks").evaluate("list => list.replaceChildren()")
    page.get_by_role("button", name="Run").click()
    page.locator("#checks li").first.wait_for()
    page.locator("#run:enabled").wait_for()
    failed = page.locator("#checks .failed").evaluate_all(
        "items => items.map(item => [item.children[1].textContent, item.querySelector('p').textContent])"
    )
    return dict(failed)


def test_a_right_solution(page: Any) -> None:
    assert run(page, RIGHT) == {}
    assert page.get_by_role("status").first.inner_text() == "Every check passes."
    assert page.locator("#score").inner_text() == "12 of 12"
    assert page.locator("#stage .text").text_content() == "The capital of France is Paris."
    assert page.locator("#stage .verdict").inner_text() == "stopped"
    assert page.locator("#stage .log li").count() == 7
    assert page.locator("#stage .lit").inner_text() == "<END>"
    assert page.locator("#stage .late").count() == 0


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_solution(page: Any, name: str) -> None:
    code, cases = WRONG[name]
    assert set(run(page, code)) == cases


def test_what_is_pulled_after_the_stop_is_seen(page: Any) -> None:
    code, _ = WRONG["goes on after the stop"]
    failed = run(page, code)
    assert failed["nothing after the stop is pulled"].startswith("'b' was pulled after the stop")
    assert page.locator("#stage .late").all_inner_texts() == ["␣And", "␣then"]


def test_an_endless_loop_can_be_stopped(page: Any) -> None:
    page.get_by_label("Your Python code").fill(ENDLESS)
    page.get_by_role("button", name="Run").click()
    page.get_by_text("Running …").wait_for()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_text("did not come to an end").wait_for()
    assert run(page, RIGHT) == {}


def test_chunks_and_stop_of_ones_own(page: Any) -> None:
    page.get_by_label("Chunks, divided by |").fill("a||b|x|c")
    page.get_by_label("Stop").first.fill("x")
    assert run(page, RIGHT) == {}
    assert page.locator("#stage .result").inner_text() == 'return {"text": "ab", "n_tokens": 3, "stopped": True}'
    assert page.locator("#stage .belt li").all_inner_texts() == ["a", "∅", "b", "x", "c"]


def test_starting_over(page: Any) -> None:
    run(page, RIGHT)
    page.get_by_role("button", name="Start over").click()
    assert "Is this the stop?" in page.get_by_label("Your Python code").input_value()
    assert page.get_by_label("Stop").first.input_value() == "<END>"
    assert page.locator("#checks li").count() == 0


def test_by_keyboard_alone(page: Any) -> None:
    page.get_by_role("button", name="Start over").click()
    page.get_by_label("Your Python code").focus()
    page.keyboard.press("Control+Home")
    for _ in range(5):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Home")
    page.keyboard.type("        if chunk == stop:")
    page.keyboard.press("Enter")  # which indents
    page.keyboard.type("stopped = True")
    page.keyboard.press("Enter")
    page.keyboard.type("break\n")
    page.keyboard.press("Control+Enter")
    page.get_by_text("12 of 12").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")  # which would indent without the Escape
    page.locator("#run:enabled").wait_for()
    assert page.evaluate("document.activeElement.id") in ("run", "reset")


def test_code_is_kept_over_a_reload(page: Any) -> None:
    page.get_by_label("Your Python code").fill("# mine\n" + RIGHT)
    page.reload()
    assert page.get_by_label("Your Python code").input_value().startswith("# mine\n")
    page.get_by_text("Ready.").wait_for()
    page.get_by_role("button", name="Start over").click()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, {"width": 1200, "height": 900}], ids=["phone", "desk"])
def test_everybody_can_use_it(page: Any, npm: Path, scheme: str, size: dict[str, int]) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size(size)
    run(page, WRONG["keeps the stop"][0])
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.add_script_tag(path=npm / "axe-core" / "axe.min.js")
    found = page.evaluate("axe.run()")
    told = [[v["id"], [node["html"] for node in v["nodes"]]] for v in found["violations"]]
    assert told == []
    assert len(found["passes"]) > 20


@pytest.fixture
def served(tmp_path: Path, npm: Path) -> Iterator[tuple[str, Scripted]]:
    """Return the lesson of a relay, and its engine, which says what a test tells it to."""
    vendor = tmp_path / "vendor"
    vendor.mkdir()
    (vendor / "pyodide").symlink_to(npm / "pyodide")
    (vendor / "models.json").write_text('{"webllm": []}')
    with scripted() as engine:
        spec = EngineSpec("llama.cpp", "scripted", engine.server.url)
        with serving(str(tmp_path / "relay.db"), engines=[spec], vendor=vendor) as url:
            yield f"{url}/learn/", engine


def ask(page: Any, stop: str = "") -> tuple[str, str]:
    """Ask the model, read by streamfold's fold; return the text, and how the page says that it ended."""
    page.locator("#live-stop").fill(stop)
    page.get_by_label("streamfold's fold").check()
    page.locator("#ask").click()
    page.locator("#ask:enabled").wait_for()
    return page.locator("#live-stage .text").text_content(), page.locator("#live-stage .verdict").inner_text()


def test_the_servers_engine(chromium: Any, served: tuple[str, Scripted]) -> None:
    url, engine = served
    page = chromium.new_context(reduced_motion="reduce").new_page()
    page.set_default_timeout(60_000)
    page.goto(url)
    page.locator("#model option").first.wait_for(state="attached")
    assert page.locator("#model option").all_inner_texts() == ["scripted, on the server"]
    engine.says("one ", "two", END)
    assert ask(page) == ("one two", "complete")
    engine.says("Sat", "urn a", "nd on", HANG)
    assert ask(page, stop="and") == ("Saturn ", "stopped")
    assert engine.server.all_departed(20)  # whoever leaves stops the model
    engine.says("one ", HANG)
    page.locator("#live-stop").fill("")
    page.locator("#ask").click()
    page.locator("#live-stage .log li").first.wait_for()
    page.get_by_role("button", name="Stop the model").click()
    page.locator("#ask:enabled").wait_for()
    assert page.locator("#live-stage .text").text_content() == "one "
    assert engine.server.all_departed(20)
    engine.says("one ", CUT)
    assert ask(page) == ("one ", "ready")  # it has no end
    assert "ConnectionError" in page.locator("#live-status").inner_text()
    asked = {"messages": [{"role": "user", "content": "Name the planets."}], "max_tokens": 200, "temperature": 0}
    assert asked.items() <= engine.asked[0].items()
    page.context.close()


def test_what_a_model_costs_is_said_before_it_is_fetched(page: Any) -> None:
    names = page.locator("#model option").all_inner_texts()
    assert len(names) == 3  # of WebLLM's own list, as there is WebGPU here
    assert all(name.endswith(" MB") for name in names)


def test_without_a_model_it_says_so(chromium: Any, lesson: Callable[..., str]) -> None:
    page = chromium.new_context().new_page()
    page.add_init_script("Object.defineProperty(Navigator.prototype, 'gpu', { value: undefined })")
    page.goto(lesson())
    page.get_by_text("No model is within reach").wait_for()
    page.context.close()
