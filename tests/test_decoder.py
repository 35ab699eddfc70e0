"""Wire bytes into a reply: the rows of the edge-case contract, and the master property, cut anywhere."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamfold import decoder as decoder_module
from streamfold.decoder import Decoder
from streamfold.errors import ChunkTypeError, DialectError, FramingError, LimitError, ProviderError
from streamfold.events import StreamEnd, TextDelta
from streamfold.folding import Fold
from streamfold.reply import Verdict
from streamfold.reply.parts import ToolCall
from streamfold.reply.usage import Usage

from .chunkings import chunkings, splits

DONE = "data: [DONE]\n\n"


def event(value):
    return f"data: {value if isinstance(value, str) else json.dumps(value)}\n\n"


def said(delta=None, reason=None, index=0, **more):
    return event({"choices": [{"index": index, "delta": delta or {}, "finish_reason": reason}], **more})


def text(piece, reason=None):
    return said({"content": piece}, reason)


def calls(*pieces):
    """Return an event of pieces of tool calls, each ``(index, id, name, arguments)``; ``...`` leaves a field out."""
    found = []
    for index, id, name, arguments in pieces:
        call = {"index": index, "id": id, "function": {"name": name, "arguments": arguments}}
        call["function"] = {key: value for key, value in call["function"].items() if value is not ...}
        found.append({key: value for key, value in call.items() if value is not ...})
    return said({"tool_calls": found})


def handed_on(shown, index):
    """Yield the text of one choice; of choice 0 it travels as plain str."""
    for one in shown:
        if isinstance(one, str) and index == 0:
            yield one
        elif isinstance(one, TextDelta) and one.choice == index:
            yield one.text


def decoded(pieces, stop=None):
    """Return the reply, after a check that the text handed out is its text."""
    decoder = Decoder(Fold(stop))
    shown = [one for piece in pieces for one in decoder.feed(piece)]
    *rest, end = decoder.close()
    assert isinstance(end, StreamEnd)
    for choice in end.reply.choices:
        assert "".join(handed_on(shown + rest, choice.index)) == choice.text
    return end.reply


def comparable(reply):
    """Return all of a reply but what no two objects share; errors as type and words."""
    facts = {name: getattr(reply, name) for name in reply.__slots__}
    return facts | {"error": (type(reply.error), str(reply.error))}


def every_reply(wire, **options):
    """Return the one reply that `wire` has however it is cut."""
    first, *others = [
        decoded(pieces, **options) for pieces in chunkings(wire.encode() if isinstance(wire, str) else wire)
    ]
    for other in others:
        assert comparable(other) == comparable(first)
    return first


def whole(id, name, arguments):
    return ToolCall(id, name, arguments, complete=True)


# --- text and verdicts ------------------------------------------------------------------------------------

STREAMS = {
    "plain": (text("Hel") + text("lo") + said(reason="stop") + DONE, "Hello", Verdict.COMPLETE),
    "no end mark": (text("a") + said(reason="stop"), "a", Verdict.COMPLETE),
    "no finish reason": (text("a") + DONE, "a", Verdict.COMPLETE),
    "neither": (text("a") + text("b"), "ab", Verdict.TRUNCATED),
    "nothing": ("", "", Verdict.TRUNCATED),
    "only comments": (": ping\n\n: ping\n\n", "", Verdict.TRUNCATED),
    "length": (text("a", "length") + DONE, "a", Verdict.LENGTH),
    "empty and null": (text("") + text(None) + text("a", "") + said() + DONE, "a", Verdict.COMPLETE),
    "null everywhere": (
        event({"choices": None}) + event({"choices": [{"delta": None}]}) + text("a") + DONE,
        "a",
        Verdict.COMPLETE,
    ),
    "after the end mark": (text("a") + DONE + text("b") + "garbage\n\n" + event("{"), "a", Verdict.COMPLETE),
    "unterminated last event": (text("a") + said(reason="stop").rstrip(), "a", Verdict.COMPLETE),
    "unterminated text": (text("a") + text("b").rstrip(), "ab", Verdict.TRUNCATED),
    "unterminated end mark": (text("a") + DONE.rstrip(), "a", Verdict.COMPLETE),
    "cut end mark": (text("a") + "data: [DON", "a", Verdict.TRUNCATED),
    "cut end mark after the finish reason": (text("a", "stop") + "data: [DON", "a", Verdict.COMPLETE),
    "cut event": (text("a") + text("bc")[:-12], "a", Verdict.TRUNCATED),
    "cut field": (text("a") + "dat", "a", Verdict.TRUNCATED),
    "pings": ("event: ping\ndata: {}\n\n" + event({"type": "ping"}) + text("a") + DONE, "a", Verdict.COMPLETE),
    "keepalives": (": x\n\ndata: : keepalive\n\ndata:\n\n" + text("a") + DONE, "a", Verdict.COMPLETE),
    "two values in one event": ("data: " + text("a")[6:-2] + text("b")[6:] + DONE, "ab", Verdict.COMPLETE),
    "150 times the same": (text("---") * 150 + DONE, "---" * 150, Verdict.COMPLETE),
    "refused": (said({"refusal": "no"}, "stop") + DONE, "", Verdict.REFUSED),
    "whole reply as bare json": (
        '{"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}',
        "a",
        Verdict.COMPLETE,
    ),
    "halves of a character": (text("a\ud83d") + text("\ude00b") + DONE, "a😀b", Verdict.COMPLETE),
    "half a character at the end": (text("a\ud83d", "stop"), "a\ufffd", Verdict.COMPLETE),
    "raw characters": (
        'data: {"choices":[{"delta":{"content":"é\u2028😀"}}]}\n\n' + DONE,
        "é\u2028😀",
        Verdict.COMPLETE,
    ),
}


@pytest.mark.parametrize(("wire", "words", "verdict"), STREAMS.values(), ids=STREAMS)
def test_stream_however_it_is_cut(wire, words, verdict):
    reply = every_reply(wire)
    assert (reply.text, reply.verdict, reply.error) == (words, verdict, None)


@pytest.mark.parametrize("end", ["\r\n", "\r"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_line_ends_and_byte_order_mark_change_nothing(end, bom):
    wire = text("a") + ": c\n\n" + said(reason="stop") + DONE
    reply = every_reply(bom + wire.replace("\n", end))
    assert comparable(reply) == comparable(every_reply(wire))


LEFTOVERS = {
    "cut json": (text("a") + 'data: {"choices"', b'{"choices"'),
    "cut end mark": (text("a") + "data: [DON", b"[DON"),
    "whole": (text("a") + said(reason="stop").rstrip(), b""),
    "html": ("<html>\n</html>", b"<html>\n</html>\n"),
    "whole line": ('{"message":{"content":"a"},"done":false}\n{"message":{"content":"b"},"done":true}', b""),
    "cut line": ('{"message":{"content":"a"},"done":false}\n{"message":{"con', b'{"message":{"con'),
}


@pytest.mark.parametrize(("wire", "leftover"), LEFTOVERS.values(), ids=LEFTOVERS)
def test_leftover(wire, leftover):
    assert every_reply(wire).leftover == leftover


def test_unterminated_event_is_flagged():
    wire = text("a", "stop")
    assert every_reply(wire.rstrip()).anomalies == ["the last event had no blank line after it"]
    assert every_reply(wire).anomalies == []


def test_decoder_wants_no_more_at_the_end_mark():
    decoder = Decoder()
    assert decoder.feed((text("a") + DONE).encode()) == ["a"]
    assert decoder.fold.ended


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_kind_of_bytes(kind):
    assert decoded([kind((text("a") + DONE).encode())]).text == "a"


def test_chunk_of_a_wrong_type():
    reply = decoded([text("a").encode(), "data: x\n\n", text("b").encode()])
    assert (reply.text, reply.verdict, type(reply.error)) == ("a", Verdict.ERRORED, ChunkTypeError)


# --- reasoning, choices, usage ----------------------------------------------------------------------------


def test_reasoning_and_text_keep_their_order():
    wire = said({"reasoning_content": "h"}) + said({"reasoning": "m"}) + text("a") + said({"thinking": "x"}) + DONE
    parts = every_reply(wire).parts
    assert [(type(part).__name__, part.text) for part in parts] == [
        ("ReasoningPart", "hm"),
        ("TextPart", "a"),
        ("ReasoningPart", "x"),
    ]


def test_choice_1_before_choice_0():
    wire = said({"content": "b"}, index=1) + text("a", "stop") + said({}, "length", 1) + DONE
    reply = every_reply(wire)
    assert [(c.index, c.text, c.finish_reason) for c in reply.choices] == [(0, "a", "stop"), (1, "b", "length")]
    assert reply.verdict is Verdict.COMPLETE


def counts(prompt, completion, total):
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total}


USAGES = {
    "on every chunk": ([said({"content": "a"}, usage=counts(9, n, 9 + n)) for n in (1, 2, 4)], (9, 4, 13)),
    "after the finish reason": ([text("a", "stop"), event({"choices": [], "usage": counts(9, 4, 13)})], (9, 4, 13)),
    "null at first": ([said({"content": "a"}, usage=None), said({}, usage=counts(9, 4, 13))], (9, 4, 13)),
    "absent": ([text("a", "stop")], (None, None, None)),
    "zero": ([said({}, usage=counts(0, 0, 0))], (0, 0, 0)),
}


@pytest.mark.parametrize(("events", "wanted"), USAGES.values(), ids=USAGES)
def test_usage(events, wanted):
    usage = every_reply("".join([*events, DONE])).usage
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == wanted
    assert (usage == Usage()) is (wanted[0] is None)


@pytest.mark.parametrize("more", [{"usage": counts(9, 4, 13)}, {"prompt_filter_results": [{"prompt_index": 0}]}])
def test_chunks_without_choices_alone_are_nothing_strange(more):
    reply = every_reply(event({"id": "c", "choices": []} | more))
    assert (reply.verdict, reply.error, reply.id) == (Verdict.TRUNCATED, None, "c")
    assert reply.usage.total_tokens == (13 if "usage" in more else None)


# --- tool calls -------------------------------------------------------------------------------------------

A1 = '{"a":1}'
TOOLS = {
    "id and name in each chunk": (
        [calls((0, "c", "f", "")), calls((0, "c", "f", '{"a":')), calls((0, "c", "f", "1}"))],
        [whole("c", "f", A1)],
    ),
    "two calls of index 0": (
        [calls((0, "c1", "f", A1)), calls((0, "c2", "f", "{}"))],
        [whole("c1", "f", A1), whole("c2", "f", "{}")],
    ),
    "two calls in one chunk": (
        [calls((0, "c1", "f", A1), (1, "c2", "g", "{}"))],
        [whole("c1", "f", A1), whole("c2", "g", "{}")],
    ),
    "first index is 1": ([calls((1, "c", "f", "{}"))], [whole("c", "f", "{}")]),
    "no index": ([calls((..., "c", "f", '{"a":')), calls((..., ..., ..., "1}"))], [whole("c", "f", A1)]),
    "interleaved": (
        [calls((0, "c1", "f", '{"a":')), calls((1, "c2", "g", "{")), calls((0, ..., ..., "1}"), (1, ..., ..., "}"))],
        [whole("c1", "f", A1), whole("c2", "g", "{}")],
    ),
    "split name, late id": (
        [calls((0, "", "get_", ...)), calls((0, None, "weather", ...)), calls((0, "c", None, "{}"))],
        [whole("c", "get_weather", "{}")],
    ),
    "no arguments": ([calls((0, "c", "f", ...))], [whole("c", "f", "{}")]),
    "null arguments": ([calls((0, "c", "f", None))], [whole("c", "f", "{}")]),
    "arguments as an object": ([calls((0, "c", "f", {"a": 1}))], [whole("c", "f", '{"a": 1}')]),
    "character cut in two": (
        [calls((0, "c", "f", '"\ud83d')), calls((0, "c", "f", '\ude00"'))],
        [whole("c", "f", '"😀"')],
    ),
}


@pytest.mark.parametrize(("events", "wanted"), TOOLS.values(), ids=TOOLS)
def test_tool_calls(events, wanted):
    reply = every_reply("".join(events) + said({}, "tool_calls") + DONE)
    assert (reply.tool_calls, reply.verdict) == (wanted, Verdict.TOOL_CALLS)


CUT_TOOLS = {
    "end of the stream": ("", Verdict.TRUNCATED),
    "length": (said({}, "length") + DONE, Verdict.LENGTH),
    "error": (event({"error": "no"}), Verdict.ERRORED),
}


@pytest.mark.parametrize(("end", "verdict"), CUT_TOOLS.values(), ids=CUT_TOOLS)
def test_cut_tool_call_is_kept_incomplete(end, verdict):
    reply = every_reply(calls((0, "c", "f", '{"a":')) + end)
    assert (reply.tool_calls, reply.verdict) == ([ToolCall("c", "f", '{"a":')], verdict)


# --- errors -----------------------------------------------------------------------------------------------

ERRORS = {
    "content, then an error": (text("a") + event({"error": {"message": "no"}}), ProviderError, "a"),
    "error first": (event({"error": {"message": "no"}}), ProviderError, ""),
    "event error": (text("a") + 'event: error\ndata: {"message": "no"}\n\n', ProviderError, "a"),
    "detail": (text("a") + event({"detail": "no"}), ProviderError, "a"),
    "field of error": (text("a") + 'error: {"message": "no"}\n\n', ProviderError, "a"),
    "error, then more": (text("a") + event({"error": "no"}) + text("b") + DONE, ProviderError, "a"),
    "error after the finish reason": (text("a", "stop") + event({"error": "no"}), ProviderError, "a"),
    "json body": ('{"error":\n  {"message": "no"}}', ProviderError, ""),
    "unterminated error": (text("a") + event({"error": "no"}).rstrip(), ProviderError, "a"),
    "not json": (text("a") + "data: not json\n\n" + text("b"), DialectError, "a"),
    "html body": ("<html>\n\n<p>502</p></html>", FramingError, ""),
    "finish reason error": (text("a", "error"), ProviderError, "a"),
}


@pytest.mark.parametrize(("wire", "kind", "words"), ERRORS.values(), ids=ERRORS)
def test_error_ends_the_stream_and_keeps_the_text(wire, kind, words):
    reply = every_reply(wire)
    assert (reply.verdict, type(reply.error), reply.text) == (Verdict.ERRORED, kind, words)
    with pytest.raises(kind):
        reply.raise_for_verdict()


@pytest.mark.parametrize("words", ["", "a"])
def test_error_says_whether_content_was_delivered(words):
    reply = every_reply(text(words) + event({"error": {"message": "no", "code": 503}}))
    assert (reply.error.content_delivered, reply.error.retryable) == (bool(words), True)


def test_bad_frame_is_shown_with_its_place():
    error = every_reply(text("a") + "data: not json\n\n").error
    assert error.frame == b"not json"


def test_event_too_large(monkeypatch):
    decoder = Decoder()
    decoder.feed(text("a").encode())
    monkeypatch.setattr(decoder._framing, "_limit", 1000)
    decoder.feed(b"data: " + b"x" * 2000)
    decoder.close()
    reply = decoder.fold.reply
    assert (reply.verdict, type(reply.error), reply.text) == (Verdict.ERRORED, LimitError, "a")


# --- utf-8 ------------------------------------------------------------------------------------------------

CASE_FILE = Path(__file__).parents[2] / "shared" / "cases" / "utf8_cases.json"
CASES = json.loads(CASE_FILE.read_text("utf-8")) if CASE_FILE.exists() else []

# Two signs mean something to JSON and to the framing, not to UTF-8; as escapes they go through.
ESCAPES = [(b"\\", rb"\\"), (b'"', rb"\""), (b"\n", rb"\n"), (b"\r", rb"\r")]


@pytest.mark.parametrize("case", CASES or [None], ids=lambda case: case and case["name"])
def test_utf_8_case(case, shared):
    raw = bytes.fromhex(case["bytes_hex"])
    assert raw.decode("utf-8", "replace") == case["expected_text"]
    for sign, escape in ESCAPES:
        raw = raw.replace(sign, escape)
    wire = b'data: {"choices":[{"delta":{"content":"%s"}}]}\n\ndata: [DONE]\n\n' % raw
    n_genuine = raw.count("\ufffd".encode())
    n_replaced = case["expected_text"].count("\ufffd") - n_genuine
    sentence = "an invalid UTF-8 sequence replaced by U+FFFD"
    counted = [] if not n_replaced else [sentence if n_replaced == 1 else f"{sentence} ({n_replaced} times)"]
    for pieces in ([wire], [wire[at : at + 1] for at in range(len(wire))]):
        reply = decoded(pieces)
        assert (reply.text, reply.verdict) == (case["expected_text"], Verdict.COMPLETE)
        assert reply.anomalies == counted


# --- the master property ----------------------------------------------------------------------------------

WORDS = st.text(st.sampled_from(["a", "b", "X", "Y", "é", "😀", "\ud83d", "\ude00", "\n", "\u2028"]), max_size=4)
EMPTY = st.sampled_from([None, "", []])
CALL = st.fixed_dictionaries(
    {"function": st.fixed_dictionaries({}, optional={"name": st.sampled_from(["f", "g"]), "arguments": WORDS | EMPTY})},
    optional={"index": st.sampled_from([0, 1, None, -1, True]), "id": st.sampled_from(["c", "d", "", None])},
)
DELTA = st.fixed_dictionaries({"content": WORDS}) | st.fixed_dictionaries(
    {},
    optional={
        "role": st.just("assistant"),
        "content": WORDS | EMPTY,
        "reasoning_content": WORDS | EMPTY,
        "reasoning": WORDS | EMPTY,
        "refusal": WORDS | EMPTY,
        "tool_calls": st.lists(CALL, max_size=2) | EMPTY,
    },
)
CHOICE = st.fixed_dictionaries({"delta": DELTA}, optional={"index": st.just(0), "finish_reason": EMPTY}) | (
    st.fixed_dictionaries(
        {"delta": DELTA | EMPTY, "index": st.integers(0, 2)},
        optional={"finish_reason": st.sampled_from(["stop", "length", "tool_calls", "error"])},
    )
)
CHUNK = st.fixed_dictionaries({"choices": st.tuples(CHOICE)}) | st.fixed_dictionaries(
    {"choices": st.lists(CHOICE, max_size=2) | EMPTY},
    optional={
        "id": st.sampled_from(["i", ""]),
        "usage": st.sampled_from([None, counts(1, 2, 3)]),
        "error": st.sampled_from([None, "", {"message": "no"}]),
    },
)
NOISE = st.sampled_from([": ping\n\n", "event: ping\ndata: {}\n\n", "\n", "id: 1\n", "retry: 5\n\n", "junk\n", DONE])


@st.composite
def wires(draw):
    """Draw a stream of a server with habits of its own, cut off anywhere or not."""
    separators = draw(st.sampled_from([(",", ":"), (", ", ": ")]))
    ascii_only, lead = draw(st.booleans()), draw(st.sampled_from(["data: ", "data:", "event: message\ndata: "]))

    def written(chunk):
        line = json.dumps(chunk, separators=separators, ensure_ascii=ascii_only)
        return f"{lead}{line}\n\n".encode("utf-8", "surrogatepass").decode("utf-8", "replace")

    events = draw(st.lists(CHUNK.map(written) | CHUNK.map(written) | NOISE, max_size=8))
    wire = draw(st.sampled_from(["", "\ufeff"])) + "".join([text("a"), *events]) + draw(st.sampled_from(["", DONE]))
    wire = wire.replace("\n", draw(st.sampled_from(["\n", "\n", "\r\n", "\r"]))).encode()
    return wire[: draw(st.integers(0, len(wire)) | st.just(len(wire)))]


STOPS = st.sampled_from([None, None, "X", ["XY", "aX", "😀"], ["ab\n"]])


@given(wires(), STOPS, st.data())
def test_cutting_changes_nothing(wire, stop, data):
    uncut = comparable(decoded([wire], stop))
    assert comparable(decoded(data.draw(splits(wire)), stop)) == uncut
    assert comparable(decoded([wire[at : at + 1] for at in range(len(wire))], stop)) == uncut
    assert uncut["verdict"] is not None


@given(st.binary() | st.text(st.sampled_from('data: {}[]"\n\r,choisedltanf:0')).map(str.encode), st.data())
def test_no_bytes_raise(wire, data):
    pieces = data.draw(splits(wire))
    reply = decoded(pieces)
    assert reply.verdict is not None
    uncut = decoded([wire])
    if isinstance(uncut.error, FramingError):  # what came after it has no say, and may not even be read
        reply.leftover = uncut.leftover = b""
    assert comparable(reply) == comparable(uncut)


def test_first_bytes_that_do_not_tell_are_looked_at_once_a_line(monkeypatch):
    """Else each read would copy and read all of them again."""
    looks = []
    find = decoder_module.find_framing
    monkeypatch.setattr(decoder_module, "find_framing", lambda *args, **more: looks.append(args) or find(*args, **more))
    wire = json.dumps({"message": {"content": "a" * 1000}, "done": True}).encode()
    decoder = Decoder()
    for byte in wire + b"\n":
        decoder.feed(bytes([byte]))
    assert (decoder.fold.reply.text, len(looks)) == ("a" * 1000, 2)
