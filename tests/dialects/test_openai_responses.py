"""OpenAI responses into replies: items, their pieces and wholes, and what senders do otherwise."""

import json
from base64 import b64encode

import pytest
from hypothesis import given, settings

from streamfold.decoder import Decoder
from streamfold.dialects.json_dialect import NOT_PLAIN
from streamfold.dialects.openai_responses import OpenAIResponses
from streamfold.errors import IncompleteToolCallError, ProviderError
from streamfold.events import TextDelta
from streamfold.reply import Verdict
from streamfold.reply.parts import (
    MediaPart,
    ReasoningPart,
    RefusalPart,
    ServerToolCall,
    ServerToolResult,
    TextPart,
    ToolCall,
)
from streamfold.reply.usage import Usage

from .wires import broken, folded, sse, told


def event(kind, at=None, **fields):
    place = {} if at is None else {"output_index": at}
    return {"type": f"response.{kind}", **place, **fields}


def item(at, kind, **fields):
    return {"id": f"i{at}", "type": kind, **fields}


def added(at, kind, **fields):
    return event("output_item.added", at, item=item(at, kind, **fields))


def done(at, kind, **fields):
    return event("output_item.done", at, item=item(at, kind, **fields))


def words(channel, *pieces, at=0, n=0, number="content_index"):
    return [event(f"{channel}.delta", at, **{number: n}, item_id=f"i{at}", delta=piece) for piece in pieces]


def pieces(channel, *deltas, at=0):
    return [event(f"{channel}.delta", at, item_id=f"i{at}", delta=delta) for delta in deltas]


def response(status, output=(), **fields):
    return {"id": "r", "object": "response", "model": "m", "status": status, "output": list(output), **fields}


CREATED = event("created", response=response("in_progress"))
COMPLETED = event("completed", response=response("completed"))
USAGE = {
    "input_tokens": 9,
    "output_tokens": 7,
    "total_tokens": 16,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens_details": {"reasoning_tokens": 5},
}
MESSAGE = {"content": [{"type": "output_text", "text": "Hello", "annotations": [], "logprobs": []}]}
TEXT = [
    added(0, "message", content=[]),
    event("content_part.added", 0, content_index=0, part={"type": "output_text", "text": ""}),
    *words("output_text", "Hel", "lo"),
    event("output_text.done", 0, content_index=0, text="Hello"),
    event("content_part.done", 0, content_index=0, part=MESSAGE["content"][0]),
    done(0, "message", **MESSAGE),
]
ENDED = event("completed", response=response("completed", [item(0, "message", **MESSAGE)], usage=USAGE))
WIRE = [CREATED, event("in_progress", response=response("in_progress")), *TEXT, ENDED]


def reply_of(*events):
    """Return the reply of a stream of `events` between the first and the last one."""
    return folded(sse(CREATED, *events, COMPLETED), cuts=False)


# --- words ------------------------------------------------------------------------------------------------


def test_text_however_it_is_cut():
    reply = folded(sse(*WIRE))
    assert (reply.text, reply.verdict, reply.finish_reason) == ("Hello", Verdict.COMPLETE, "completed")
    assert (reply.id, reply.model, reply.anomalies) == ("r", "m", [])
    assert reply.usage == Usage(9, 7, 16, 4, 5, raw=USAGE)
    assert reply.parts == [TextPart("Hello")]


def test_json_lines():
    wire = b"\n".join(json.dumps(value).encode() for value in WIRE)
    assert folded(wire).text == "Hello"


def test_nothing_after_the_end_is_read():
    decoder = Decoder()
    decoder.feed(sse(*WIRE))
    assert decoder.fold.ended


@pytest.mark.parametrize("at", range(1, len(WIRE)))
def test_a_stream_without_its_end_is_truncated(at):
    reply = folded(sse(*WIRE[:at]), cuts=False)
    assert (reply.verdict, reply.finish_reason) == (Verdict.TRUNCATED, None)


@pytest.mark.parametrize("left", [[], TEXT[:2], TEXT[:3], TEXT[:-1], TEXT[3:4] + TEXT[5:]], ids=str)
def test_a_whole_brings_what_the_pieces_did_not(left):
    reply = folded(sse(CREATED, *left, ENDED), cuts=False)
    found = "lo" if left[:1] == TEXT[3:4] else "Hello"
    assert (reply.text, len(reply.anomalies)) == (found, found == "lo")


