"""What the requests of other protocols say, in the words of a chat."""

import pytest

from streamfold.relay.errors import BadRequestError
from streamfold.relay.rules.rate import Buckets
from streamfold.relay.views import responses_requests, ui_requests

CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}


def test_a_chat_of_the_ai_sdk():
    image = {"type": "file", "mediaType": "image/png", "url": "data:image/png;base64,AA=="}
    tool = {"type": "tool-weather", "toolCallId": "c1", "input": {"city": "Oslo"}}
    given = [
        {"role": "system", "parts": [{"type": "text", "text": "Be brief."}]},
        {"role": "user", "parts": [{"type": "text", "text": "Look: "}, image]},
        {
            "role": "assistant",
            "parts": [
                {"type": "step-start"},
                {"type": "reasoning", "text": "Hm"},
                {"type": "text", "text": "I look."},
                {**tool, "state": "output-available", "output": {"rain": True}},
            ],
        },
        {"role": "assistant", "parts": [{"type": "reasoning", "text": "nothing else"}]},
    ]
    assert ui_requests.messages_of(given) == [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "Look: "}, {"type": "image_url", "image_url": {"url": image["url"]}}],
        },
        {"role": "assistant", "content": "I look.", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": '{"rain": true}'},
    ]


@pytest.mark.parametrize(
    "message", [{}, {"role": "user"}, {"role": "robot", "parts": []}, {"role": "user", "parts": 1}]
)
def test_a_message_that_is_none(message):
    with pytest.raises(BadRequestError):
        ui_requests.messages_of([message])


def test_the_settings_of_a_response():
    body = {
        "input": [{"role": "developer", "content": [{"type": "input_text", "text": "a"}]}, {"type": "reasoning"}],
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {}, "strict": True}},
        "reasoning": {"effort": "low"},
        "tool_choice": {"type": "function", "name": "f"},
        "temperature": 0,
        "store": False,
        "metadata": {"a": "b"},
        "stop": "END",
    }
    _, question = responses_requests.question_of(body)
    assert question.messages == [{"role": "system", "content": "a"}]
    assert question.stop == ["END"]
    assert question.params == {
        "temperature": 0,
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": True}},
        "reasoning_effort": "low",
        "tool_choice": {"type": "function", "function": {"name": "f"}},
    }


def test_the_pictures_of_a_response():
    parts = [{"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": "data:x"}]
    assert responses_requests.messages_of([{"role": "user", "content": parts}]) == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "a"},
                {"type": "image_url", "image_url": {"url": "data:x", "detail": "auto"}},
            ],
        }
    ]


@pytest.mark.parametrize(
    "item", [{"type": "web_search_call"}, {"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]
)
def test_what_a_chat_cannot_say(item):
    with pytest.raises(BadRequestError, match="cannot be said in a chat"):
        responses_requests.messages_of([item])


def test_a_bucket_fills_up_again():
    buckets = Buckets(3, 30.0)
    assert [buckets.take("a", 0.0) for _ in range(3)] == [0, 0, 0]
    assert buckets.take("a", 0.0) == pytest.approx(10)
    assert buckets.take("b", 0.0) == 0
    assert buckets.take("a", 9.0) == pytest.approx(1)
    assert buckets.take("a", 10.0) == 0
    assert buckets.take("a", 10.0) > 0
    assert [buckets.take("a", 100.0) for _ in range(4)] == [0, 0, 0, pytest.approx(10)]
