"""Reasoning written into the text: a table of replies under every cut, and a brute-force oracle on the whole text."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamfold import tags as tags_module
from streamfold.errors import CallerError
from streamfold.tags import MAX_WHITE, THINK, Tag, TagSplitter

from .chunkings import chunkings, splits

ROWS = {  # the reply, its reasoning, its text
    "plain answer": ("Hello, world.", "", "Hello, world."),
    "nothing": ("", "", ""),
    "only white space": ("\n \n", "", "\n \n"),
    "reasoning, then the answer": ("<think>hmm</think>answer", "hmm", "answer"),
    "as DeepSeek-R1 writes it": ("<think>\nOkay.\n</think>\n\nHi!", "\nOkay.\n", "\n\nHi!"),
    "white space before the tag": ("\n <think>hmm</think>\nHi", "\n hmm", "\nHi"),
    "ideographic space before it": ("\u3000<think>嗯</think>你好", "\u3000嗯", "你好"),
    "empty block": ("<think></think>Hi", "", "Hi"),
    "Qwen3 told not to think": ("<think>\n\n</think>\n\nHi", "\n\n", "\n\nHi"),
    "several blocks": ("<think>a</think>\n<think>b</think><seed:think>c</seed:think> Hi", "a\nbc", " Hi"),
    "a block after the answer began": ("<think>a</think>Hi<think>b</think>", "a", "Hi<think>b</think>"),
    "mid-answer": ("Use <think> and </think>.", "", "Use <think> and </think>."),
    "after one character": ("-<think>a</think>", "", "-<think>a</think>"),
    "as code in the answer": ("`<think>` is a tag", "", "`<think>` is a tag"),
    "never closed": ("<think>hmm, 2 < 3", "hmm, 2 < 3", ""),
    "never closed, cut in the tag": ("<think>hmm</thi", "hmm</thi", ""),
    "cut in the opening tag": ("\n<thi", "", "\n<thi"),
    "cut in the opening tag of a second block": ("<think>a</think>\n<thi", "a", "\n<thi"),
    "leading orphan": ("</think>Hi", "", "Hi"),
    "leading orphan after white space": ("\n\n</think>\n\nHi", "\n\n", "\n\nHi"),
    "leading orphans": ("</think> </think>Hi", " ", "Hi"),
    "orphan after a block": ("<think>a</think></think>Hi", "a", "Hi"),
    "late orphan": ("reasoned</think>Hi", "", "reasoned</think>Hi"),
    "nested": ("<think>a <think>b</think>c</think>Hi", "a <think>b", "c</think>Hi"),
    "another closing tag in the block": ("<think>a</seed:think>b</think>Hi", "a</seed:think>b", "Hi"),
    "look-alike": ("<thinker>a</thinker>", "", "<thinker>a</thinker>"),
    "look-alike with an attribute": ("<think mode='x'>a</think>", "", "<think mode='x'>a</think>"),
    "other case": ("<Think>a</Think>", "", "<Think>a</Think>"),
    "doubled bracket": ("<<think>a</think>", "", "<<think>a</think>"),
    "doubled bracket at the end of the block": ("<think>a<</think>Hi", "a<", "Hi"),
    "nearly closed again and again": ("<think></thin</thin</think>>Hi", "</thin</thin", ">Hi"),
    "emoji and CJK": ("<think>🤔 思考</think>答案 👍🏽", "🤔 思考", "答案 👍🏽"),
    "lone surrogate": ("<think>\ud83d</think>\ude00", "\ud83d", "\ude00"),
    "no white space: zero width": ("\u200b<think>a</think>", "", "\u200b<think>a</think>"),
    "Magistral": ("[THINK]a[/THINK]b", "a", "b"),
    "markdown link, not Magistral": ("[THIS](x)", "", "[THIS](x)"),
    "Kimi": ("◁think▷a◁/think▷b", "a", "b"),
    "Gemma 4": ("<|channel>thought\na<channel|>b", "\na", "b"),
    "MiniMax-M3 without thought": ("</mm:think>b", "", "b"),
}
OPENED = {  # the same where the prompt has opened the block
    "plain": ("hmm</think>answer", "hmm", "answer"),
    "as templates write it": ("Okay.\n</think>\n\nHi", "Okay.\n", "\n\nHi"),
    "opening tag repeated": ("\n<think>hmm</think>Hi", "\nhmm", "Hi"),
    "opening tag later": ("a<think>b</think>Hi", "a<think>b", "Hi"),
    "closed at once": ("</think>Hi", "", "Hi"),
    "closed after white space": ("\n\n</think>\n\nHi", "\n\n", "\n\nHi"),
    "white space kept in front": (" a</think>b", " a", "b"),
    "never closed": ("hmm", "hmm", ""),
    "only white space": ("\n", "\n", ""),
    "cut in a tag": ("</thi", "</thi", ""),
    "cut in a tag after white space": ("\n<thi", "\n<thi", ""),
    "begins nearly with a tag": ("</thin</think>a", "</thin", "a"),
    "closed by any tag": ("a[/THINK]b", "a", "b"),
    "a second block": ("a</think><think>b</think>c", "ab", "c"),
    "no second orphan in the answer": ("a</think>b</think>", "a", "b</think>"),
}


def split(chunks, *args, **options):
    """Return the reasoning and the text; see that every piece is a piece, and that reasoning comes first."""
    splitter = TagSplitter(*args, **options)
    pieces = [piece for chunk in chunks for piece in splitter.feed(chunk)] + splitter.close()
    assert all(piece for _, piece in pieces)
    assert [side for side, _ in pieces] == sorted((side for side, _ in pieces), reverse=True)
    assert splitter.close() == []
    return both(pieces)


def both(pieces):
    return tuple("".join(piece for side, piece in pieces if side is wanted) for wanted in (True, False))


@pytest.mark.parametrize(("reply", "reasoning", "text"), ROWS.values(), ids=ROWS)
def test_reply_however_it_is_cut(reply, reasoning, text):
    for chunks in chunkings(reply):
        assert split(chunks) == (reasoning, text)


@pytest.mark.parametrize(("reply", "reasoning", "text"), OPENED.values(), ids=OPENED)
def test_reply_to_a_prompt_that_opened_the_block(reply, reasoning, text):
    for chunks in chunkings(reply):
        assert split(chunks, opened=True) == (reasoning, text)


@pytest.mark.parametrize("tag", THINK)
def test_every_default_tag(tag):
    for chunks in chunkings(f"{tag.open}a{tag.close}b"):
        assert split(chunks) == ("a", "b")


# --- the oracle -------------------------------------------------------------------------------------------

FEW_TAGS = (Tag("<a>", "</a>"), Tag("<ab>", "</>"), Tag("((", ")"))
SNIPPETS = [*(string for tag in FEW_TAGS for string in (tag.open, tag.close)), *"</ab>( \n", "x", "\u3000"]
REPLIES = st.lists(st.sampled_from(SNIPPETS), max_size=14).map("".join)


def by_regex(reply, tags, opened):
    """Return the reasoning and the text of a whole reply, tag after tag."""
    closes = {tag.open: tag.close for tag in reversed(tags)}
    any_close = "|".join(re.escape(tag.close) for tag in tags)
    any_tag = "|".join(map(re.escape, closes)) + "|" + any_close
    if found := re.match(rf"(\s*)({any_tag})", reply):
        inside, rest = found[1], reply[found.end() :]
        if found[2] in closes:
            more, _, rest = rest.partition(closes[found[2]])
            inside += more
    elif opened:
        inside, *rest = re.split(any_close, reply, maxsplit=1)
        rest = "".join(rest)
    else:
        return "", reply
    reasoning, text = by_regex(rest, tags, opened=False)
    return inside + reasoning, text


@given(REPLIES.flatmap(splits), st.booleans())
@example(["(", "((x"], False)
def test_any_reply_agrees_with_brute_force(chunks, opened):
    assert split(chunks, FEW_TAGS, opened=opened) == by_regex("".join(chunks), FEW_TAGS, opened)


@given(REPLIES, st.booleans())
def test_held_back_is_exactly_what_is_undecided(reply, opened):
    """Shown is what every continuation of the reply has in common, and all of it."""
    splitter = TagSplitter(FEW_TAGS, opened=opened)
    shown = both(splitter.feed(reply))
    ends = [by_regex(reply + more, FEW_TAGS, opened) for more in ["", "x", *completions(reply)]]
    assert shown == tuple(common_prefix(side) for side in zip(*ends, strict=True))


def completions(reply):
    strings = [string for tag in FEW_TAGS for string in (tag.open, tag.close)]
    return {string[size:] for string in strings for size in range(len(string)) if reply.endswith(string[:size])}


def common_prefix(texts):
    first, last = min(texts), max(texts)
    return next((first[:at] for at, char in enumerate(first) if char != last[at : at + 1]), first)


# --- holding back -----------------------------------------------------------------------------------------


def steps(chunks, **options):
    splitter = TagSplitter(**options)
    return [splitter.feed(chunk) for chunk in chunks]


def test_what_may_become_a_tag_is_held_and_nothing_else():
    assert steps(["<", "think", ">", "a", "<", "b</", "x", "</think", ">", "\n", "<", "i", ">"]) == [
        *([[]] * 3),
        [(True, "a")],
        [],
        [(True, "<b")],
        [(True, "</x")],
        *([[]] * 4),
        [(False, "\n<"), (False, "i")],
        [(False, ">")],
    ]


def test_white_space_in_a_block_is_not_held():
    assert steps(["<think>\n", "\n", " "]) == [[(True, "\n")], [(True, "\n")], [(True, " ")]]


def test_opened_shows_reasoning_at_once():
    assert steps([" ", "a", "</", "b"], opened=True) == [[(True, " ")], [(True, "a")], [], [(True, "</b")]]


@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.parametrize("size", [MAX_WHITE - 1, MAX_WHITE, MAX_WHITE + 1])
def test_how_much_white_space_may_precede_a_tag(size, opened):
    reply = "\n" * size + "<think>a</think>b"
    wanted = ("\n" * size + "a", "b") if opened or size <= MAX_WHITE else ("", reply)
    for chunks in ([reply], list(reply), [reply[:size], reply[size:]]):
        assert split(chunks, opened=opened) == wanted


# --- done, and close --------------------------------------------------------------------------------------


def test_done_when_the_answer_begins():
    splitter = TagSplitter()
    for chunk, done in [("\n<think>", False), ("a</think>", False), ("\n", False), ("<", False), ("b", True)]:
        splitter.feed(chunk)
        assert splitter.done is done
    assert splitter.feed("<think>") == [(False, "<think>")]
    assert splitter.feed("") == []


def test_a_long_answer_is_one_piece():
    assert TagSplitter().feed("<think>a</think>" + "b" * 100_000) == [(True, "a"), (False, "b" * 100_000)]


def test_no_tags_is_done_at_once():
    splitter = TagSplitter(())
    assert splitter.done
    assert splitter.feed("<think>") == [(False, "<think>")]
    assert split(["<think>", "a"], (), opened=True) == ("<think>a", "")


def test_no_tag_reaches_over_a_close():
    splitter = TagSplitter()
    assert splitter.feed("<think>a</th") == [(True, "a")]
    assert splitter.close() == [(True, "</th")]
    assert splitter.feed("ink>b</think>\n") == [(True, "ink>b")]
    assert splitter.close() == [(False, "\n")]
    assert not splitter.done
    assert splitter.feed("<think>c</think><thi") == [(True, "c")]
    assert splitter.close() == [(False, "<thi")]
    assert splitter.done


# --- tags of one's own ------------------------------------------------------------------------------------


def test_tags_of_ones_own():
    tags = [Tag("Thought: ", "\nAnswer: "), Tag(" {{", "}}")]
    for chunks in chunkings("Thought: hm\nAnswer: 42\nAnswer: 43"):
        assert split(chunks, tags) == ("hm", "42\nAnswer: 43")
    for chunks in chunkings("   {{a}}b"):
        assert split(chunks, tags) == ("  a", "b")
    for chunks in chunkings("<think>a</think>"):
        assert split(chunks, tags) == ("", "<think>a</think>")


def test_a_closing_tag_may_begin_in_what_looked_like_an_opening_one():
    for chunks in chunkings("ab<xy"):
        assert split(chunks, [Tag("ab<c", "<x")], opened=True) == ("ab", "y")


def test_tags_may_share_a_side():
    tags = [Tag("<a>", "</>"), Tag("<b>", "</>"), Tag("<a>", "</a>")]
    for chunks in chunkings("<b>x</><a>y</a></>z"):
        assert split(chunks, tags) == ("xy</a>", "z")


@pytest.mark.parametrize(("opening", "closing"), [("", "</a>"), ("<a>", ""), ("|", "|"), (None, "b"), ("a", b"b")])
def test_what_is_no_tag_is_rejected(opening, closing):
    with pytest.raises(CallerError, match=r"a tag opens (or|and) closes with "):
        Tag(opening, closing)


def test_steps_do_not_show(monkeypatch):
    monkeypatch.setattr(tags_module, "MAX_STEP", 3)
    for reply, reasoning, text in ROWS.values():
        assert split([reply]) == (reasoning, text)