@pytest.mark.parametrize("said", ["", "a", "ab"])
def test_parts_that_events_count_from_two(said):
    """As Bedrock's gpt-oss counts from one."""
    pieces = [one for n, text in enumerate(said, 2) for one in words("output_text", text, n=n)]
    content = [{"type": "output_text", "text": text} for text in "ab"]
    reply = folded(sse(CREATED, added(0, "message"), *pieces, done(0, "message", content=content), COMPLETED))
    assert (reply.text, reply.anomalies) == ("ab", [])


def test_parts_of_their_own():
    reply = reply_of(
        *words("output_text", "a", at=0),
        *words("output_text", "b", at=0, n=1),
        *words("output_text", "c", at=1),
        *words("output_text", "d", at=0),
    )
    assert reply.parts == [TextPart("a"), TextPart("b"), TextPart("cd")]


def test_refusal():
    reply = reply_of(
        *words("refusal", "I ", "can't."),
        event("refusal.done", 0, content_index=0, refusal="I can't."),
        done(0, "message", content=[{"type": "refusal", "refusal": "I can't."}]),
    )
    assert (reply.parts, reply.verdict) == ([RefusalPart("I can't.")], Verdict.REFUSED)


def test_citations():
    cites = [{"type": "url_citation", "url": "u"}, {"type": "file_citation", "file_id": "f"}]
    text = {"type": "output_text", "text": "a", "annotations": cites}
    told_apart = [event("output_text.annotation.added", 0, content_index=0, annotation=cite) for cite in cites]
    for events in ([*words("output_text", "a"), *told_apart], words("output_text", "a"), []):
        reply = reply_of(*events, done(0, "message", content=[text]))
        assert reply.parts == [TextPart("a", citations=cites)]


def test_logprobs():
    entries = [{"token": "a", "logprob": -0.1}]
    text = {"type": "output_text", "text": "a", "logprobs": entries}
    for events in ([{**words("output_text", "a")[0], "logprobs": entries}], []):
        reply = reply_of(*events, done(0, "message", content=[text]))
        assert (reply.text, reply.choices[0].logprobs) == ("a", entries)


def test_half_a_character():
    reply = reply_of(*words("output_text", "\ud83d", "\ude00"), event("output_text.done", 0, text="\U0001f600!"))
    assert (reply.text, reply.anomalies) == ("\U0001f600!", [])


# --- reasoning --------------------------------------------------------------------------------------------


def summary(*texts):
    return [{"type": "summary_text", "text": text} for text in texts]


def test_summaries_are_parts_and_the_last_is_sealed():
    reply = reply_of(
        added(0, "reasoning", summary=[]),
        *words("reasoning_summary_text", "a", "b", number="summary_index"),
        event("reasoning_summary_text.done", 0, summary_index=0, text="ab"),
        *words("reasoning_summary_text", "c", n=1, number="summary_index"),
        done(0, "reasoning", summary=summary("ab", "c"), encrypted_content="seal"),
        *words("output_text", "d", at=1),
    )
    assert reply.parts == [ReasoningPart("ab"), ReasoningPart("c", id="i0", signature="seal"), TextPart("d")]


@pytest.mark.parametrize("channel", ["reasoning_text", "reasoning"])
def test_reasoning_text(channel):
    reply = reply_of(
        *words(channel, "a", "b"),
        done(0, "reasoning", summary=[], content=[{"type": "reasoning_text", "text": "ab"}]),
    )
    assert reply.parts == [ReasoningPart("ab", id="i0")]


def test_reasoning_without_words_is_kept_to_be_sent_back():
    reply = reply_of(
        done(0, "reasoning", summary=summary("a")),
        done(1, "reasoning", summary=[], encrypted_content="seal"),
        done(2, "reasoning", summary=None, encrypted_content=None, id=None),
    )
    assert reply.parts == [ReasoningPart("a", id="i0"), ReasoningPart("", id="i1", signature="seal")]


# --- calls ------------------------------------------------------------------------------------------------

CALL = {"call_id": "c", "name": "f", "arguments": '{"a":1}'}


def call(at=0, **fields):
    return done(at, "function_call", **{**CALL, **fields})


