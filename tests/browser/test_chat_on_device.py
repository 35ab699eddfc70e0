"""The chat page with engines on the device, for real: WebLLM on software WebGPU, wllama with the embedded model."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from streamfold.engines.local import find_model
from streamfold.relay.engines import EngineSpec
from tests.conftest import need_engine
from tests.relay.serving import serving

from .webllm.corpus import PLANETS, STORY

pytestmark = pytest.mark.timeout(400)

SERVED = EngineSpec("llama.cpp", "served", "http://127.0.0.1:9")
TINY = "tiny: 2 MB, graphics card"
RECORD = {"model_id": "tiny", "model": "tiny/", "model_lib": "library/tiny.wasm"}
MODELS = {"webllm": [{"id": "tiny", "megabytes": 2, "list": [RECORD]}]}
MIRROR = "https://cdn.jsdelivr.net/npm/@wllama/wllama@3.13.0/esm/"
PHONE = {"width": 390, "height": 844}
BETWEEN_WORDS = "\n".join(f"{end} {beginning}" for end in "defhnrsty." for beginning in "aiopstwMV")
"""Stop sequences one of which is in whatever a model says, and none in one chunk: a word begins one, with its space."""
LAST = ".exchange:last-child"
REPLY, VERDICT, SPEED = f"{LAST} .reply-body", f"{LAST} .verdict", f"{LAST} .speed"
PATIENCE = 120_000

WATCH = """() => {
  globalThis.chunks = [];  // as they leave the worker
  globalThis.shown = [];  // each state of the last reply that the reader sees
  globalThis.progress = [];
  const { Worker } = globalThis;
  globalThis.Worker = class extends Worker {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", ({ data }) => chunks.push(data.chunk?.choices[0]?.delta.content ?? ""));
    }
  };
  new MutationObserver(() => {
    const text = document.querySelector(".exchange:last-child .reply-body")?.textContent;
    if (text && text !== shown.at(-1)) shown.push(text);
    const bar = document.querySelector("progress:not([hidden])");
    if (bar) progress.push([bar.value, document.querySelector(".exchange:last-child .verdict").textContent]);
  }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
}"""


def choose(page: Page, engine: str, stop: str = "") -> None:
    """Choose an engine, and where it stops."""
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Engine").select_option(label=engine)
    page.get_by_label("Stop sequences").fill(stop)
    page.get_by_role("button", name="Done").click()


def send(page: Page, text: str) -> None:
    page.evaluate("globalThis.chunks = [], globalThis.shown = []")
    page.get_by_label("Message").fill(text)
    page.keyboard.press("Enter")


def ended(page: Page, verdict: str) -> str:
    """Wait for the end of the reply; return its text."""
    expect(page.locator(VERDICT)).to_have_text(verdict, timeout=PATIENCE)
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    return page.locator(REPLY).inner_text()


def stopped_over_chunks(page: Page, marker: str) -> bool:
    """Return whether `marker` came in several chunks and no letter of it was ever shown, nor of what follows."""
    chunks, shown = page.evaluate("[chunks, shown]")
    before, found, _ = "".join(chunks).partition(marker)
    is_split = bool(found) and not any(marker in chunk for chunk in chunks)
    return is_split and all(letters(before).startswith(letters(text)) for text in shown)


def letters(text: str) -> str:
    """Return what Markdown leaves as it is."""
    return "".join(filter(str.isalpha, text))


@pytest.fixture(scope="module")
def page(
    new_page: Callable[..., Page], npm: Path, tiny_model: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Page]:
    """Return the page of a relay that has all that WebLLM needs; nothing is fetched from elsewhere."""
    vendor = tmp_path_factory.mktemp("vendor")
    (vendor / "models.json").write_text(json.dumps(MODELS))
    for name, folder in {"web-llm": npm / "@mlc-ai" / "web-llm" / "lib", **tiny_model}.items():
        (vendor / name).symlink_to(folder)
    store = tmp_path_factory.mktemp("store") / "relay.db"
    with serving(str(store), engines=[SERVED], vendor=vendor) as url:
        page = new_page(url, reduced_motion="reduce")
        page.evaluate(WATCH)
        yield page
        page.context.close()


def test_the_menu_has_the_devices_engines_beside_the_servers(page: Page) -> None:
    page.get_by_role("button", name="Settings").focus()
    page.keyboard.press("Enter")
    menu = page.get_by_label("Engine")
    expect(menu.locator("optgroup[label='On the server'] option")).to_have_text(["served (llama.cpp)"])
    expect(menu.locator("optgroup[label='On this device'] option")).to_have_text([TINY])
    expect(menu).to_have_value("llama.cpp")  # which answers until somebody chooses
    expect(page.locator("#engine-hint")).to_be_empty()
    expect(menu).to_be_focused()
    page.keyboard.type("tiny")
    expect(page.locator("#engine-hint")).to_have_text(
        "The first reply fetches 2 MB from this server; this browser keeps them. "
        "Questions and replies stay in this browser, and a reply ends with its page."
    )
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("#engine-name")).to_have_text("tiny, on this device")


def test_webllm_loads_types_and_stops_at_a_marker_over_chunks(page: Page) -> None:
    choose(page, TINY, stop="Saturn")
    send(page, "Name the planets.")
    expect(page.get_by_role("progressbar", name="Loading the model")).to_be_visible()
    text = f"The planets are {PLANETS}"
    assert ended(page, "Stopped at “Saturn”") == text[: text.index("Saturn")]
    expect(page.get_by_role("progressbar")).to_be_hidden()
    progress = page.evaluate("progress")
    assert len({value for value, _ in progress}) > 3
    assert all(0 <= value <= 1 for value, _ in progress)
    assert any(re.fullmatch(r"Loading tiny, 2 MB\. .+, \d+ %", said) for _, said in progress)
    assert len(page.evaluate("shown")) > 5
    assert stopped_over_chunks(page, "Saturn")


def test_webllm_stops_by_the_button_and_answers_the_next_prompt(page: Page) -> None:
    choose(page, TINY)
    send(page, "Tell me a story.")
    page.wait_for_function("() => shown.length > 2")
    page.get_by_role("button", name="Stop").click()
    text = ended(page, "Stopped by you")
    assert text
    assert len(text) < len(STORY) / 2
    send(page, "Count to two.")
    assert ended(page, "Complete") == "one two"
    assert re.fullmatch(r"\d+ tokens · first after \d+\.\d\d s · [\d.,]+ tokens/s", page.locator(SPEED).inner_text())


def test_its_reasoning_is_folded(page: Page) -> None:
    send(page, "Think, then name the capital of Peru.")
    expect(page.locator(VERDICT)).to_have_text("Complete", timeout=PATIENCE)
    expect(page.locator(f"{LAST} .reasoning summary")).to_have_text("Reasoning")
    expect(page.locator(f"{LAST} .reasoning .words")).to_have_text("It is Lima.")
    expect(page.locator(f"{LAST} .words.text")).to_have_text("Lima.")


def test_another_tab_sees_it_and_can_stop_it(page: Page) -> None:
    send(page, "Tell me a story.")
    page.wait_for_function("() => shown.length > 2")
    second = page.context.new_page()
    second.goto(page.url)
    expect(second.locator(REPLY)).not_to_be_empty()
    second.get_by_role("button", name="Stop").click()
    text = ended(page, "Stopped by you")
    assert ended(second, "Stopped by you") == text
    second.close()


def test_a_reload_ends_it_as_broken_off_and_keeps_what_there_was(page: Page) -> None:
    send(page, "Tell me a story.")
    page.wait_for_function("() => shown.length > 2")
    shown = page.evaluate("shown.at(-1)")
    page.reload()
    text = ended(page, "Broke off before its end: its page was closed")
    assert text
    assert text.startswith(shown) or shown.startswith(text)
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    page.reload()
    assert ended(page, "Broke off before its end: its page was closed") == text


@pytest.fixture(scope="module")
def phone(chromium: Any, npm: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Return the page of a relay as it is by default: the model is its own, wllama the mirror's, which is played."""
    need_engine()
    store = tmp_path_factory.mktemp("store") / "relay.db"
    headers = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}

    def play(route: Route) -> None:
        file = npm / "@wllama" / "wllama" / "esm" / route.request.url.removeprefix(MIRROR)
        kind = {".js": "text/javascript", ".wasm": "application/wasm"}[file.suffix]
        route.fulfill(path=file, headers={**headers, "Content-Type": kind})

    with serving(str(store), engines=[SERVED]) as url:
        context = chromium.new_context(viewport=PHONE, reduced_motion="reduce")
        context.route(re.compile(r"https://"), play)
        page = context.new_page()
        page.asked = []
        context.on("request", lambda request: page.asked.append(request.url))
        page.goto(url)
        page.evaluate(WATCH)
        yield page
        context.close()


