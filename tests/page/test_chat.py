"""The page as people use it: type, watch, stop, reload, open a second tab, lose the network, go on."""

import re
import shutil
from contextlib import closing

import pytest
from playwright.sync_api import expect
from tests.conftest import need_engine
from tests.page.conftest import npm
from tests.page.scripted import CUT, END, HANG, WAIT
from tests.relay.serving import serving

from streamfold.relay.engines import EngineSpec

expect.set_options(timeout=20_000)
REPLY = ".exchange:last-child .reply-body"
VERDICT = ".exchange:last-child .verdict"


def send(tab, text="Hello"):
    tab.get_by_label("Message").fill(text)
    tab.keyboard.press("Enter")


def words(*numbers):
    return [f"word{number} " for number in numbers]


def text_of(*numbers):
    return "".join(words(*numbers)).strip()


def test_a_reply_grows_word_by_word_and_ends_with_its_verdict_and_its_numbers(tab, engine):
    engine.says("Some **bold", WAIT, "er** words", END)
    send(tab)
    expect(tab.locator(REPLY)).to_have_text("Some bold")
    expect(tab.locator(f"{REPLY} strong")).to_have_text("bold")
    expect(tab.locator(".answer")).to_have_attribute("aria-busy", "true")
    engine.go()
    expect(tab.locator(VERDICT)).to_have_text("Complete")
    expect(tab.locator(f"{REPLY} strong")).to_have_text("bolder")
    numbers = tab.locator(".speed").inner_text()
    assert re.fullmatch(r"≈ 2 tokens · first after \d+\.\d\d s · [\d.,]+ tokens/s", numbers)
    expect(tab.locator(".answer")).to_have_attribute("aria-busy", "false")
    assert tab.complaints == []
    assert {url.split("/")[2] for url in tab.asked} == {tab.url.split("/")[2]}


@pytest.mark.parametrize("by", ["the button", "Escape"])
def test_stop_stops_the_model_and_keeps_what_it_said(tab, engine, by):
    engine.says(*words(1, 2), HANG)
    send(tab)
    expect(tab.locator(REPLY)).to_have_text(text_of(1, 2))
    if by == "Escape":
        tab.keyboard.press("Escape")
    else:
        tab.get_by_role("button", name="Stop").click()
    expect(tab.locator(VERDICT)).to_have_text("Stopped by you")
    expect(tab.locator(REPLY)).to_have_text(text_of(1, 2))
    assert engine.server.departure()
    expect(tab.get_by_role("button", name="Send")).to_be_visible()
    expect(tab.get_by_label("Message")).to_be_focused()


def test_a_reload_in_mid_reply_resumes(tab, engine):
    engine.says(*words(1, 2), WAIT, *words(3), WAIT, *words(4), END)
    send(tab)
    expect(tab.locator(REPLY)).to_have_text(text_of(1, 2))
    tab.reload()
    expect(tab.locator(REPLY)).to_have_text(text_of(1, 2))
    engine.go()
    expect(tab.locator(REPLY)).to_have_text(text_of(1, 2, 3))
    tab.reload()
    engine.go()
    expect(tab.locator(VERDICT)).to_have_text("Complete")
    expect(tab.locator(REPLY)).to_have_text(text_of(1, 2, 3, 4))
    tab.reload()  # now from this browser alone
    expect(tab.locator(VERDICT)).to_have_text("Complete")
    expect(tab.locator(REPLY)).to_have_text(text_of(1, 2, 3, 4))
    assert len(engine.asked) == 1


def test_two_tabs_see_the_same_chat_and_stream(tab, engine, visit):
    engine.says(*words(1), WAIT, *words(2), END)
    engine.says(*words(3), WAIT, *words(4), END)
    send(tab, "First")
    expect(tab.locator(REPLY)).to_have_text(text_of(1))
    second = visit(tab.url.split("#")[0], tab.context)
    expect(second.locator(REPLY)).to_have_text(text_of(1))
    engine.go()
    for one in (tab, second):
        expect(one.locator(REPLY)).to_have_text(text_of(1, 2))
        expect(one.locator(VERDICT)).to_have_text("Complete")
    send(second, "Second")
    for one in (tab, second):
        expect(one.locator(".said")).to_have_text(["First", "Second"])
        expect(one.locator(REPLY)).to_have_text(text_of(3))
    engine.go()
    for one in (tab, second):
        expect(one.locator(REPLY)).to_have_text(text_of(3, 4))
    history = [message["content"].strip() for message in engine.asked[1]["messages"]]
    assert history == ["First", text_of(1, 2), "Second"]
    assert len(engine.asked) == 2