def test_function_calls():
    reply = folded(
        sse(
            CREATED,
            added(0, "function_call", call_id="c", name="f", arguments=""),
            added(1, "function_call", call_id="d", name="g", arguments=""),
            *pieces("function_call_arguments", '{"a"', at=0),
            *pieces("function_call_arguments", '{"b"', ":2}", at=1),
            *pieces("function_call_arguments", ":1}", at=0),
            event("function_call_arguments.done", 0, arguments='{"a":1}'),
            call(0),
            done(1, "function_call", call_id="d", name="g", arguments='{"b":2}'),
            COMPLETED,
        )
    )
    assert reply.tool_calls == [ToolCall("c", "f", '{"a":1}', True), ToolCall("d", "g", '{"b":2}', True)]
    assert (reply.verdict, reply.finish_reason) == (Verdict.TOOL_CALLS, "completed")


def test_function_call_that_comes_whole():
    assert reply_of(call()).tool_calls == [ToolCall("c", "f", '{"a":1}', True)]
    assert reply_of(call(arguments={"a": 1})).tool_calls == [ToolCall("c", "f", '{"a": 1}', True)]
    assert reply_of(call(arguments="")).tool_calls == [ToolCall("c", "f", "{}", True)]


def test_function_call_that_is_cut_off():
    cut = [*pieces("function_call_arguments", '{"a'), call(arguments='{"a', status="incomplete")]
    end = event("incomplete", response=response("incomplete", incomplete_details={"reason": "max_output_tokens"}))
    for events in (cut, [call(arguments="", status="incomplete")], cut[:1]):
        reply = folded(sse(CREATED, *events, end), cuts=False)
        assert reply.verdict is Verdict.LENGTH
        assert not reply.tool_calls[0].complete


def test_custom_tool_call_is_free_text():
    made = added(0, "custom_tool_call", call_id="c", name="f", input="")
    whole = done(0, "custom_tool_call", call_id="c", name="f", input="SELECT 1")
    for events in ([made, *pieces("custom_tool_call_input", "SELECT", " 1"), whole], [whole]):
        reply = reply_of(*events)
        assert reply.tool_calls == [ToolCall("c", "f", "SELECT 1", True, free_text=True)]
        assert (reply.tool_calls[0].parse(), reply.verdict) == ("SELECT 1", Verdict.TOOL_CALLS)


def test_custom_tool_call_that_is_cut_off():
    made = added(0, "custom_tool_call", call_id="c", name="f", input="")
    wire = sse(CREATED, made, *pieces("custom_tool_call_input", "DELETE"), event("incomplete"))
    (found,) = folded(wire).tool_calls
    assert (found.arguments, found.complete) == ("DELETE", False)
    with pytest.raises(IncompleteToolCallError):
        found.parse()


