"""The attempts to get one answer, without a network: what is asked next, and what is handed on of it."""

from typing import Any

import pytest

from streamfold import Request, RetryPolicy, Verdict
from streamfold.errors import CallerError, ProviderError, SourceError
from streamfold.events import Reset, StreamEnd
from streamfold.network.attempts import Attempts

ASK = Request("http://a/v1/chat/completions", json={"messages": [{"role": "user", "content": "Hi"}]})
BROKEN = SourceError(ConnectionResetError("reset"))


def continuable(way: str = "prefill") -> Request:
    return Request(ASK.url, json=ASK.json, continuation=way)


def said(text: str) -> bytes:
    return b'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n' % text.encode()


DONE = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
HEADERS = {"Content-Type": "text/event-stream"}


def attempts_of(*requests: Request, policy: RetryPolicy | None = None, **options: Any) -> Attempts:
    return Attempts(requests or (ASK,), policy or RetryPolicy(), options, 0.0, "n")  # type: ignore[arg-type]


def read(attempts: Attempts, *reads: bytes) -> list[Any]:
    """Open the attempt, and return what its reads let out."""
    attempts.answered(200, HEADERS)
    return [piece for data in reads for piece in attempts.intake.feed(data)]


def broken(attempts: Attempts, error: Any = BROKEN) -> list[Any]:
    return attempts.close(Verdict.ERRORED if error else None, error, 1.0, 0.0, 0)


def end(attempts: Attempts) -> StreamEnd:
    last = attempts.close(None, None, 2.0, 0.0, 0)[-1]
    assert not attempts.again
    assert isinstance(last, StreamEnd)
    return last


def test_a_whole_reply_is_the_last_attempt() -> None:
    attempts = attempts_of()
    assert read(attempts, said("a"), DONE) == ["a"]
    assert end(attempts).reply.text == "a"
    assert attempts.number == 1


def test_before_any_content_it_is_asked_again_and_nothing_shows() -> None:
    attempts = attempts_of()
    assert read(attempts, b": hello\n\n") == []
    assert broken(attempts) == []
    assert (attempts.again, attempts.number, attempts.request) == (True, 2, ASK)
    assert read(attempts, said("a"), DONE) == ["a"]
    assert end(attempts).reply.text == "a"


def test_an_error_at_the_first_event_is_retried_if_it_may_pass() -> None:
    attempts = attempts_of()
    read(attempts, b'data: {"error":{"message":"overloaded","code":503}}\n\n')
    assert attempts.close(None, None, 1.0, 0.0, 0) == []
    assert attempts.again


def test_what_would_fail_again_is_not_asked_again() -> None:
    attempts = attempts_of()
    shown = broken(attempts, ProviderError("bad key", status=401))
    assert not attempts.again
    assert shown[-1].reply.error.status == 401


def test_held_text_was_not_delivered() -> None:
    """Half a stop sequence was received and not shown: the retry may begin anew, and must not show it."""
    attempts = attempts_of(stop="END")
    assert read(attempts, said("EN")) == []
    assert broken(attempts) == []
    assert read(attempts, said("a"), DONE) == ["a"]
    assert end(attempts).reply.text == "a"


@pytest.mark.parametrize("policy", [RetryPolicy(), RetryPolicy(after_text="continue")], ids=["fail", "cannot"])
def test_after_text_it_gives_up(policy: RetryPolicy) -> None:
    attempts = attempts_of(policy=policy)
    assert read(attempts, said("Hel")) == ["Hel"]
    shown = broken(attempts)
    assert not attempts.again
    assert (shown[-1].reply.text, shown[-1].reply.verdict) == ("Hel", Verdict.ERRORED)


def test_a_restart_takes_the_text_back() -> None:
    attempts = attempts_of(policy=RetryPolicy(after_text="restart"))
    assert read(attempts, said("Hel")) == ["Hel"]
    assert broken(attempts) == [Reset(2, "the source raised ConnectionResetError: reset")]
    assert read(attempts, said("Hello"), DONE) == ["Hello"]
    assert end(attempts).reply.text == "Hello"


REASONED = b'data: {"choices":[{"index":0,"delta":{"reasoning_content":"hm"}}]}\n\n'
CALLED = b'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f"}}]}}]}\n\n'


@pytest.mark.parametrize("delivered", [REASONED, CALLED], ids=["reasoning", "a tool call"])
@pytest.mark.parametrize("way", ["restart", "continue"])
def test_never_after_more_than_text(delivered: bytes, way: Any) -> None:
    attempts = attempts_of(continuable(), policy=RetryPolicy(after_text=way))
    assert read(attempts, delivered)
    broken(attempts)
    assert not attempts.again


