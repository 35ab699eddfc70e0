"""OpenAI chat chunks into deltas: every provider's quirks, and the typed way against the untyped one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamfold.decoder import Decoder
from streamfold.detection import dialect_named
from streamfold.dialects import ALIASES, json_dialect
from streamfold.dialects.openai_chat import OpenAIChat
from streamfold.errors import DialectError, LimitError, ProviderError, StreamfoldError
from streamfold.events import Details, ReasoningDelta, RefusalDelta, TextDelta
from streamfold.folding.deltas import END, Anomaly, ChoiceEnd, Identity, Logprobs, ToolCallPiece, WholePart
from streamfold.framing.sse import ServerSentEvent
from streamfold.reply import Verdict
from streamfold.reply.parts import MediaPart, ReasoningPart, ServerToolCall, ServerToolResult, TextPart
from streamfold.reply.usage import Usage


def frame(chunk):
    return json.dumps(chunk).encode()


def chunk(delta, **choice):
    return {"choices": [{"index": 0, "delta": delta, **choice}]}


def told(deltas):
    """Return deltas comparably: text in one spelling, errors by type and words, no empty facts."""
    found = [TextDelta(delta) if isinstance(delta, str) else delta for delta in deltas]
    found = [(type(delta), str(delta)) if isinstance(delta, StreamfoldError) else delta for delta in found]
    return [delta for delta in found if delta not in (Identity(), TextDelta(""))]


def deltas(*frames):
    """Return the deltas of `frames`, the same on the untyped way and, after two plain chunks, on the typed one."""
    untyped = told(OpenAIChat().feed(frames))
    warm = OpenAIChat()
    warm.feed([frame({"id": "i", **chunk({})})] * 2)
    typed = told(warm.feed([*frames, b""]))  # the typed way is for several frames at once
    assert [delta for delta in typed if not isinstance(delta, tuple)] == [
        d for d in untyped if not isinstance(d, tuple)
    ]
    return untyped


# --- words ------------------------------------------------------------------------------------------------

WORDS = {
    "text": ({"content": "a"}, [TextDelta("a")]),
    "empty text": ({"content": ""}, []),
    "null text": ({"content": None}, []),
    "text of a wrong type": ({"content": 5}, []),
    "role in every chunk": ({"role": "assistant", "content": "a"}, [TextDelta("a")]),
    "text in parts": (
        {"content": [{"type": "text", "text": "a"}, "b", None, {"text": 1}]},
        [TextDelta("a"), TextDelta("b")],
    ),
    "thinking in parts (Mistral)": (
        {"content": [{"type": "thinking", "thinking": [{"text": "h"}, {"text": "m"}]}, {"text": "a"}]},
        [ReasoningDelta("hm"), TextDelta("a")],
    ),
    "thinking with a signature (Mistral)": (
        {"content": [{"type": "thinking", "thinking": [{"text": "h"}], "closed": True, "signature": "s"}]},
        [ReasoningDelta("h"), Details(ReasoningPart, {"signature": "s"})],
    ),
    "references (Mistral)": (
        {"content": [{"text": "a"}, {"type": "reference", "reference_ids": [1]}]},
        [TextDelta("a"), Details(TextPart, {"citations": [{"type": "reference", "reference_ids": [1]}]})],
    ),
    "an image and a file (Mistral)": (
        {
            "content": [
                {"type": "image_url", "image_url": "data:image/png;base64,AA=="},
                {"type": "file", "file_id": "f"},
            ]
        },
        [
            WholePart(MediaPart("image/png", b"\0")),
            WholePart(ServerToolResult(None, "file", {"type": "file", "file_id": "f"})),
        ],
    ),
    "sources of a graph (Writer)": (
        {"content": "a", "graph_data": {"sources": [{"file_id": "f"}], "status": "finished"}},
        [TextDelta("a"), Details(TextPart, {"citations": [{"file_id": "f"}]})],
    ),
    "no sources of a graph (Writer)": ({"content": "a", "graph_data": {"sources": None}}, [TextDelta("a")]),
    "refusal": ({"refusal": "no"}, [RefusalDelta("no")]),
    "empty refusal": ({"content": "a", "refusal": ""}, [TextDelta("a")]),
    "unknown fields": ({"content": "a", "annotations": [1], "audio": {}, "images": []}, [TextDelta("a")]),
    "reasoning_content": ({"reasoning_content": "r"}, [ReasoningDelta("r")]),
    "reasoning": ({"reasoning": "r"}, [ReasoningDelta("r")]),
    "reasoning_text": ({"reasoning_text": "r"}, [ReasoningDelta("r")]),
    "thinking": ({"thinking": "r"}, [ReasoningDelta("r")]),
    "two spellings": ({"reasoning_content": "r", "reasoning": "r"}, [ReasoningDelta("r")]),
    "two spellings, one empty": ({"reasoning_content": "", "reasoning": "r"}, [ReasoningDelta("r")]),
    "two spellings, one an empty list": ({"reasoning_content": [], "reasoning": "r"}, [ReasoningDelta("r")]),
    "reasoning_details": (
        {"reasoning_details": [{"text": "r"}, {"summary": "s"}, {"format": "x"}, None]},
        [ReasoningDelta("rs")],
    ),
    "thinking in blocks (LiteLLM)": (
        {"reasoning_content": "", "thinking_blocks": [{"type": "thinking", "thinking": "r", "signature": "s"}]},
        [ReasoningDelta("r"), Details(ReasoningPart, {"signature": "s"})],
    ),
    "thinking in blocks, beside the words": (
        {"reasoning_content": "r", "thinking_blocks": [{"thinking": "r"}, {"type": "redacted_thinking", "data": "d"}]},
        [ReasoningDelta("r"), Details(ReasoningPart, {"redacted": "d"})],
    ),
    "reasoning as an object (Envoy AI Gateway)": (
        {"reasoning_content": {"text": "r", "signature": "s", "redactedContent": "d"}},
        [ReasoningDelta("r"), Details(ReasoningPart, {"signature": "s", "redacted": "d"})],
    ),
    "reasoning and its details": ({"reasoning": "r", "reasoning_details": [{"text": "r"}]}, [ReasoningDelta("r")]),
    "reasoning before text": ({"content": "a", "reasoning": "r"}, [ReasoningDelta("r"), TextDelta("a")]),
    "everything null": (dict.fromkeys(["content", "refusal", "tool_calls", "reasoning", "function_call"]), []),
    "half a character": ({"content": "\ud83d"}, [TextDelta("\ud83d")]),
}


@pytest.mark.parametrize(("delta", "wanted"), WORDS.values(), ids=WORDS)
def test_words(delta, wanted):
    assert deltas(frame(chunk(delta))) == wanted


@pytest.mark.parametrize("delta", [None, [], "", 5, {}])
def test_delta_that_says_nothing(delta):
    assert deltas(frame(chunk(delta))) == []


SILENT = {
    "no choices": {},
    "null choices": {"choices": None},
    "empty choices": {"choices": []},
    "choices of a wrong type": {"choices": {"0": 1}},
    "choice of a wrong type": {"choices": [None, "a", 5]},
    "no delta": {"choices": [{"index": 0}]},
    "ping": {"type": "ping"},
    "error that is none": {"choices": [], "error": None},
    "details that are none": {"error": "", "detail": None, "message": ""},
}


@pytest.mark.parametrize("value", SILENT.values(), ids=SILENT)
def test_chunk_that_says_nothing(value):
    assert deltas(frame(value)) == []


@pytest.mark.parametrize("data", [b"", b" ", b": keepalive", b":"])
def test_frame_that_says_nothing(data):
    assert deltas(data) == []


@pytest.mark.parametrize("data", [b"[DONE]", b" [DONE] ", ServerSentEvent(b"[DONE]", "done")])
def test_end_mark(data):
    assert deltas(data) == [END]


def test_whole_message_instead_of_a_stream():
    message = {"content": "a", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]}
    value = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    wanted = [TextDelta("a"), ToolCallPiece(None, "c", "f", "{}"), ChoiceEnd("stop", Verdict.COMPLETE)]
    assert deltas(frame(value)) == wanted


def test_message_beside_the_delta_is_the_text_so_far():
    assert deltas(frame(chunk({"content": "b"}, message={"content": "ab"}))) == [TextDelta("b")]


# --- choices ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", [None, True, False, -1, "1", 10**30 * -1])
def test_index_that_is_no_index_is_0(index):
    assert deltas(frame({"choices": [{"index": index, "delta": {"content": "a"}}]})) == [TextDelta("a")]


@pytest.mark.parametrize("index", [1, 10**30])
def test_index(index):
    (found,) = deltas(frame({"choices": [{"index": index, "delta": {"content": "a"}}]}))
    assert found == TextDelta("a", index)


def test_several_choices_in_one_chunk():
    choices = [{"index": i, "delta": {"content": str(i)}, "finish_reason": None} for i in (1, 0)]
    assert deltas(frame({"choices": choices})) == [TextDelta("1", 1), TextDelta("0")]


def test_choice_that_says_nothing_is_known_all_the_same():
    (_, found) = OpenAIChat().feed([frame({"choices": [{"index": 1, "delta": {"role": "assistant"}}]})])
    assert found == TextDelta("", 1)


REASONS = {
    "stop": Verdict.COMPLETE,
    "eos": Verdict.COMPLETE,
    "length": Verdict.LENGTH,
    "MAX_TOKENS": Verdict.LENGTH,
    "tool_calls": Verdict.TOOL_CALLS,
    "content_filter": Verdict.FILTERED,
    "refusal": Verdict.REFUSED,
    "abort": Verdict.CANCELLED,
    "network_error": Verdict.TRUNCATED,
    "error": Verdict.ERRORED,
    "never heard of": Verdict.COMPLETE,
}


@pytest.mark.parametrize(("reason", "verdict"), REASONS.items())
def test_finish_reason(reason, verdict):
    wanted = [TextDelta("a"), ChoiceEnd(reason, verdict)]
    assert deltas(frame(chunk({"content": "a"}, finish_reason=reason))) == wanted


@pytest.mark.parametrize("reason", [None, "", 5, False, []])
def test_finish_reason_that_is_none(reason):
    assert deltas(frame(chunk({"content": "a"}, finish_reason=reason))) == [TextDelta("a")]


@pytest.mark.parametrize("logprobs", [None, {}, {"content": None}, {"content": [], "refusal": []}])
def test_no_logprobs(logprobs):
    assert deltas(frame(chunk({"content": "a"}, logprobs=logprobs))) == [TextDelta("a")]


@pytest.mark.parametrize("name", ["content", "refusal"])
def test_logprobs(name):
    value = chunk({"content": "a"}, logprobs={"content": None, name: [{"token": "a"}]})
    assert deltas(frame(value)) == [TextDelta("a"), Logprobs([{"token": "a"}])]


# --- tool calls -------------------------------------------------------------------------------------------

F = {"name": "f", "arguments": "{}"}
TOOL_CALLS = {
    "whole": ({"index": 0, "id": "c", "function": F}, ToolCallPiece(0, "c", "f", "{}")),
    "nothing": ({}, ToolCallPiece()),
    "nulls": ({"index": None, "id": None, "function": None}, ToolCallPiece()),
    "null arguments": ({"function": {"name": "f", "arguments": None}}, ToolCallPiece(name="f")),
    "empty id": ({"index": 1, "id": "", "function": {"arguments": "x"}}, ToolCallPiece(1, None, None, "x")),
    "arguments as an object": (
        {"function": {"name": "f", "arguments": {"é": 1}}},
        ToolCallPiece(None, None, "f", '{"é": 1}'),
    ),
    "index of a wrong type": ({"index": True, "function": F}, ToolCallPiece(None, None, "f", "{}")),
    "negative index": ({"index": -1, "function": F}, ToolCallPiece(None, None, "f", "{}")),
    "half a character": ({"id": "c\ud83d", "function": {"name": "f\ude00"}}, ToolCallPiece(None, "c\ufffd", "f\ufffd")),
}


@pytest.mark.parametrize(("call", "wanted"), TOOL_CALLS.values(), ids=TOOL_CALLS)
def test_tool_call(call, wanted):
    assert deltas(frame(chunk({"tool_calls": [call]}))) == [wanted]


def test_tool_calls_beside_nonsense():
    assert deltas(frame(chunk({"content": "a", "tool_calls": [None, 5]}))) == [TextDelta("a")]


def test_function_call_of_old():
    assert deltas(frame(chunk({"function_call": F}))) == [ToolCallPiece(None, None, "f", "{}")]


# --- usage and identity -----------------------------------------------------------------------------------

RAW = {
    "prompt_tokens": 9,
    "completion_tokens": 4,
    "total_tokens": 13,
    "prompt_tokens_details": {"cached_tokens": 3},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
PLACES = {
    "without choices": {"choices": [], "usage": RAW},
    "with a choice": {**chunk({}), "usage": RAW},
    "x_groq": {"choices": [], "x_groq": {"usage": RAW}},
}


@pytest.mark.parametrize("value", PLACES.values(), ids=PLACES)
def test_usage(value):
    assert deltas(frame(value)) == [Usage(9, 4, 13, 3, 2, raw=RAW)]


def test_usage_inside_the_last_choice():
    value = chunk({}, finish_reason="stop", usage=RAW)
    assert deltas(frame(value)) == [Usage(9, 4, 13, 3, 2, raw=RAW), ChoiceEnd("stop", Verdict.COMPLETE)]


ODD_USAGE = {
    "absent details": ({"prompt_tokens": 1, "prompt_tokens_details": None}, Usage(1)),
    "deepseek": ({"prompt_tokens": 5, "prompt_cache_hit_tokens": 4}, Usage(5, cached_tokens=4)),
    "mistral": ({"prompt_tokens": 5, "num_cached_tokens": 4}, Usage(5, cached_tokens=4)),
    "moonshot": ({"prompt_tokens": 5, "cached_tokens": 4}, Usage(5, cached_tokens=4)),
    "perplexity": ({"completion_tokens": 5, "reasoning_tokens": 4}, Usage(None, 5, reasoning_tokens=4)),
    "not counted (Together, SGLang)": ({"prompt_tokens": 5, "cached_tokens": 0, "reasoning_tokens": 0}, Usage(5)),
    "writer": (
        {"prompt_tokens": 5, "prompt_tokens_details": None, "prompt_token_details": {"cached_tokens": 4}},
        Usage(5, cached_tokens=4),
    ),
    "not numbers": ({"prompt_tokens": "1", "completion_tokens": True, "total_tokens": 1.5}, Usage()),
    "negative": ({"prompt_tokens": -1}, Usage()),
}


@pytest.mark.parametrize(("raw", "usage"), ODD_USAGE.values(), ids=ODD_USAGE)
def test_usage_that_says_little(raw, usage):
    usage.raw = raw
    assert deltas(frame({"choices": [], "usage": raw})) == [usage]


@pytest.mark.parametrize("usage", [None, {}, [], 5])
def test_no_usage(usage):
    found = deltas(frame({**chunk({"content": "a"}), "usage": usage}))
    assert found == [TextDelta("a")]


def test_identity():
    value = {"id": "i", "model": "m", "system_fingerprint": "p", "choices": []}
    assert OpenAIChat().feed([frame(value)]) == [Identity("i", "m", "p")]


@pytest.mark.parametrize("n_before", [0, 1, 5])
def test_identity_is_found_behind_chunks_that_do_not_say_it(n_before):
    plain = frame(chunk({"content": "a"}))
    found = OpenAIChat().feed([plain] * n_before + [frame({"id": "i", **chunk({"content": "b"})})])
    assert Identity("i") in found


# --- errors -----------------------------------------------------------------------------------------------

ERRORS = {
    "openai": ({"error": {"message": "no", "type": "t", "code": "c"}}, ("no", "t", "c", None, False)),
    "text": ({"error": "no"}, ("no", None, None, None, False)),
    "anthropic": (
        {"type": "error", "error": {"type": "overloaded_error", "message": "no"}},
        ("no", "overloaded_error", None, None, True),
    ),
    "message": ({"object": "error", "message": "no", "code": 400}, ("no", None, "400", 400, False)),
    "detail": ({"detail": "no"}, ("no", None, None, None, False)),
    "google": (
        {"error": {"code": 503, "status": "UNAVAILABLE", "message": "no"}},
        ("no", "UNAVAILABLE", "503", 503, True),
    ),
    "beside choices": ({"choices": [], "error": {"message": "no", "code": "429"}}, ("no", None, "429", 429, True)),
    "inside a choice": ({"choices": [{"error": {"message": "no", "code": 502}}]}, ("no", None, "502", 502, True)),
    "no message": ({"error": {"code": 500}}, ("the provider gave no message", None, "500", 500, True)),
    "half a character": ({"error": {"message": "no\ud83d"}}, ("no\ufffd", None, None, None, False)),
}


@pytest.mark.parametrize(("value", "wanted"), ERRORS.values(), ids=ERRORS)
def test_error_in_the_stream(value, wanted):
    *_, error = OpenAIChat().feed([frame(value)])
    assert isinstance(error, ProviderError)
    assert (error.message, error.type, error.code, error.status, error.retryable) == wanted
    assert error.body is not None


def test_content_beside_an_error_is_kept():
    value = {**chunk({"content": "a"}), "error": {"message": "no"}}
    assert deltas(frame(value)) == [TextDelta("a"), (ProviderError, "no")]


EVENTS = {
    "error object": (b'{"error": {"message": "no"}}', "no"),
    "bare message": (b'{"message": "no"}', "no"),
    "text": (b'"no"', "no"),
    "not json": (b"no way", "no way"),
    "empty object": (b"{}", "the provider gave no message"),
}


@pytest.mark.parametrize(("data", "message"), EVENTS.values(), ids=EVENTS)
def test_event_error(data, message):
    assert deltas(ServerSentEvent(data, "error")) == [(ProviderError, message)]


def test_bare_json_that_is_a_reply_is_no_error():
    data = frame({"choices": [{"message": {"content": "a"}}]})
    assert deltas(ServerSentEvent(data, "error")) == [TextDelta("a")]


@pytest.mark.parametrize("data", [b"{}", b'{"type":"ping"}'])
def test_event_ping(data):
    assert deltas(ServerSentEvent(data, "ping")) == []


BAD = {
    "not json": (b"not json", "Expecting value"),
    "half": (b'{"choices":[', "Expecting value"),
    "a number": (b"5", "not a JSON object"),
    "null": (b"null", "not a JSON object"),
    "a list": (b"[]", "not a JSON object"),
    "too deep": (b"[" * 10**5, "nested too deeply"),
    "a number of too many digits": (b'{"a":' + b"1" * 5000 + b"}", "Exceeds the limit"),
}


@pytest.mark.parametrize(("data", "why"), BAD.values(), ids=BAD)
def test_frame_that_is_no_chunk(data, why):
    (error,) = OpenAIChat().feed([data])
    assert isinstance(error, DialectError)
    assert error.frame == data[:120]
    assert why in str(error)


def test_error_of_the_framing_passes():
    error = LimitError("line", 2, 1)
    assert OpenAIChat().feed([error]) == [error]


def test_two_values_in_one_frame():
    data = frame(chunk({"content": "a"})) + b" " + frame(chunk({"content": "b"}))
    assert deltas(data) == [TextDelta("a"), TextDelta("b")]


def test_value_before_garbage_is_kept():
    text, (kind, words) = deltas(frame(chunk({"content": "a"})) + b"}")
    assert (text, kind) == (TextDelta("a"), DialectError)
    assert "Expecting value" in words


def test_invalid_utf_8_is_counted():
    data = b'{"choices":[{"delta":{"content":"\xff\xef\xbf\xbd\xfe"}}]}'
    assert deltas(data) == [Anomaly("an invalid UTF-8 sequence replaced by U+FFFD", 2), TextDelta("\ufffd\ufffd\ufffd")]


def test_control_characters_in_a_string():
    assert deltas(b'{"choices":[{"delta":{"content":"a\tb"}}]}') == [TextDelta("a\tb")]


NESTS = [
    lambda deep: {"error": deep},
    lambda deep: {"error": {"message": deep, "code": deep}},
    lambda deep: {"usage": {"prompt_tokens": deep}},
    lambda deep: chunk({"content": deep}),
    lambda deep: chunk({"tool_calls": [{"function": {"arguments": {"a": deep}}}]}),
]


@pytest.mark.parametrize("nest", NESTS)
@pytest.mark.parametrize("depth", [300, 700, *range(900, 1000, 7), 5000])
def test_deep_nesting_never_raises(nest, depth):
    shallow = frame(nest("@"))
    OpenAIChat().feed([shallow.replace(b'"@"', b"[" * depth + b"]" * depth)])


# --- chunks that somebody else has decoded ----------------------------------------------------------------


def test_object():
    assert told(OpenAIChat().feed_object(chunk({"content": "a"}))) == [TextDelta("a")]


@pytest.mark.parametrize("arguments", [{"a": {1}}, {(1, 2): 1}, {"a": float("nan")}])
def test_object_that_is_no_json_never_makes_a_complete_call(arguments):
    value = chunk({"tool_calls": [{"function": {"name": "f", "arguments": arguments}}]})
    (piece,) = told(OpenAIChat().feed_object(value))
    assert isinstance(piece.arguments, str)


def test_arguments_that_hold_themselves():
    arguments = {}
    arguments["self"] = arguments
    (piece,) = told(OpenAIChat().feed_object(chunk({"tool_calls": [{"function": {"arguments": arguments}}]})))
    assert piece.arguments == "<Circular reference detected>"


# --- the typed way and the untyped one --------------------------------------------------------------------

# What the typed way alone does not see, because no chunk in the middle of a text says it: who answers, usage under
# "x_groq" or inside a choice, and invalid UTF-8 in a field that nobody reads.
NOTHING = st.none() | st.just("") | st.just([]) | st.just({})
VALUES = NOTHING | st.text(st.sampled_from(["a", "é", "\ud83d", "\ude00", "\n"]), max_size=3) | st.integers(-1, 2)
FIELDS = (
    "content role reasoning_content reasoning tool_calls refusal function_call reasoning_details thinking audio error "
    "thinking_blocks executed_tools"
)
CHOICE_FIELDS = "index finish_reason logprobs error message"
some = lambda names: st.dictionaries(st.sampled_from(names.split()), VALUES, max_size=3)  # noqa: E731
CHUNKS = st.builds(
    lambda outer, choices: {**outer, "choices": choices},
    some("usage error object created"),
    st.lists(
        st.builds(lambda c, delta: {**c, "delta": delta}, some(CHOICE_FIELDS), some(FIELDS) | NOTHING), max_size=2
    ),
)


@given(st.lists(CHUNKS, min_size=1, max_size=4), st.booleans())
def test_typed_way_is_the_untyped_one(chunks, spaced):
    separators = (", ", ": ") if spaced else (",", ":")
    deltas(*(json.dumps(value, separators=separators).encode() for value in chunks))


def test_typed_way_is_taken_once_it_is_known_who_answers():
    dialect = OpenAIChat()
    named = frame({"id": "i", "model": "m", **chunk({"content": "a"}, finish_reason=None), "usage": None})
    assert not dialect.is_typed
    dialect.feed([named] * 2)
    assert dialect.is_typed
    assert dialect.plain(named) == "a"
    assert dialect.feed([named] * 2) == ["a", "a"]


def test_typed_way_is_given_up_where_it_does_not_fit():
    dialect = OpenAIChat()
    named = frame({"id": "i", "usage": {"prompt_tokens": 1}, **chunk({"content": "a"})})
    dialect.feed([named])
    dialect.feed([named])
    assert dialect.is_typed
    dialect.feed([named] * json_dialect.MAX_MISSES)
    assert not dialect.is_typed
    assert TextDelta("a") in dialect.feed([named])


@pytest.mark.parametrize("name", ALIASES)
def test_other_names(name):
    assert dialect_named(name) is OpenAIChat


# --- beside words -----------------------------------------------------------------------------------------------------


def reply_of(*chunks):
    """Return what a stream of chunks is folded into, each a delta of choice 0 or a whole chunk."""
    frames = [frame(one if "choices" in one else chunk(one)) for one in chunks]
    decoder = Decoder()
    for one in [*frames, b"[DONE]"]:
        decoder.feed(b"data: " + one + b"\n\n")
    decoder.close()
    return decoder.fold.reply


def test_images_are_parts():
    url = "data:image/png;base64,iVBORw=="
    reply = reply_of({"content": "a"}, {"images": [{"type": "image_url", "image_url": {"url": url}}]}, {"content": "b"})
    assert reply.parts == [TextPart("a"), MediaPart("image/png", b"\x89PNG"), TextPart("b")]


def test_tools_that_groq_runs_are_told_once_each():
    call = {"index": 0, "type": "search", "arguments": '{"query":"q"}', "search_results": {"results": []}}
    done = call | {"output": "found"}
    reply = reply_of({"executed_tools": [call]}, {"executed_tools": [done]}, {"content": "a"})
    search = ServerToolCall(None, "search", '{"query":"q"}', complete=True)
    assert reply.parts == [search, ServerToolResult(None, "search", done), TextPart("a")]


def test_sound_is_one_part_and_its_transcript_the_text():
    said = [{"audio": {"id": "x", "transcript": word, "data": "AAE="}} for word in ("Hel", "lo")]
    reply = reply_of(*said)
    assert reply.text == "Hello"
    assert reply.parts[-1] == MediaPart("", b"\x00\x01\x00\x01")


def test_sound_and_citations_before_an_error_are_kept():
    said = {"choices": [{"delta": {"content": "a", "audio": {"data": "AAE="}}}], "citations": ["u"]}
    reply = reply_of(said, {"error": {"message": "no"}, "choices": []})
    assert reply.verdict is Verdict.ERRORED
    assert reply.parts == [TextPart("a", ["u"]), MediaPart("", b"\x00\x01")]


def test_citations_that_every_chunk_repeats_are_told_once():
    found = [{"url": "https://example.org"}]
    reply = reply_of(*({"search_results": found, **chunk({"content": word})} for word in "ab"))
    assert reply.parts == [TextPart("ab", citations=found)]


def test_annotations_are_citations():
    reply = reply_of({"content": "a"}, {"annotations": [{"type": "url_citation"}]}, {"annotations": [{"type": "b"}]})
    assert reply.parts == [TextPart("a", citations=[{"type": "url_citation"}, {"type": "b"}])]


def test_seals_of_reasoning_are_kept():
    sealed = {"reasoning_details": [{"type": "reasoning.text", "signature": "s"}, {"type": "x", "data": "d"}]}
    part = ReasoningPart("hm", signature="s", redacted="d", details=sealed["reasoning_details"])
    assert reply_of({"reasoning": "hm"}, sealed).parts == [part]
