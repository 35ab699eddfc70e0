"""A request: what it sends, what it refuses to be, and that it never shows a key."""

import json

import pytest

from streamfold import Request
from streamfold.errors import CallerError

URL = "https://api.example.com/v1/chat/completions"
KEY = "sk-very-secret-123456"


def test_it_is_a_frozen_value() -> None:
    request = Request(URL, json={"a": 1})
    assert request == Request(URL, json={"a": 1})
    with pytest.raises(AttributeError):
        request.url = "x"  # type: ignore[misc]


def test_the_body_is_sent_as_it_is() -> None:
    body = {"model": "m", "messages": [{"content": "h\u00e9 \ud83d"}], "odd field": None}
    request = Request(URL, json=body)
    assert json.loads(request.body or b"") == body
    assert request.sent_headers["Content-Type"] == "application/json"
    assert Request(URL, content=b"\x00raw").body == b"\x00raw"
    assert Request(URL, method="GET").body is None


def test_the_callers_headers_win() -> None:
    headers = Request(URL, json={}, headers={"content-type": "application/x", "accept": "*/*"}).sent_headers
    assert headers["content-type"] == "application/x"
    assert {name.lower() for name in headers} == {"content-type", "accept", "accept-encoding", "user-agent"}
    assert "Content-Type" not in headers


def test_nothing_compressed_is_asked_for() -> None:
    assert Request(URL).sent_headers["Accept-Encoding"] == "identity"


def test_a_password_in_the_url_becomes_a_header() -> None:
    request = Request("http://al%40ce:pa%3Ass@host:8080/path?q=1#part")
    assert request.target == "http://host:8080/path?q=1"
    assert request.origin == "http://host:8080"
    assert request.sent_headers["Authorization"] == "Basic YWxAY2U6cGE6c3M="


SECRETS = {
    "bearer": Request(URL, headers={"Authorization": f"Bearer {KEY}"}),
    "header": Request(URL, headers={"x-api-key": KEY}),
    "any header": Request(URL, headers={"X-Whatever": KEY}),
    "query": Request(f"{URL}?alt=sse&key={KEY}"),
    "query, by another name": Request(f"{URL}?subscription-Token={KEY}"),
    "password": Request(f"https://me:{KEY}@api.example.com/v1"),
    "user": Request(f"https://{KEY}@api.example.com/v1"),
}


@pytest.mark.parametrize("request_", SECRETS.values(), ids=SECRETS)
def test_a_key_never_shows(request_: Request) -> None:
    for text in (repr(request_), str(request_), request_.redacted(f"<{KEY}> at {request_.url}")):
        assert KEY not in text
        assert KEY[:12] not in text
    assert request_.redacted("nothing to hide") == "nothing to hide"


def test_the_repr_says_what_it_is() -> None:
    request = Request(f"{URL}?alt=sse&key={KEY}", json={}, headers={"Authorization": f"Bearer {KEY}", "X-Title": "a"})
    assert repr(request) == f"Request(POST {URL}?alt=sse&key=***, headers: Authorization, X-Title)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"url": 1}, "the url is int"),
        ({"url": "api.example.com"}, "expected http"),
        ({"url": "ftp://example.com"}, "expected http"),
        ({"url": "https://"}, "and a host"),
        ({"url": "http://a:99999/"}, "cannot be read"),
        ({"url": "http://[::1/"}, "cannot be read"),
        ({"url": "http://a/b c"}, "space"),
        ({"url": "http://a/b\r\nX: y"}, "expected http|control"),
        ({"method": "PO ST"}, "method"),
        ({"method": 1}, "method"),
        ({"json": {}, "content": b""}, "both"),
        ({"content": "text"}, "content is str"),
        ({"json": {1, 2}}, "cannot be sent"),
        ({"json": float("nan")}, "cannot be sent"),
        ({"headers": [("a", "b")]}, "headers is list"),
        ({"headers": {"a b": "c"}}, "header is called"),
        ({"headers": {"Authorization": None}}, "Authorization is NoneType"),
        ({"headers": {"Authorization": f"Bearer {KEY}\n"}}, "read from a file"),
        ({"headers": {"X": "a\r\nY: b"}}, "line break"),
        ({"headers": {"X": "\u2026"}}, "HTTP cannot send"),
    ],
    ids=str,
)
def test_what_cannot_be_meant(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(CallerError, match=message) as caught:
        Request(**{"url": URL, **arguments})  # type: ignore[arg-type]
    assert KEY not in str(caught.value)