def outside(page: Page) -> set[str]:
    return {url for url in page.asked if not url.startswith(("http://127.0.0.1:", "blob:", "data:"))}


def fits_and_is_accessible(page: Page, npm: Path) -> bool:
    page.evaluate((npm / "axe-core" / "axe.min.js").read_text("utf-8"))
    found = page.evaluate("axe.run().then(({violations}) => violations)")
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == []
    return page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_wllama_loads_types_and_stops_at_a_marker_over_chunks(phone: Page, npm: Path) -> None:
    engine = f"{find_model().stem}: {round(find_model().stat().st_size / 1e6)} MB, processor"
    choose(phone, engine, stop=BETWEEN_WORDS)
    assert outside(phone) == set()
    phone.get_by_role("button", name="Settings").click()
    assert fits_and_is_accessible(phone, npm)
    phone.keyboard.press("Escape")
    send(phone, "Write a long story about a fox and a dog.")  # prose: a list may have one word a line
    expect(phone.get_by_role("progressbar", name="Loading the model")).to_be_visible()
    assert fits_and_is_accessible(phone, npm)
    expect(phone.locator(VERDICT)).to_have_text(re.compile("Stopped at “.+”"), timeout=PATIENCE)
    marker = phone.locator(VERDICT).inner_text().removeprefix("Stopped at “").removesuffix("”")
    assert stopped_over_chunks(phone, marker)
    assert outside(phone) == {f"{MIRROR}index.js", f"{MIRROR}wasm/wllama.wasm"}


