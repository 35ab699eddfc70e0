"""Markdown as it arrives, in a real browser: the same elements however it is cut, and nothing in it is live."""

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.page.scripted import END

RENDER = """async (cuts) => {
  const { Markdown } = await import("/markdown.js");
  return cuts.map((pieces) => {
    const node = document.createElement("div");
    const markdown = new Markdown(node);
    for (const piece of pieces) markdown.feed(piece);
    markdown.close();
    node.normalize();
    return node.innerHTML.replaceAll(' rel="noopener noreferrer nofollow" target="_blank"', "")
      .replace(/<figure class="code"><figcaption>(.*?)<button.*?<\\/button><\\/figcaption><pre.*?>/g, "<pre $1>")
      .replaceAll("</pre></figure>", "</pre>");
  });
}"""

CASES = {
    "a *b* **c** ***d*** ~~e~~ _f_ g_h_i 2 * 3 * 4": (
        "<p>a <em>b</em> <strong>c</strong> <strong><em>d</em></strong> <del>e</del> <em>f</em> g_h_i 2 * 3 * 4</p>"
    ),
    "open **bold": "<p>open **bold</p>",
    "open `code *a*": "<p>open `code <em>a</em></p>",
    "**a `*` b**": "<p><strong>a <code>*</code> b</strong></p>",
    "`` a`b `` \\*c\\*": "<p><code>a`b</code> *c*</p>",
    "[a *b*](https://x.example/(y) 'z') [n] ![i](http://p.example/i.png)": (
        '<p><a href="https://x.example/(y)">a <em>b</em></a> [n] <a href="http://p.example/i.png">i</a></p>'
    ),
    "see https://x.example/a_b_c, (http://y.example/(z)). the hat": (
        '<p>see <a href="https://x.example/a_b_c">https://x.example/a_b_c</a>, '
        '(<a href="http://y.example/(z)">http://y.example/(z)</a>). the hat</p>'
    ),
    "<https://x.example> a<br>b &lt;i&gt; & c": (
        '<p><a href="https://x.example">https://x.example</a> a<br>b &lt;i&gt; &amp; c</p>'
    ),
    "# A\n\n### B\n#not\n## C": "<h3>A</h3><h4>B</h4><p>#not</p><h4>C</h4>",
    "a\nb\n\nc": "<p>a\nb</p><p>c</p>",
    "- a\n- b\n  - c\n\n  d\n\ne": (
        "<ul><li><p>a</p></li><li><p>b</p><ul><li><p>c</p></li></ul><p>d</p></li></ul><p>e</p>"
    ),
    "3. a\n4. b\n  - c": '<ol start="3"><li><p>a</p></li><li><p>b</p><ul><li><p>c</p></li></ul></li></ol>',
    "text\n14. more\n1. one": "<p>text\n14. more</p><ol><li><p>one</p></li></ol>",
    "> a\nlazy\n> - b\n\nc": "<blockquote><p>a\nlazy</p><ul><li><p>b</p></li></ul></blockquote><p>c</p>",
    "a\n\n---\n***\nb": "<p>a</p><hr><hr><p>b</p>",
    "```js\nif (x) // y\n\n  1\n```\nz": (
        '<pre js><code><span class="keyword">if</span> (x) <span class="comment">// y</span>\n\n  '
        '<span class="number">1</span>\n</code></pre><p>z</p>'
    ),
    "[a *b*](javascript:x) [c](d)": "<p>[a <em>b</em>](javascript:x) [c](d)</p>",
    "1. a\n   ```\n   b\n    c\n   ```\n2. d": (
        "<ol><li><p>a</p><pre text><code>b\n c\n</code></pre></li><li><p>d</p></li></ol>"
    ),
    "```\n<b> *a*": "<pre text><code>&lt;b&gt; *a*</code></pre>",
    "```one``` line": "<p><code>one</code> line</p>",
    "t:\n| a | b |\n|---|--:|\n| 1 | *2* \\| 3 |\n|4|\n\nend": (
        '<p>t:</p><div class="table" tabindex="0"><table><thead><tr><th>a</th><th class="right">b</th></tr></thead>'
        '<tbody><tr><td>1</td><td class="right"><em>2</em> | 3</td></tr><tr><td>4</td><td class="right"></td></tr>'
        "</tbody></table></div><p>end</p>"
    ),
    "| no table |\n| at all |": "<p>| no table |\n| at all |</p>",
    "|x": "<p>|x</p>",
}