def test_the_other_tab_can_stop(tab, engine, visit):
    engine.says(*words(1), HANG)
    send(tab)
    second = visit(tab.url, tab.context)
    expect(second.locator(REPLY)).to_have_text(text_of(1))
    second.get_by_role("button", name="Stop").click()
    expect(tab.locator(VERDICT)).to_have_text("Stopped by you")


def test_offline_and_back_resumes(tab, engine):
    engine.says(*words(1, 2), WAIT, *words(3), WAIT, *words(4), END)
    send(tab)
    expect(tab.locator(REPLY)).to_have_text(text_of(1, 2))
    tab.context.set_offline(True)
    expect(tab.locator(VERDICT)).to_contain_text("Connection lost")
    engine.go()
    expect(tab.locator(REPLY)).to_have_text(text_of(1, 2))
    tab.context.set_offline(False)
    expect(tab.locator(REPLY)).to_have_text(text_of(1, 2, 3))
    engine.go()
    expect(tab.locator(VERDICT)).to_have_text("Complete")
    expect(tab.locator(REPLY)).to_have_text(text_of(1, 2, 3, 4))


def test_what_is_sent_offline_is_asked_once_when_the_network_is_back(tab, engine):
    engine.says(*words(1), END)
    tab.context.set_offline(True)
    send(tab)
    expect(tab.locator(VERDICT)).to_contain_text("Connection lost")
    tab.context.set_offline(False)
    expect(tab.locator(VERDICT)).to_have_text("Complete")
    assert len(engine.asked) == 1


@pytest.mark.parametrize("reloaded", [False, True])
def test_a_lost_answer_asks_the_model_no_second_time(tab, engine, reloaded):
    engine.says(*words(1), END)

    def lose(route):
        route.fetch()
        route.abort()

    tab.route("**/generations", lose)
    send(tab)
    expect(tab.locator(VERDICT)).to_contain_text("Connection lost")
    tab.unroute("**/generations")
    if reloaded:
        tab.reload()
    expect(tab.locator(VERDICT)).to_have_text("Complete")
    expect(tab.locator(REPLY)).to_have_text(text_of(1))
    assert len(engine.asked) == 1


def test_settings_reach_the_engine_and_a_stop_sequence_ends_the_reply(tab, engine):
    engine.says("one E", "ND two", HANG)
    tab.get_by_role("button", name="Settings").click()
    tab.get_by_label("System prompt").fill("Be brief.")
    tab.get_by_label("Stop sequences").fill("END\nnever\\n")
    tab.get_by_role("button", name="Done").click()
    send(tab)
    expect(tab.locator(VERDICT)).to_have_text("Stopped at “END”")
    expect(tab.locator(REPLY)).to_have_text("one")
    assert engine.asked[0]["messages"][0] == {"role": "system", "content": "Be brief."}
    assert engine.server.departure()
    tab.reload()
    tab.get_by_role("button", name="Settings").click()
    expect(tab.get_by_label("System prompt")).to_have_value("Be brief.")
    expect(tab.get_by_label("Engine")).to_have_value("llama.cpp")


def test_a_failure_is_shown_plainly_and_can_be_tried_again(tab, engine):
    engine.says(*words(1), CUT)
    engine.says(*words(2), END)
    send(tab)
    expect(tab.locator(VERDICT)).to_contain_text("Broke off before its end: ")
    expect(tab.locator(REPLY)).to_have_text(text_of(1))
    tab.get_by_role("button", name="Try again").click()
    expect(tab.locator(REPLY)).to_have_text(text_of(2))
    expect(tab.locator(VERDICT)).to_have_text("Complete")
    expect(tab.get_by_role("button", name="Try again")).to_be_hidden()
    expect(tab.locator(".exchange")).to_have_count(1)