# What comes of a tool of the provider's, and the parts that become of it.
BUILT_IN = {
    "web search": (
        [done(0, "web_search_call", status="completed", action={"type": "search", "query": "q"})],
        [ServerToolCall("i0", "web_search", '{"type": "search", "query": "q"}', True)],
    ),
    "web search (xAI)": (
        [done(0, "web_search_call", call_id="", name="web_search", arguments='{"query":"q"}')],
        [ServerToolCall("i0", "web_search", '{"query":"q"}', True)],
    ),
    "custom tool that xAI runs": (
        [done(0, "custom_tool_call", call_id="c", name="x_user_search", input='{"query":"q"}')],
        [ServerToolCall("c", "x_user_search", '{"query":"q"}', True)],
    ),
    "file search": (
        [done(0, "file_search_call", queries=["q"], results=[{"text": "t"}])],
        [
            ServerToolCall("i0", "file_search", '{"queries": ["q"]}', True),
            ServerToolResult("i0", "file_search", [{"text": "t"}]),
        ],
    ),
    "code": (
        [
            added(0, "code_interpreter_call", code="", container_id="k"),
            *pieces("code_interpreter_call_code", 'print("', 'é\n")'),
            event("code_interpreter_call_code.done", 0, code='print("é\n")'),
            done(0, "code_interpreter_call", code='print("é\n")', container_id="k", outputs=[{"type": "logs"}]),
        ],
        [
            ServerToolCall("i0", "code_interpreter", r'{"code": "print(\"é\n\")", "container_id": "k"}', True),
            ServerToolResult("i0", "code_interpreter", [{"type": "logs"}]),
        ],
    ),
    "code of which the end was dropped": (
        [*pieces("code_interpreter_call_code", "1"), done(0, "code_interpreter_call", code="1+1")],
        [ServerToolCall("i0", "code_interpreter", '{"code": "1+1"}', True)],
    ),
    "code that comes whole": (
        [done(0, "code_interpreter_call", code="1", container_id="k", outputs=None)],
        [ServerToolCall("i0", "code_interpreter", '{"code": "1", "container_id": "k"}', True)],
    ),
    "patch": (
        [
            added(0, "apply_patch_call", call_id="c", operation={"type": "create_file", "diff": "", "path": "p"}),
            *pieces("apply_patch_call_operation_diff", "+a", "\n"),
            done(0, "apply_patch_call", call_id="c", operation={"type": "create_file", "diff": "+a\n", "path": "p"}),
        ],
        [ServerToolCall("c", "apply_patch", r'{"diff": "+a\n", "type": "create_file", "path": "p"}', True)],
    ),
    "patch without a diff": (
        [done(0, "apply_patch_call", call_id="c", operation={"type": "delete_file", "path": "p"})],
        [ServerToolCall("c", "apply_patch", '{"type": "delete_file", "path": "p"}', True)],
    ),
    "commands": (
        [
            event("shell_call_command.delta", 0, command_index=0, delta="ls"),
            event("shell_call_command.delta", 0, command_index=1, delta="pw"),
            event("shell_call_command.delta", 0, command_index=1, delta="d"),
            event("shell_call_command.done", 0, command_index=1, command="pwd"),
            done(0, "shell_call", call_id="c", action={"commands": ["ls", "pwd"]}, environment={"type": "container"}),
            done(1, "shell_call_output", call_id="c", output=[]),
        ],
        [
            ServerToolCall("c", "shell", '{"commands": ["ls", "pwd"]}', True),
            ServerToolResult("c", "shell_call_output", item(1, "shell_call_output", call_id="c", output=[])),
        ],
    ),
    "mcp": (
        [
            added(0, "mcp_call", name="f", server_label="s", arguments=""),
            *pieces("mcp_call_arguments", '{"a"', ":1}"),
            done(0, "mcp_call", name="f", server_label="s", arguments='{"a":1}', output="o", error=None),
        ],
        [ServerToolCall("i0", "f", '{"a":1}', True, "s"), ServerToolResult("i0", "f", "o")],
    ),
    "mcp that failed": (
        [done(0, "mcp_call", name="f", arguments="", error={"code": 1})],
        [ServerToolCall("i0", "f", "{}", True), ServerToolResult("i0", "f", {"code": 1})],
    ),
    "mcp from its middle": (
        [*pieces("mcp_call_arguments", "{}"), done(0, "mcp_call", name="f", arguments="{}")],
        [ServerToolCall("i0", "f", "{}", True)],
    ),
    "mcp tools": (
        [done(0, "mcp_list_tools", tools=[])],
        [ServerToolResult("i0", "mcp_list_tools", item(0, "mcp_list_tools", tools=[]))],
    ),
    "tool search": (
        [done(0, "tool_search_call", call_id=None, arguments={"paths": ["p"]}, execution="server")],
        [ServerToolCall("i0", "tool_search", '{"paths": ["p"]}', True)],
    ),
    "program": (
        [done(0, "program", call_id="c", code="1", fingerprint="f"), done(1, "program_output", call_id="c")],
        [
            ServerToolCall("c", "program", '{"code": "1"}', True),
            ServerToolResult("c", "program_output", item(1, "program_output", call_id="c")),
        ],
    ),
    "what nobody knows yet": (
        [done(0, "telepathy_call", thought="t"), done(1, "omen", sign="s"), done(2, "")],
        [
            ServerToolCall("i0", "telepathy", '{"thought": "t"}', True),
            ServerToolResult("i1", "omen", item(1, "omen", sign="s")),
        ],
    ),
}


@pytest.mark.parametrize(("events", "parts"), BUILT_IN.values(), ids=BUILT_IN)
def test_built_in_tool(events, parts):
    reply = reply_of(*events)
    assert (reply.parts, reply.anomalies) == (parts, [])
    assert not reply.tool_calls