CONTINUATIONS = {
    "goes on": ("The quick brown fox", [" jumps"], "The quick brown fox jumps"),
    "repeats its last words": ("The quick brown fox jumps over", ["brown fox", " jumps over", " the dog"], None),
    "genuine repeats stay": ("ha ha", [" ha ha"], "ha ha ha ha"),
    "a genuine short repeat": ("ha", [" ha", " ha"], "ha ha ha"),
}


@pytest.mark.parametrize(("first", "then", "whole"), CONTINUATIONS.values(), ids=CONTINUATIONS)
def test_a_continuation_is_one_text(first: str, then: list[str], whole: str | None) -> None:
    attempts = attempts_of(continuable(), policy=RetryPolicy(after_text="continue"))
    shown = read(attempts, said(first))
    shown += broken(attempts)
    assert attempts.request.json["messages"][-1] == {"role": "assistant", "content": first}
    shown += read(attempts, *map(said, then), DONE)
    reply = end(attempts).reply
    assert reply.text == "".join(shown) == (whole or "The quick brown fox jumps over the dog")
    assert reply.verdict is Verdict.COMPLETE


def test_a_stop_lies_over_the_seam() -> None:
    attempts = attempts_of(continuable(), policy=RetryPolicy(after_text="continue"), stop="END")
    shown = read(attempts, said("a"), said(" E"))
    assert shown == ["a", " "]
    assert broken(attempts) == []
    assert attempts.request.json["messages"][-1]["content"] == "a E"
    assert read(attempts, said("ND"), said(" more")) == []
    assert attempts.intake.fold.ended
    reply = end(attempts).reply
    assert (reply.text, reply.verdict) == ("a ", Verdict.STOPPED)


def test_what_the_end_of_a_broken_stream_let_out_is_handed_on() -> None:
    """The last event came whole, but for its blank line."""
    attempts = attempts_of(continuable(), policy=RetryPolicy(after_text="continue"))
    shown = read(attempts, said("a"), said("b").strip())
    shown += broken(attempts)
    shown += read(attempts, said("c"), DONE)
    assert shown == ["a", "b", "c"]
    assert end(attempts).reply.text == "abc"


def test_a_continuation_that_breaks_off_in_the_overlap_says_nothing_twice() -> None:
    attempts = attempts_of(continuable(), policy=RetryPolicy(after_text="continue"))
    first = "The quick brown fox jumps over"
    shown = read(attempts, said(first))
    shown += broken(attempts)
    shown += read(attempts, said("brown fox"))
    shown += broken(attempts)
    shown += read(attempts, said(" the dog"), DONE)
    assert "".join(shown) == end(attempts).reply.text == f"{first} the dog"


def test_whole_graphemes_stay_whole_over_the_seam() -> None:
    pytest.importorskip("regex")
    attempts = attempts_of(continuable(), policy=RetryPolicy(after_text="continue"), graphemes=True)
    shown = read(attempts, said("ae"))
    shown += broken(attempts)
    shown += read(attempts, said("\u0301x"), DONE)
    shown += [piece for piece in attempts.close(None, None, 2.0, 0.0, 0) if isinstance(piece, str)]
    assert shown == ["a", "e\u0301", "x"]