def test_reasoning_is_folded_and_tool_calls_fill(tab, engine):
    call = {"index": 0, "id": "c", "function": {"name": "look_up", "arguments": '{"city":'}}
    rest = {"index": 0, "function": {"arguments": ' "Rome"}'}}
    engine.says(
        {"reasoning_content": "Hm, *well*."}, WAIT, "So.", {"tool_calls": [call]}, WAIT, {"tool_calls": [rest]}, END
    )
    send(tab)
    expect(tab.get_by_text("Thinking…")).to_be_visible()
    expect(tab.locator(f"{REPLY} em")).to_be_hidden()
    engine.go()
    expect(tab.locator(".tool pre")).to_have_text('{"city":')
    expect(tab.locator(".reasoning summary")).to_have_text("Reasoning")
    engine.go()
    expect(tab.locator(".tool pre")).to_have_text('{"city": "Rome"}')
    expect(tab.locator(".tool summary")).to_have_text("Tool call look_up")


def test_code_is_coloured_and_can_be_copied(tab, engine):
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    engine.says("```python\nde", "f f(): # no\n    return 1\n``", "`\n", END)
    send(tab)
    expect(tab.locator(".code .keyword")).to_have_text(["def", "return"])
    tab.get_by_role("button", name="Copy").click()
    expect(tab.get_by_role("button", name="Copied")).to_be_visible()
    assert tab.evaluate("navigator.clipboard.readText()") == "def f(): # no\n    return 1\n"


def test_the_keyboard_is_enough(tab, engine):
    engine.says(*words(1), END)
    box = tab.get_by_label("Message")
    expect(box).to_be_focused()
    tab.keyboard.type("a")
    tab.keyboard.press("Shift+Enter")
    tab.keyboard.type("b")
    expect(box).to_have_value("a\nb")
    tab.keyboard.press("Enter")
    expect(tab.locator(".said")).to_have_text("a\nb")
    expect(tab.locator(VERDICT)).to_have_text("Complete")
    expect(box).to_be_focused()
    tab.keyboard.press("Tab")
    expect(tab.get_by_role("button", name="Send")).to_be_focused()


def test_an_example_is_one_click_and_a_new_chat_is_empty(tab, engine):
    engine.says(*words(1), END)
    tab.get_by_role("button", name="Explain in three sentences").click()
    expect(tab.locator(VERDICT)).to_have_text("Complete")
    first = tab.url
    tab.get_by_role("button", name="New chat").click()
    expect(tab.get_by_role("heading", name="Ask, and watch it answer.")).to_be_visible()
    expect(tab.locator(".exchange")).to_have_count(0)
    assert tab.url != first
    tab.go_back()
    expect(tab.locator(REPLY)).to_have_text(text_of(1))


def test_a_screen_reader_hears_sentences_not_tokens(tab, engine):
    engine.says("One", " sentence.", WAIT, " And", " mo", WAIT, "re.", END)
    tab.evaluate("""() => {
      window.heard = [];
      const region = document.querySelector("[role=status]");
      new MutationObserver(() => window.heard.push(region.textContent)).observe(region, {childList: true});
    }""")
    send(tab)
    expect(tab.locator(REPLY)).to_have_text("One sentence.")
    engine.go()
    expect(tab.locator(REPLY)).to_have_text("One sentence. And mo")
    engine.go()
    expect(tab.locator(VERDICT)).to_have_text("Complete")
    expect(tab.get_by_role("status")).to_contain_text("Complete")
    heard = tab.evaluate("window.heard")
    assert len(heard) <= 3
    assert "One sentence. And more." in "".join(heard[1:])
    assert tab.locator("[aria-live], [role=log]").count() == 0


def test_the_page_stays_at_its_end_only_if_the_reader_is_there(visit, relay, engine):
    tab = visit(relay, viewport={"width": 600, "height": 400})
    paragraphs = [f"paragraph {number}\n\n" for number in range(30)]
    engine.says(*paragraphs, WAIT, *paragraphs, WAIT, "end", END)
    send(tab)
    at_end = "() => document.documentElement.scrollHeight - innerHeight - scrollY < 4"
    expect(tab.locator(f"{REPLY} p")).to_have_count(30)
    tab.wait_for_function(at_end)
    engine.go()
    expect(tab.locator(f"{REPLY} p")).to_have_count(60)
    tab.wait_for_function(at_end)
    tab.evaluate("scrollTo(0, 100)")
    expect(tab.get_by_role("button", name="To the latest words")).to_be_visible()
    engine.go()
    expect(tab.locator(VERDICT)).to_have_text("Complete")
    assert tab.evaluate("scrollY") == 100
    tab.get_by_role("button", name="To the latest words").click()
    tab.wait_for_function(at_end)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1000])