CODE = "code_interpreter_call_code"


def test_built_in_tool_that_is_cut_off():
    reply = folded(sse(CREATED, *pieces(CODE, "a", '"')))
    assert reply.parts == [ServerToolCall(None, "", r'{"code": "a\"', False)]


WAITING = {
    "computer": {"type": "computer_call", "action": {"type": "click"}, "pending_safety_checks": []},
    "local shell": {"type": "local_shell_call", "action": {"type": "exec", "command": ["ls"]}},
    "shell": {"type": "shell_call", "action": {"commands": ["ls"]}, "environment": {"type": "local"}},
    "patch": {"type": "apply_patch_call", "operation": {"type": "delete_file"}},
    "approval": {"type": "mcp_approval_request", "name": "f", "arguments": "{}"},
    "tool search": {"type": "tool_search_call", "execution": "client", "arguments": {}},
}


@pytest.mark.parametrize("waiting", WAITING.values(), ids=WAITING)
def test_built_in_tool_that_the_client_runs(waiting):
    reply = reply_of(event("output_item.done", 0, item={"id": "i0", "call_id": "c", **waiting}))
    assert (reply.verdict, len(reply.server_tool_calls)) == (Verdict.TOOL_CALLS, 1)


PNG = b"\x89PNG"
IMAGES = {
    "png": ({"result": b64encode(PNG).decode(), "output_format": "png"}, MediaPart("image/png", PNG)),
    "svg": ({"result": b64encode(b"<svg/>").decode(), "output_format": "svg"}, MediaPart("image/svg+xml", b"<svg/>")),
    "no type": ({"result": b64encode(PNG).decode()}, MediaPart("", PNG)),
    "data URL": ({"result": "data:image/webp;base64," + b64encode(PNG).decode()}, MediaPart("image/webp", PNG)),
    "URL": ({"result": "https://e.org/a.png"}, ServerToolResult("i0", "image_generation", "https://e.org/a.png")),
    "not base64": ({"result": "é"}, ServerToolResult("i0", "image_generation", "é")),
    "error": (
        {"result": None, "error": {"message": "no"}},
        ServerToolResult("i0", "image_generation", {"message": "no"}),
    ),
}


@pytest.mark.parametrize(("fields", "part"), IMAGES.values(), ids=IMAGES)
def test_image(fields, part):
    partial = event("image_generation_call.partial_image", 0, partial_image_b64="AAAA")
    reply = reply_of(added(0, "image_generation_call"), partial, done(0, "image_generation_call", **fields))
    assert reply.parts[1:] == [part]


# --- ends -------------------------------------------------------------------------------------------------

ENDS = {
    "length": ("incomplete", {"incomplete_details": {"reason": "max_output_tokens"}}, Verdict.LENGTH),
    "filter": ("incomplete", {"incomplete_details": {"reason": "content_filter"}}, Verdict.FILTERED),
    "unknown reason": ("incomplete", {"incomplete_details": {"reason": "?"}}, Verdict.LENGTH),
    "no reason": ("incomplete", {"incomplete_details": None}, Verdict.LENGTH),
    "cancelled": ("cancelled", {}, Verdict.CANCELLED),
    "failed": ("failed", {"error": {"code": "server_error", "message": "no"}}, Verdict.ERRORED),
    "failed without an error": ("failed", {"error": None}, Verdict.ERRORED),
}


@pytest.mark.parametrize(("status", "fields", "verdict"), ENDS.values(), ids=ENDS)
def test_end(status, fields, verdict):
    end = event(status, response=response(status, usage=USAGE, **fields))
    reply = folded(sse(CREATED, *TEXT, end), cuts=False)
    assert (reply.verdict, reply.finish_reason, reply.text) == (verdict, status, "Hello")
    assert reply.usage.output_tokens == 7


def test_end_that_says_little():
    assert folded(sse(CREATED, *TEXT, event("completed")), cuts=False).finish_reason == "completed"
    reply = folded(sse(CREATED, *TEXT, event("done", response={"output": None})), cuts=False)
    assert (reply.verdict, reply.finish_reason) == (Verdict.COMPLETE, None)
    assert folded(sse(CREATED, *TEXT, "[DONE]"), cuts=False).verdict is Verdict.COMPLETE