WAYS = {
    "prefix": ({"role": "assistant", "content": "a", "prefix": True}, {}),
    "continue_final_message": (
        {"role": "assistant", "content": "a"},
        {"continue_final_message": True, "add_generation_prompt": False},
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_ways_to_continue(way: str) -> None:
    attempts = attempts_of(continuable(way), policy=RetryPolicy(after_text="continue"))
    read(attempts, said("a"))
    broken(attempts)
    message, fields = WAYS[way]
    assert attempts.request.json == {"messages": [*ASK.json["messages"], message], **fields}


def test_a_way_that_does_not_exist() -> None:
    with pytest.raises(CallerError, match="prefill, prefix, starting_after"):
        attempts_of(continuable("hope"))


def response_event(kind: str, number: int, more: str = "") -> bytes:
    return b'data: {"type":"response.%s","sequence_number":%d%s}\n\n' % (kind.encode(), number, more.encode())


def test_the_responses_api_sends_just_what_is_missing() -> None:
    url = "https://api.openai.com/v1/responses"
    request = Request(url, json={"background": True}, headers={"Authorization": "k"}, continuation="starting_after")
    attempts = attempts_of(request, policy=RetryPolicy(after_text="continue"))
    created = response_event("created", 0, ',"response":{"id":"r_1","status":"in_progress"}')
    item = response_event("output_item.added", 1, ',"output_index":0,"item":{"id":"m","type":"message","content":[]}')

    def delta(number: int, text: str) -> bytes:
        return response_event("output_text.delta", number, f',"output_index":0,"content_index":0,"delta":"{text}"')

    shown = read(attempts, created, item, delta(2, "ha"), delta(3, " ha"), delta(4, " lost")[:50])
    assert broken(attempts) == []
    asked = attempts.request
    assert (asked.method, asked.url) == ("GET", f"{url}/r_1?stream=true&starting_after=3")
    assert (asked.body, asked.headers) == (None, request.headers)
    done = response_event("completed", 6, ',"response":{"id":"r_1","status":"completed","output":[]}')
    shown += read(attempts, delta(4, " ha"), delta(5, " ha"), done)
    assert [piece for piece in shown if isinstance(piece, str)] == ["ha", " ha", " ha", " ha"]
    reply = end(attempts).reply
    assert (reply.text, reply.verdict, reply.id) == ("ha ha ha ha", Verdict.COMPLETE, "r_1")


def test_a_conversation_goes_on_at_its_next_byte() -> None:
    request = Request("http://a/api/v1/chat/completions", json={}, headers={"K": "k"}, continuation="conversation_id")
    attempts = attempts_of(request, policy=RetryPolicy(after_text="continue"))
    assert attempts.asked().headers == {"K": "k", "X-Conversation-Id": "n-1"}
    read(attempts, b": hello\n\n")
    assert attempts.close(None, None, 1.0, 0.0, 9) == []  # nothing was delivered: another stream
    assert attempts.asked().headers["X-Conversation-Id"] == "n-2"
    shown = read(attempts, said("ha"), said(" ha")[:30])
    assert attempts.close(None, None, 1.0, 0.0, 9 + 80) == []
    assert attempts.to_cancel is None
    assert (attempts.request.method, attempts.request.body) == ("GET", None)
    assert attempts.request.url == "http://a/api/v1/stream?conv_id=n-2&from=80"
    shown += read(attempts, said(" ha")[30:], DONE)
    assert shown == ["ha", " ha"]
    assert end(attempts).reply.text == "ha ha"
    assert attempts.to_cancel is None


def test_what_is_given_up_is_to_be_ended() -> None:
    attempts = attempts_of(continuable("conversation_id"))
    attempts.leave(Verdict.CANCELLED, None)
    assert attempts.to_cancel is None, "nothing was asked"
    attempts = attempts_of(continuable("conversation_id"))
    attempts.asked()
    attempts.leave(Verdict.CANCELLED, None)
    assert attempts.to_cancel is not None
    assert (attempts.to_cancel.method, attempts.to_cancel.url) == ("DELETE", "http://a/v1/stream?conv_id=n-1")
    assert "n-1" not in repr(attempts.to_cancel)


@pytest.mark.parametrize("background", [True, False])
def test_only_a_response_in_the_background_outlives_its_connection(background: bool) -> None:
    url = "http://a/v1/responses?api-version=1"
    attempts = attempts_of(Request(url, json={"background": background}, continuation="starting_after"))
    attempts.asked()
    read(attempts, response_event("created", 0, ',"response":{"id":"r_1","status":"in_progress"}'))
    attempts.leave(Verdict.CANCELLED, None)
    assert (attempts.to_cancel is not None) is background
    if attempts.to_cancel is not None:
        assert (attempts.to_cancel.method, attempts.to_cancel.body) == ("POST", None)
        assert attempts.to_cancel.url == "http://a/v1/responses/r_1/cancel?api-version=1"


@pytest.mark.parametrize("status", [200, 204, 404])
def test_a_server_that_has_ended_it(status: int) -> None:
    attempts = attempts_of(continuable("conversation_id"))
    attempts.cancelled(status)
    assert attempts.intake.fold.reply.anomalies == []


def test_why_attempts_failed_is_kept() -> None:
    attempts = attempts_of()
    broken(attempts, ProviderError("busy", status=503))
    broken(attempts)
    assert attempts.failed == ["busy (503)", "the source raised ConnectionResetError: reset"]


def test_the_next_endpoint_is_asked_with_its_own_request() -> None:
    other = Request("http://b/v1", json={})
    attempts = attempts_of(ASK, other, policy=RetryPolicy(attempts=1))
    broken(attempts)
    assert (attempts.request, attempts.wait, attempts.number) == (other, 0.0, 2)
    broken(attempts)
    assert not attempts.again
