"""Amazon Bedrock's agents: text, citations, files and tools handed over, and an end that nothing marks."""

import json
from base64 import b64encode

import pytest
from hypothesis import given

from streamfold.decoder import Decoder
from streamfold.dialects.bedrock_agent import BedrockAgent
from streamfold.framing.aws_eventstream import AWSMessage
from streamfold.reply import Verdict
from streamfold.reply.parts import MediaPart, ServerToolResult, TextPart, ToolCall

from .wires import aws, aws_exception, broken, folded


def chunk(data, **fields):
    return "chunk", {"bytes": b64encode(data).decode(), **fields}


TRACE = ("trace", {"agentId": "a", "trace": {"orchestrationTrace": {"rationale": {"text": "hm"}}}})
CITED = {"citations": [{"retrievedReferences": [{"location": {"type": "S3"}}]}]}
FILES = ("files", {"files": [{"name": "a.png", "type": "image/png", "bytes": "YQ=="}, {"name": "b"}]})
PARAMETERS = [{"name": "a", "type": "integer", "value": "1"}]
FUNCTION = {"functionInvocationInput": {"actionGroup": "g", "function": "f", "parameters": PARAMETERS}}
API = {"apiInvocationInput": {"httpMethod": "GET", "apiPath": "/x", "requestBody": {"content": {}}}}
CONTROL = ("returnControl", {"invocationId": "i1", "invocationInputs": [FUNCTION, API]})


def test_answer():
    reply = folded(aws(TRACE, chunk(b"Hel", attribution=CITED), chunk(b"lo")))
    assert reply.parts == [TextPart("Hello", CITED["citations"])]
    assert (reply.verdict, reply.finish_reason, reply.reasoning) == (Verdict.COMPLETE, None, "")


def test_chunks_that_end_inside_of_a_character():
    snowman = "\u2603".encode()
    assert folded(aws(chunk(snowman[:1]), chunk(snowman[1:]))).text == "\u2603"


def test_answer_in_json_is_text():
    assert folded(aws(chunk(b'{"answer": 1}'))).text == '{"answer": 1}'


@pytest.mark.parametrize("wire", [aws(TRACE), aws(chunk(b"Hello"), TRACE)[:-1]], ids=["no answer", "cut"])
def test_end_that_is_none_is_truncated(wire):
    assert folded(wire).verdict is Verdict.TRUNCATED


def test_reader_that_leaves_is_not_overruled():
    decoder = Decoder()
    decoder.feed(aws(chunk(b"Hello")))
    decoder.close(Verdict.CANCELLED)
    assert decoder.fold.reply.verdict is Verdict.CANCELLED


def test_files():
    reply = folded(aws(chunk(b"a"), FILES))
    assert reply.parts == [TextPart("a"), MediaPart("image/png", b"a"), MediaPart("", b"")]


def test_tools_handed_over():
    reply = folded(aws(CONTROL))
    assert reply.tool_calls == [
        ToolCall("i1", "f", '{"a": "1"}', True),
        ToolCall("i1", "GET /x", '{"requestBody": {"content": {}}}', True),
    ]
    assert reply.verdict is Verdict.TOOL_CALLS


def test_knowledge_base():
    reply = folded(aws(("output", {"text": "Hel"}), ("output", {"text": "lo"}), ("citation", {"citation": {"a": 1}})))
    assert (reply.parts, reply.verdict) == ([TextPart("Hello", [{"citation": {"a": 1}}])], Verdict.COMPLETE)


@pytest.mark.parametrize("pieces", [["Hel", "lo"], [""], []])
def test_agentic_retrieval(pieces):
    trace = ("traceEvent", {"id": "t", "timestamp": 1, "attributes": {"step": "Planning"}})
    cited = [{"startIndex": 0, "endIndex": 5, "references": [{"resultIndex": 0}]}]
    found = [{"content": {"text": "c"}}]
    result = ("result", {"results": found, "generatedResponse": {"answer": "Hello", "citations": cited}})
    reply = folded(aws(trace, *(("responseEvent", {"text": piece}) for piece in pieces), result))
    assert reply.parts == [TextPart("Hello", cited), ServerToolResult(None, "retrieval", found)]
    assert (reply.verdict, reply.dialect) == (Verdict.COMPLETE, "bedrock_agent")


def test_retrieval_without_an_answer():
    reply = folded(aws(("result", {"results": []})))
    assert (reply.parts, reply.verdict) == ([ServerToolResult(None, "retrieval", [])], Verdict.COMPLETE)


@pytest.mark.parametrize(("document", "wanted"), [("a", "a"), ({"a": 1}, '{"a": 1}'), (None, "")])
def test_flow(document, wanted):
    output = ("flowOutputEvent", {"content": {"document": document}, "nodeName": "n"})
    reply = folded(aws(output, ("flowCompletionEvent", {"completionReason": "SUCCESS"})))
    assert (reply.text, reply.finish_reason, reply.verdict) == (wanted, "SUCCESS", Verdict.COMPLETE)


def test_exception():
    reply = folded(aws(chunk(b"a")) + aws_exception("dependencyFailedException", {"message": "no"}))
    assert (reply.text, reply.verdict, reply.error.status) == ("a", Verdict.ERRORED, 424)


def test_events_that_an_sdk_has_decoded():
    value = {"chunk": {"bytes": b"a"}}
    assert BedrockAgent.recognises(value, "message")
    (text,) = BedrockAgent().feed_object(value)
    assert text.text == "a"


RESULT = ("result", {"results": [{}], "generatedResponse": {"answer": "a", "citations": [{}]}})
EVENTS = [TRACE, chunk(b"a", attribution=CITED), FILES, CONTROL, ("output", {"text": "a"}), RESULT]


@given(broken([[kind, value] for kind, value in EVENTS]))
def test_nothing_raises(events):
    dialect = BedrockAgent()
    for event in events:
        match event:
            case [str(kind), value]:
                data = json.dumps(value).encode()
                dialect.feed([AWSMessage(data, {":event-type": kind, ":message-type": "event"}), data])
                dialect.recognises(value if isinstance(value, dict) else {}, kind)


@pytest.mark.parametrize(("action", "verdict"), [("INTERVENED", Verdict.FILTERED), ("NONE", Verdict.COMPLETE)])
def test_guardrail_of_a_knowledge_base(action, verdict):
    for events in ([("guardrail", {"action": action}), ("output", {"text": "Sorry."})], []):
        reply = folded(aws(("output", {"text": "a"}), *events, ("guardrail", {"action": action})))
        assert (reply.verdict, reply.anomalies) == (verdict, [])