def test_failure_is_an_error():
    reply = folded(sse(CREATED, event("failed", response=response("failed", error={"code": "rate_limit_exceeded"}))))
    assert isinstance(reply.error, ProviderError)
    assert (reply.error.code, reply.error.retryable, reply.error.content_delivered) == (
        "rate_limit_exceeded",
        True,
        False,
    )


ERRORS = {
    "flat": {"type": "error", "code": "c", "message": "no", "param": None, "sequence_number": 3},
    "nested": {"type": "error", "sequence_number": 3, "error": {"type": "t", "code": "c", "message": "no"}},
}


@pytest.mark.parametrize("name", [None, "error"])
@pytest.mark.parametrize(("error", "kind"), [(ERRORS["flat"], None), (ERRORS["nested"], "t")], ids=ERRORS)
def test_error_in_mid_stream(error, kind, name):
    reply = folded(sse(CREATED, *TEXT[:3]) + sse(error, event=name) + sse(COMPLETED), cuts=False)
    assert (reply.verdict, reply.text) == (Verdict.ERRORED, "Hel")
    assert (reply.error.message, reply.error.type, reply.error.code) == ("no", kind, "c")
    assert reply.error.content_delivered


def test_event_that_says_its_type_beside_the_data_alone():
    text = {"output_index": 0, "content_index": 0, "delta": "a"}
    reply = folded(sse(text, event="response.output_text.delta"))
    assert (reply.text, reply.dialect) == ("a", "openai_responses")


def test_an_error_is_not_the_end():
    failed = event("failed", response=response("failed", usage=USAGE, error={"code": "other", "message": "again"}))
    reply = folded(sse(CREATED, *TEXT[:3]) + sse(ERRORS["nested"], event="error") + sse(failed))
    assert (reply.verdict, reply.finish_reason, reply.usage.total_tokens) == (Verdict.ERRORED, "failed", 16)
    assert reply.error.message == "no"  # the first one


def test_error_of_a_gateway_that_says_no_type():
    reply = folded(sse(CREATED, *TEXT[:3], {"error": {"message": "no", "code": 502}}))
    assert (reply.verdict, reply.text, reply.error.status) == (Verdict.ERRORED, "Hel", 502)


# --- senders that do it otherwise -------------------------------------------------------------------------


def test_copilot_changes_the_ids():
    events = [{**value, "item_id": f"x{n}"} for n, value in enumerate(TEXT)]
    events[0] = event("output_item.added", 0, item={"id": "y", "type": "message"})
    events[-1] = event("output_item.done", 0, item={"id": "z", "type": "message", **MESSAGE})
    final = event("completed", response=response("completed", [{"id": "w", "type": "message", **MESSAGE}]))
    assert folded(sse(CREATED, *events, final), cuts=False).parts == [TextPart("Hello")]


def without_index(value):
    return {name: field for name, field in value.items() if name not in ("output_index", "content_index")}


def test_llama_cpp_has_no_index():
    made = event("output_item.added", item={"type": "function_call", "call_id": "fc_1", "name": "f", "arguments": ""})
    whole = {"type": "function_call", "call_id": "fc_1", "name": "f", "arguments": "{}"}
    events = [
        *map(without_index, TEXT[:4]),
        made,
        event("function_call_arguments.delta", item_id="fc_1", delta="{}"),
        *map(without_index, TEXT[4:]),
        event("output_item.done", item=whole),
        event("completed", response=response("completed", [item(0, "message", **MESSAGE), whole])),
    ]
    reply = folded(sse(CREATED, *events), cuts=False)
    assert reply.parts == [TextPart("Hello"), ToolCall("fc_1", "f", "{}", True)]


def test_events_that_say_nothing_of_their_item():
    events = [
        event("output_text.delta", delta="Hel"),
        event("output_text.delta", delta="lo"),
        event("output_text.done", text="Hello"),
        done(0, "message", **MESSAGE),
        event("function_call_arguments.delta", delta="{}"),
        event("output_item.done", item={"type": "function_call", "name": "f"}),
        event("output_text.delta", delta="!"),
        event("completed", response=response("completed", [item(0, "message", **MESSAGE)])),
    ]
    reply = folded(sse(CREATED, *events), cuts=False)
    assert reply.parts == [TextPart("Hello"), ToolCall(None, "f", "{}", True), TextPart("!")]


