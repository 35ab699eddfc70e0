"""What is a stream and what is a refusal, and what is told of it."""

import pytest

from streamfold import Request
from streamfold.network.responses import Response, is_stream, refusal, telling

ASK = Request("http://a/v1?key=sk-12345678", json={}, headers={"Authorization": "Bearer sk-abcdefgh"})


@pytest.mark.parametrize(
    ("status", "content_type", "expected"),
    [
        (200, "text/event-stream", True),
        (200, "application/json", True),
        (200, "", True),
        (206, "text/plain", True),
        (200, "text/html; charset=utf-8", False),
        (200, "Text/HTML", False),
        (204, "text/event-stream", False),
        (301, "text/event-stream", False),
        (429, "text/event-stream", False),
        (500, "application/json", False),
    ],
)
def test_what_may_be_a_stream(status: int, content_type: str, expected: bool) -> None:
    assert is_stream(status, {"Content-Type": content_type}) is expected


REFUSALS = {
    "OpenAI": (b'{"error":{"message":"no","type":"t","code":"c"}}', "no (t, c, 400)"),
    "Gemini, in an array": (b'[{"error":{"code":400,"message":"no","status":"BAD"}}]', "no (BAD, 400, 400)"),
    "text": (b"  just\n no  ", "just no (400)"),
    "a long text": (b"x" * 1000, "x" * 300 + "\u2026 (400)"),
    "a page without a title": (b"<html><body><h1>Not</h1>\n<p>here</p></body></html>", "Not here"),
    "nothing": (b" \n", "an empty response, not a stream (400)"),
    "other JSON": (b'{"status":"odd"}', '{"status":"odd"} (400)'),
    "not UTF-8": (b"\xff no", "\ufffd no (400)"),
    "nested too deeply": (b"[" * 60_000, "[[["),
    "with the key in it": (b'{"error":"bad key sk-abcdefgh at ?key=sk-12345678"}', "bad key *** at ?key=*** (400)"),
}


@pytest.mark.parametrize(("body", "sentence"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_says_why(body: bytes, sentence: str) -> None:
    kind = "text/html" if b"<html" in body else "application/json"
    error = refusal(ASK, 400, {"content-type": kind}, body, 0.0)
    assert sentence in str(error)
    assert (error.status, error.retryable) == (400, False)
    assert "sk-" not in f"{error} {error.body}"


@pytest.mark.parametrize(
    ("status", "retryable"),
    [(400, False), (401, False), (404, False), (408, True), (409, True), (429, True), (599, True)],
)
def test_what_may_pass(status: int, retryable: bool) -> None:
    headers = {"Retry-After": "7", "X-Request-ID": "r", "Set-Cookie": "secret", "x-ratelimit-limit-tokens": "9"}
    error = refusal(ASK, status, headers, b"", 0.0)
    assert (error.retryable, error.retry_after) == (retryable, 7)
    assert error.headers == {"retry-after": "7", "x-request-id": "r", "x-ratelimit-limit-tokens": "9"}


def test_the_request_id_is_found_by_its_names() -> None:
    assert Response(200, telling({"Request-Id": "a"})).request_id == "a"
    assert Response(200, telling({"x-amzn-RequestId": "b", "Cookie": "c"})).request_id == "b"
    assert Response(200, {}).request_id is None
