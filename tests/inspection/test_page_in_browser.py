"""The page in a real browser: its charts are there, it fetches nothing, and it is dark where the reader's screen is."""

import json

import pytest

from streamfold.inspection.facts import inspected
from streamfold.inspection.page import page
from streamfold.recordings import Recording

from ..recordings.made import made

CHARTS = ["Characters received over time", "Speed over time", "How long the gaps", "Bytes of each read over time"]


def delta(at, **values):
    return at, b"data: " + json.dumps({"id": "c", "choices": [{"index": 0, "delta": values}]}).encode() + b"\n\n"


def shown():
    words = [delta(0.5 + at / 20, content=f"word {at} <b>&amp; ") for at in range(60)]
    thought = [delta(0.2 + at / 100, reasoning_content="Hm. ") for at in range(20)]
    last = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    recording = Recording.parse(made(*thought, *words, delta(6.0, content="end"), (6.1, last)))
    return page(inspected(recording, {}), recording, "a <reply>")


@pytest.fixture
def opened(browser, tmp_path):
    """Open the page for a colour scheme; collect what it asks for and complains of."""
    path = tmp_path / "page.html"
    path.write_text(shown(), "utf-8")
    contexts = []

    def opener(scheme="light", width=900):
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
        contexts.append(context)
        tab = context.new_page()
        tab.asked, tab.complaints = [], []
        tab.on("request", lambda request: tab.asked.append(request.url))
        tab.on("console", lambda message: tab.complaints.append(message.text))
        tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
        tab.goto(path.as_uri())
        return tab

    yield opener
    for context in contexts:
        context.close()


def test_it_shows_its_charts_and_fetches_nothing(opened):
    tab = opened()
    for name in CHARTS:
        box = tab.locator(f'svg[aria-label^="{name}"]').bounding_box()
        assert box["width"] > 600
        assert box["height"] > 150
    for marks in (
        "polygon.area.text",
        "polygon.area.reasoning",
        "polyline.line",
        "rect.bar",
        "line.stem",
        "rect.stall",
    ):
        assert tab.locator(marks).first.bounding_box()["width"] >= 0
        assert tab.locator(marks).count() > 0
    assert tab.asked == [tab.url]
    assert tab.complaints == []


def test_what_the_model_said_is_text(opened):
    tab = opened()
    assert "word 7 <b>&amp; " in tab.locator(".said.text").inner_text()
    assert tab.locator("h1").inner_text().startswith("a <reply>")
    assert tab.locator(".said b").count() == 0


def test_it_is_dark_where_the_screen_is(opened):
    colours = {}
    for scheme in ("light", "dark"):
        tab = opened(scheme)
        read = "name => getComputedStyle(document.querySelector(name)).getPropertyValue('%s')"
        ground, ink, bar = (
            tab.evaluate(read % name, where)
            for name, where in (("background-color", "body"), ("color", "body"), ("fill", "rect.bar"))
        )
        colours[scheme] = (brightness(ground), brightness(ink), bar)
    assert colours["light"][0] > 200 > 100 > colours["light"][1]
    assert colours["dark"][0] < 60 < 180 < colours["dark"][1]
    assert colours["light"][2] != colours["dark"][2]


def test_it_fits_a_phone(opened):
    tab = opened(width=380)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 380


def brightness(colour):
    return sum(float(part) for part in colour[colour.index("(") + 1 : -1].split(",")[:3]) / 3