def test_all_items_have_the_index_0():
    events = [
        *TEXT,
        *TEXT,
        added(0, "function_call", **CALL),
        call(),
        added(0, "function_call", **{**CALL, "call_id": "d"}),
    ]
    reply = reply_of(*events, call(call_id="d"))
    assert reply.parts == [
        TextPart("Hello"),
        TextPart("Hello"),
        ToolCall("c", "f", '{"a":1}', True),
        ToolCall("d", "f", '{"a":1}', True),
    ]


def test_final_output_that_leaves_out_what_was_streamed():
    final = response("completed", [item(2, "function_call", **{**CALL, "call_id": "d"}), item(1, "message", **MESSAGE)])
    reply = folded(
        sse(
            CREATED,
            done(0, "reasoning", summary=summary("r")),
            *words("output_text", "Hel", "lo", at=1),
            call(2, call_id="d"),
            event("completed", response=final),
        ),
        cuts=False,
    )
    assert [type(part) for part in reply.parts] == [ReasoningPart, TextPart, ToolCall]
    assert reply.text == "Hello"


def test_final_output_of_what_was_not_streamed():
    final = response("completed", [item(0, "reasoning", summary=summary("r")), item(1, "message", **MESSAGE)])
    reply = folded(sse(CREATED, *words("output_text", "Hel", at=1), event("completed", response=final)), cuts=False)
    assert (reply.text, reply.reasoning) == ("Hello", "r")


OUTPUT = [
    item(0, "reasoning", summary=summary("r")),
    item(1, "message", **MESSAGE),
    item(2, "message", **MESSAGE),
    item(3, "function_call", **CALL),
]


@pytest.mark.parametrize("status", ["completed", None, "unheard of"])
@pytest.mark.parametrize("indent", [None, 2])
def test_response_that_was_not_streamed(status, indent):
    wire = json.dumps(response(status, OUTPUT, usage=USAGE, error=None), indent=indent).encode()
    reply = folded(wire)
    assert (reply.text, reply.reasoning, len(reply.tool_calls)) == ("HelloHello", "r", 1)
    assert (reply.verdict, reply.usage.total_tokens) == (Verdict.TOOL_CALLS, 16)


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_response_that_is_not_there_yet(status):
    assert folded(json.dumps(response(status)).encode()).verdict is Verdict.TRUNCATED


UNKNOWN = [event("rate_limits.updated"), event("image_generation_call.partial_image", 0), {"type": "keepalive"}, {}]


def test_unknown_events_are_passed_over():
    wire = sse(*(one for value in WIRE for one in (value, *UNKNOWN)))
    assert folded(wire, cuts=False).parts == [TextPart("Hello")]


# --- the short way ----------------------------------------------------------------------------------------

CHANNELS = {
    "output_text": [words("output_text", "a", "b", "", "é"), str],
    "reasoning_text": [words("reasoning_text", "a", "b"), None],
    "reasoning_summary_text": [words("reasoning_summary_text", "a", "b", n=1, number="summary_index"), None],
    "function_call_arguments": [pieces("function_call_arguments", "{", "}"), None],
    CODE: [pieces(CODE, 'a"', "\n"), None],
}


@pytest.mark.parametrize("events", [events for events, _ in CHANNELS.values()], ids=CHANNELS)
def test_short_way_says_what_the_long_one_does(events):
    short, long = OpenAIResponses(), OpenAIResponses()
    assert short.feed_object(events[0]) == long.feed_object(events[0])
    for value in events[1:]:
        delta = short.plain(json.dumps(value).encode())
        assert told([] if delta is None else [delta]) == told(long.feed_object(value))


def test_text_goes_the_short_way_as_it_is():
    dialect = OpenAIResponses()
    dialect.feed_object(words("output_text", "a")[0])
    assert dialect.plain(json.dumps(words("output_text", "b")[0]).encode()) == "b"


ELSEWHERE = {
    "another item": words("output_text", "b", at=1),
    "another part": words("output_text", "b", n=1),
    "another channel": words("refusal", "b"),
    "log-probabilities": [{**words("output_text", "b")[0], "logprobs": [{}]}],
    "the end": [event("output_text.done", 0, text="a")],
    "no index": [event("output_text.delta", delta="b")],
}


