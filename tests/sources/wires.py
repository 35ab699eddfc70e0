"""One short stream for each provider, as its server sends it: reasoning and a call of a tool where there can be any."""

import json


def sse(*values, named=False, end=""):
    events = ((f"event: {v['type']}\n" if named else "") + f"data: {json.dumps(v)}\n\n" for v in values)
    return "".join(events).encode() + end.encode()


def _chunk(delta, reason=None, **more):
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}


def _call(arguments, **more):
    function = {"arguments": arguments} | ({"name": "look"} if more else {})
    return {"tool_calls": [{"index": 0, "function": function, **more}]}


_USAGE = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}

CHAT = sse(
    _chunk({"role": "assistant", "content": ""}),
    _chunk({"reasoning_content": "Hm"}),
    _chunk({"content": "Hel"}),
    _chunk({"content": "lo ✓"}),
    _chunk(_call("", id="call1", type="function")),
    _chunk(_call('{"a": ')),
    _chunk(_call("1}")),
    _chunk({}, "tool_calls"),
    {**_chunk({}), "choices": [], "usage": _USAGE},
    end="data: [DONE]\n\n",
)

MISTRAL = sse(
    _chunk({"role": "assistant", "content": ""}),
    _chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}]}),
    _chunk({"content": "Hel"}),
    _chunk({"content": "lo ✓"}),
    _chunk(_call('{"a": 1}', id="call1"), "tool_calls", usage=_USAGE),
    end="data: [DONE]\n\n",
)

_OUTPUT = {"type": "message.output.delta", "output_index": 0, "content_index": 0, "id": "m1", "model": "m"}
_FUNCTION_CALL = {"type": "function.call.delta", "output_index": 1, "id": "f1", "tool_call_id": "call1", "name": "look"}

MISTRAL_CONVERSATION = sse(
    {"type": "conversation.response.started", "conversation_id": "c1"},
    {**_OUTPUT, "content": {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}},
    {**_OUTPUT, "content": "Hel"},
    {**_OUTPUT, "content": "lo ✓"},
    {**_FUNCTION_CALL, "arguments": '{"a": '},
    {**_FUNCTION_CALL, "arguments": "1}"},
    {"type": "conversation.response.done", "usage": _USAGE},
    named=True,
)


def _token(words, **more):
    return {"index": 1, "token": {"id": 1, "text": words, "logprob": -0.5, "special": False}, **more}


TEXT_GENERATION = sse(
    _token("Hel"),
    _token(
        "lo ✓", generated_text="Hello ✓", details={"finish_reason": "length", "generated_tokens": 2, "input_length": 9}
    ),
)

_MESSAGE = {"id": "msg1", "type": "message", "role": "assistant", "model": "m", "content": []}
_TOOL = {"type": "tool_use", "id": "t1", "name": "look", "input": {}}


def _start(index, block):
    return {"type": "content_block_start", "index": index, "content_block": block}


def _delta(index, kind, **values):
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **values}}


def _stop(index):
    return {"type": "content_block_stop", "index": index}


ANTHROPIC = sse(
    {"type": "message_start", "message": {**_MESSAGE, "usage": {"input_tokens": 9, "output_tokens": 1}}},
    _start(0, {"type": "thinking", "thinking": "", "signature": ""}),
    _delta(0, "thinking_delta", thinking="Hm"),
    _delta(0, "signature_delta", signature="+/+/"),
    _stop(0),
    _start(1, {"type": "text", "text": ""}),
    {"type": "ping"},
    _delta(1, "text_delta", text="Hel"),
    _delta(1, "text_delta", text="lo ✓"),
    _stop(1),
    _start(2, _TOOL),
    _delta(2, "input_json_delta", partial_json='{"a": '),
    _delta(2, "input_json_delta", partial_json="1}"),
    _stop(2),
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 5}},
    {"type": "message_stop"},
    named=True,
)