@pytest.fixture(scope="module")
def render(browser, tmp_path_factory):
    """Render each of several ways to cut a text; a function."""
    from tests.relay.serving import serving

    with serving(str(tmp_path_factory.mktemp("relay") / "relay.db")) as url:
        tab = browser.new_page()
        tab.goto(url)
        yield lambda cuts: tab.evaluate(RENDER, cuts)
        tab.close()


def cuts(text):
    return [[text], list(text), *[[text[:at], text[at:]] for at in range(1, len(text))]]


@pytest.mark.parametrize("text", CASES, ids=json.dumps)
def test_case_however_it_is_cut(render, text):
    assert set(render(cuts(text))) == {CASES[text]}


PIECES = [
    "a",
    "b c",
    " ",
    "  ",
    "\n",
    "\n\n",
    "*",
    "**",
    "_",
    "`",
    "```",
    "~~~",
    "~~",
    "[",
    "](",
    "](https://e.x)",
    ")",
]
PIECES += ["> ", "- ", "1. ", "# ", "|", "|-|", "---", "<", ">", "&amp;", "&", "!", "\\", "http://e.x", "    "]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_no_cut_changes_anything_and_no_letter_is_lost(render, pieces):
    text = "".join(pieces)
    outcomes = set(render([[text], list(text), pieces]))
    assert len(outcomes) == 1
    if not any(mark in text for mark in ("](", "```", "~~~")):  # titles, what is beside a code's language
        shown = re.sub("<[^>]*>", "", outcomes.pop())
        assert re.findall("[abc]", re.sub("&amp;(amp;)?", "", shown)) == re.findall("[abc]", text.replace("&amp;", ""))


HOSTILE = [
    "<script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    "[click](javascript:window.hacked=1) [click](JaVaScRiPt:window.hacked=1) [c](data:text/html,<script>1</script>)",
    "[click](<javascript:window.hacked=1>) [c](vbscript:x) [c](file:///etc/passwd) <javascript:window.hacked=1>",
    "![pixel](https://tracker.example/pixel.png)",
    '[a](https://x.example/"onmouseover="window.hacked=1) [a](java\tscript:window.hacked=1)',
    "<svg onload='window.hacked = 1'><style>* { display: none }</style><iframe srcdoc='<script>1</script>'>",
    '```html\n<script>window.hacked = 1</script>\n```\n```"onclick="window.hacked=1\nx\n```',
    "| <img src=x onerror=window.hacked=1> |\n|---|\n| <script>window.hacked=1</script> |",
    "&lt;script&gt;window.hacked = 1&lt;/script&gt;",
]
ALLOWED = {
    *("a", "blockquote", "br", "button", "code", "del", "details", "div", "em", "figcaption", "figure", "h3", "hr"),
    *("li", "ol", "p", "pre", "span", "strong", "summary", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}


def test_hostile_text_stays_dead(tab, engine):
    engine.says({"reasoning_content": HOSTILE[0]}, *[f"{text}\n\n" for text in HOSTILE], END)
    tab.get_by_label("Message").fill("<img src=x onerror='window.hacked = 1'>")
    tab.keyboard.press("Enter")
    tab.locator(".verdict").get_by_text("Complete").wait_for()
    tab.get_by_text("Reasoning").click()
    assert tab.evaluate("window.hacked") is None
    names = tab.evaluate("[...document.querySelectorAll('.reply-body *')].map((node) => node.localName)")
    assert set(names) <= ALLOWED
    links = tab.evaluate("[...document.querySelectorAll('.reply-body a')].map((a) => [a.protocol, a.rel])")
    assert links
    assert all(protocol in ("https:", "http:") and "noopener" in rel for protocol, rel in links)
    attributes = "[...document.querySelectorAll('.reply-body *')].flatMap((node) => node.getAttributeNames())"
    assert set(tab.evaluate(attributes)) <= {"class", "href", "open", "rel", "target", "tabindex", "type"}
    assert not [url for url in tab.asked if "example" in url]
    assert tab.complaints == []
