"""Model Context Protocol, streamable HTTP: JSON-RPC of a tool server."""

import json

import pytest
from hypothesis import given

from streamfold.reply import Verdict
from streamfold.reply.parts import ServerToolResult

from .wires import broken, folded, sse

PROGRESS = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progress": 0.5}}
RESULT = {"content": [{"type": "text", "text": "Hello"}], "isError": False}
RESPONSE = {"jsonrpc": "2.0", "id": 0, "result": RESULT}
ERROR = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32602, "message": "Unknown tool"}}


def test_result():
    reply = folded(sse(PROGRESS, RESPONSE, event="message"))
    assert reply.parts == [ServerToolResult("0", "result", RESULT)]
    assert (reply.text, reply.verdict, reply.finish_reason) == ("", Verdict.COMPLETE, None)


def test_bare_json():
    assert folded(json.dumps(RESPONSE).encode()).parts == [ServerToolResult("0", "result", RESULT)]


@pytest.mark.parametrize(("id", "said"), [("a", "a"), (5, "5"), (None, None), (1.5, None)])
def test_id(id, said):
    assert folded(sse({**RESPONSE, "id": id}), cuts=False).parts[0].id == said


def test_several_results_in_a_list():
    reply = folded(sse([RESPONSE, PROGRESS, RESPONSE]), "mcp")
    assert len(reply.parts) == 2


def test_error():
    reply = folded(sse(ERROR))
    assert (reply.verdict, reply.error.message, reply.error.code) == (Verdict.ERRORED, "Unknown tool", "-32602")


def test_stream_without_a_response():
    assert folded(sse(PROGRESS)).verdict is Verdict.TRUNCATED


@given(broken([PROGRESS, [RESPONSE, ERROR], RESPONSE]))
def test_broken_messages_never_raise(values):
    assert folded(sse(*values), "mcp", cuts=False).verdict
    assert folded(sse(*values, event="error"), "mcp", cuts=False).verdict