_RESPONSE = {"id": "r1", "object": "response", "created_at": 1, "model": "m", "status": "in_progress", "output": []}
_RESPONSE |= {"parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
_SAID = {"type": "output_text", "text": "Hello ✓", "annotations": []}
_ITEM = {"id": "m1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
_FUNCTION = {"id": "f1", "call_id": "call1", "type": "function_call", "name": "look", "arguments": ""}
_WHOLE = [{**_ITEM, "status": "completed", "content": [_SAID]}, {**_FUNCTION, "arguments": '{"a": 1}'}]
_COUNTS = {"input_tokens": 9, "output_tokens": 5, "total_tokens": 14}


def _responses():
    place = {"item_id": "m1", "output_index": 0, "content_index": 0}
    call = {"item_id": "f1", "output_index": 1}
    events = [
        {"type": "response.created", "response": _RESPONSE},
        {"type": "response.output_item.added", "output_index": 0, "item": _ITEM},
        {"type": "response.content_part.added", **place, "part": {**_SAID, "text": ""}},
        {"type": "response.output_text.delta", **place, "delta": "Hel", "logprobs": []},
        {"type": "response.output_text.delta", **place, "delta": "lo ✓", "logprobs": []},
        {"type": "response.output_text.done", **place, "text": "Hello ✓", "logprobs": []},
        {"type": "response.content_part.done", **place, "part": _SAID},
        {"type": "response.output_item.done", "output_index": 0, "item": _WHOLE[0]},
        {"type": "response.output_item.added", "output_index": 1, "item": _FUNCTION},
        {"type": "response.function_call_arguments.delta", **call, "delta": '{"a": '},
        {"type": "response.function_call_arguments.delta", **call, "delta": "1}"},
        {"type": "response.function_call_arguments.done", **call, "name": "look", "arguments": '{"a": 1}'},
        {"type": "response.output_item.done", "output_index": 1, "item": _WHOLE[1]},
        {
            "type": "response.completed",
            "response": {**_RESPONSE, "status": "completed", "output": _WHOLE, "usage": _COUNTS},
        },
    ]
    return [{**event, "sequence_number": n} for n, event in enumerate(events)]


RESPONSES = sse(*_responses(), named=True)


def _parts(*parts, **more):
    candidate = {"content": {"parts": list(parts), "role": "model"}, "index": 0, **more}
    return {"candidates": [candidate], "modelVersion": "m", "responseId": "r1"}


GEMINI = sse(
    _parts({"text": "Hm", "thought": True}),
    _parts({"text": "Hel"}),
    _parts({"text": "lo ✓"}),
    _parts({"functionCall": {"name": "look", "args": {"a": 1}}, "thoughtSignature": "+/+/"}),
    {
        **_parts({"inlineData": {"mimeType": "image/png", "data": "+/+/"}}, finishReason="STOP"),
        "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 5, "totalTokenCount": 14},
    },
)


def _line(message, **more):
    line = {"model": "m", "created_at": "2025-01-01T00:00:00Z", "message": {"role": "assistant", **message}}
    return json.dumps({**line, "done": False, **more}).encode() + b"\n"


OLLAMA = b"".join([
    _line({"content": "", "thinking": "Hm"}),
    _line({"content": "Hel"}),
    _line({"content": "lo ✓"}),
    _line({"content": "", "tool_calls": [{"function": {"name": "look", "arguments": {"a": 1}}}]}),
    _line({"content": ""}, done=True, done_reason="stop", prompt_eval_count=9, eval_count=5),
])  # fmt: skip

OLLAMA_GENERATE = b"".join(
    json.dumps({"model": "m", "created_at": "2025-01-01T00:00:00Z", **line}).encode() + b"\n"
    for line in (
        {"response": "Hel", "done": False},
        {"response": "lo ✓", "done": False},
        {"response": "", "done": True, "done_reason": "length", "prompt_eval_count": 9, "eval_count": 5},
    )
)


def _said(kind, index, **message):
    return {"type": kind, "index": index, "delta": {"message": message}}


def _function(**function):
    return {"tool_calls": {"function": function}}


COHERE = sse(
    {"type": "message-start", "id": "c1", "delta": {"message": {"role": "assistant", "content": []}}},
    _said("tool-plan-delta", None, tool_plan="Look."),
    _said("content-start", 0, content={"type": "thinking", "thinking": ""}),
    _said("content-delta", 0, content={"thinking": "Hm"}),
    {"type": "content-end", "index": 0},
    _said("content-start", 1, content={"type": "text", "text": ""}),
    _said("content-delta", 1, content={"text": "Hel"}),
    _said("content-delta", 1, content={"text": "lo ✓"}),
    {"type": "content-end", "index": 1},
    _said(
        "tool-call-start",
        0,
        tool_calls={"id": "call1", "type": "function", "function": {"name": "look", "arguments": ""}},
    ),
    _said("tool-call-delta", 0, **_function(arguments='{"a": ')),
    _said("tool-call-delta", 0, **_function(arguments="1}")),
    {"type": "tool-call-end", "index": 0},
    {
        "type": "message-end",
        "delta": {"finish_reason": "TOOL_CALL", "usage": {"tokens": {"input_tokens": 9, "output_tokens": 5}}},
    },
    named=True,
)