@pytest.mark.parametrize("events", ELSEWHERE.values(), ids=ELSEWHERE)
def test_short_way_is_left(events):
    dialect = OpenAIResponses()
    dialect.feed_object(words("output_text", "a")[0])
    with pytest.raises(NOT_PLAIN):
        dialect.plain(json.dumps(events[0]).encode())


def test_short_way_is_known_to_the_whole():
    dialect = OpenAIResponses()
    dialect.feed_object(words("output_text", "Hel")[0])
    dialect.plain(json.dumps(words("output_text", "l")[0]).encode())
    assert dialect.feed_object(TEXT[-1]) == [TextDelta("o")]


# --- anything ---------------------------------------------------------------------------------------------

ALL = [CREATED, *TEXT, *(value for events, _ in BUILT_IN.values() for value in events)]
ALL += [
    *words("reasoning_summary_text", "a", number="summary_index"),
    done(0, "reasoning", summary=summary("a")),
    ENDED,
]


@settings(max_examples=60)
@given(broken(ALL))
def test_nothing_on_the_wire_raises(values):
    decoder = Decoder(dialect="openai_responses")
    decoder.feed(sse(*values))
    decoder.close()
    assert decoder.fold.reply.verdict


# --- images and sound in pieces ---------------------------------------------------------------------------


def base64(data):
    return b64encode(data).decode()


def draft(data, n=0, **fields):
    fields |= {"partial_image_index": n, "partial_image_b64": base64(data)}
    return event("image_generation_call.partial_image", 0, item_id="i0", **fields)


DRAFTS = [added(0, "image_generation_call"), draft(b"one"), draft(b"two", 1, output_format="png")]


def test_final_image_is_kept_and_no_draft():
    reply = reply_of(*DRAFTS, done(0, "image_generation_call", result=base64(b"three"), output_format="png"))
    assert [part for part in reply.parts if isinstance(part, MediaPart)] == [MediaPart("image/png", b"three")]


@pytest.mark.parametrize("end", [[], [done(0, "image_generation_call")], [COMPLETED]], ids=["cut", "done", "completed"])
def test_latest_draft_counts_where_the_final_image_is_missing(end):
    reply = folded(sse(CREATED, *DRAFTS, *end))
    assert [part for part in reply.parts if isinstance(part, MediaPart)] == [MediaPart("image/png", b"two")]


@pytest.mark.parametrize("stem", ["audio", "output_audio"])
@pytest.mark.parametrize(
    "pieces_", [["c291", "bmQ="], ["c2", "91bmQ="]], ids=["each is base64", "all together are base64"]
)
def test_sound_in_pieces(stem, pieces_):
    spoken = "audio.transcript" if stem == "audio" else "output_audio_transcript"
    part = {"type": "output_audio", "transcript": "Hello", "data": "c291bmQ="}
    said = [event(f"{stem}.delta", delta=piece) for piece in pieces_] + [event(f"{stem}.done")]
    heard = [event(f"{spoken}.delta", delta=piece) for piece in ("Hel", "lo")] + [event(f"{spoken}.done")]
    for ends in ([], [done(0, "message", content=[part])]):
        reply = folded(sse(CREATED, *said, *heard, *ends, COMPLETED))
        assert (reply.text, reply.parts[-1], len(reply.parts)) == ("Hello", MediaPart("", b"sound"), 2)


def test_sound_that_comes_whole():
    part = {"type": "output_audio", "transcript": "Hello", "data": "c291bmQ="}
    reply = reply_of(event("content_part.done", 0, content_index=0, part=part), done(0, "message", content=[part]))
    assert reply.parts == [TextPart("Hello"), MediaPart("", b"sound")]


def test_shell_command_that_begins_when_it_is_added():
    call = {"call_id": "c", "action": {"commands": ["ls -l"]}}
    reply = reply_of(
        added(0, "shell_call", call_id="c"),
        event("shell_call_command.added", 0, command_index=0, command="ls"),
        event("shell_call_command.delta", 0, command_index=0, delta=" -l"),
        event("shell_call_command.done", 0, command_index=0, command="ls -l"),
        done(0, "shell_call", **call),
    )
    assert [json.loads(call.arguments) for call in reply.server_tool_calls] == [{"commands": ["ls -l"]}]
    assert reply.anomalies == []