def test_it_is_accessible_and_fits(visit, relay, engine, scheme, width):
    axe = npm("axe-core/axe.min.js").read_text("utf-8")
    tab = visit(relay, color_scheme=scheme, viewport={"width": width, "height": 740})
    check(tab, axe, width)
    code = "```js\nconst x = 'a'; // " + "long " * 60 + "\nf(1)\n```\n\n"
    table = "| a | b |\n|---|---|\n| " + "wide" * 60 + " | x |\n\n"
    text = ["## Title\n\n", "> quote\n\n", "[link](https://x.example) `code`\n\n", "w" * 300, "\n\n", code, table]
    call = {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f" * 90, "arguments": "{" * 300}}]}
    engine.says({"reasoning_content": "Hm"}, *text, call, WAIT, CUT)
    send(tab, "a" * 300)
    expect(tab.locator(".tool pre")).to_contain_text("{")
    tab.get_by_text("Reasoning").click()
    check(tab, axe, width)
    engine.go()
    expect(tab.locator(VERDICT)).to_contain_text("Broke off before its end: ")
    check(tab, axe, width)
    tab.get_by_role("button", name="Settings").click()
    check(tab, axe, width)


def check(tab, axe, width):
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.evaluate(axe)
    found = tab.evaluate("axe.run().then(({violations}) => violations)")
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == []


def test_a_server_with_a_token_asks_for_it(visit, engine, tmp_path):
    spec = EngineSpec("llama.cpp", "scripted", engine.server.url)
    engine.says(*words(1), END)
    with serving(str(tmp_path / "relay.db"), engines=[spec], token="s3cret") as url:
        tab = visit(url)
        expect(tab.get_by_role("alert")).to_contain_text("token")
        tab.get_by_role("button", name="Settings").click()
        tab.get_by_label("Access token").fill("s3cret")
        tab.get_by_role("button", name="Done").click()
        expect(tab.get_by_role("alert")).to_be_empty()
        send(tab)
        expect(tab.locator(REPLY)).to_have_text(text_of(1))
        expect(tab.locator(VERDICT)).to_have_text("Complete")


def test_it_works_over_plain_http_from_another_machine(browser, engine, tmp_path):
    """Where a browser has fewer means: no `randomUUID`, no clipboard."""
    spec = EngineSpec("llama.cpp", "scripted", engine.server.url)
    engine.says("```\ncode\n```\n", END)
    elsewhere = ["--no-sandbox", "--host-resolver-rules=MAP relay.test 127.0.0.1"]
    launched = browser.browser_type.launch(executable_path=shutil.which("chromium"), args=elsewhere)
    with closing(launched), serving(str(tmp_path / "relay.db"), engines=[spec], token="s3cret") as url:
        tab = launched.new_page()
        tab.goto(url.replace("127.0.0.1", "relay.test"))
        assert not tab.evaluate("isSecureContext")
        tab.get_by_role("button", name="Settings").click()
        tab.get_by_label("Access token").fill("s3cret")
        tab.get_by_role("button", name="Done").click()
        expect(tab.get_by_role("alert")).to_be_empty()
        send(tab)
        expect(tab.locator(VERDICT)).to_have_text("Complete")
        tab.get_by_role("button", name="Copy").click()
        expect(tab.get_by_role("button", name="Selected")).to_be_visible()
        assert tab.evaluate("String(getSelection())").strip() == "code"


@pytest.mark.timeout(180)
def test_the_embedded_engine_answers_here(visit, tmp_path):
    need_engine()
    with serving(str(tmp_path / "relay.db"), engines=[EngineSpec("local")]) as url:
        tab = visit(url)
        tab.get_by_role("button", name="List the planets").click()
        expect(tab.locator(REPLY)).not_to_be_empty(timeout=60_000)
        tab.keyboard.press("Escape")
        expect(tab.locator(VERDICT)).to_have_text(re.compile("Stopped by you|Complete"))
        assert re.search(r"\d+ tokens? · first after", tab.locator(".speed").inner_text())