def test_wllama_stops_by_escape_and_answers_the_next_prompt(phone: Page, npm: Path) -> None:
    phone.get_by_role("button", name="Settings").click()
    phone.get_by_label("Stop sequences").fill("")
    phone.keyboard.press("Escape")
    send(phone, "Write a long story.")
    phone.wait_for_function("() => shown.length > 4", timeout=PATIENCE)
    phone.keyboard.press("Escape")
    assert ended(phone, "Stopped by you")
    assert fits_and_is_accessible(phone, npm)
    send(phone, "Say hello.")
    phone.wait_for_function("() => shown.length > 1", timeout=PATIENCE)
    phone.keyboard.press("Escape")
    assert ended(phone, "Stopped by you")


def test_a_download_can_be_stopped(phone: Page) -> None:
    phone.reload()
    send(phone, "Say hello.")
    expect(phone.get_by_role("progressbar", name="Loading the model")).to_be_visible()
    phone.get_by_role("button", name="Stop").click()
    expect(phone.locator(VERDICT)).to_have_text("Stopped by you")
    expect(phone.get_by_role("progressbar")).to_be_hidden()


def test_no_other_engine_takes_the_place_of_one_that_was_chosen_here(phone: Page) -> None:
    phone.route("**/learn/vendor/models.json", lambda route: route.fulfill(json={}))
    phone.reload()
    expect(phone.get_by_role("alert")).to_contain_text("not there any more")
    turns = phone.locator(".exchange").count()
    phone.get_by_label("Message").fill("A secret.")
    phone.keyboard.press("Enter")
    phone.get_by_role("button", name="Settings").click()
    phone.get_by_label("Engine").select_option(label="served (llama.cpp)")
    phone.get_by_role("button", name="Done").click()
    assert phone.locator(".exchange").count() == turns
    expect(phone.get_by_label("Message")).to_have_value("A secret.")
    assert not any("/generations" in url for url in phone.asked)
