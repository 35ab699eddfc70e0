"""OpenAI's own Python client against the relay: chat and responses, streamed and not, cut and gone on with."""

import time
from collections.abc import Iterator

import openai
import pytest
from tests.relay.serving import serving
from tests.relay.test_generations import said
from tests.relay.upstream import Upstream, upstream

from streamfold import Request, stream
from streamfold.relay.engines import EngineSpec

WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}}


@pytest.fixture(scope="module")
def source() -> Iterator[Upstream]:
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def relay(source: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    store = str(tmp_path_factory.mktemp("openai") / "streams.db")
    with serving(store, engines=[EngineSpec("openai", "m", source.url)]) as url:
        yield url


@pytest.fixture
def client(relay: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{relay}/v1", api_key="unused", max_retries=0) as client:
        yield client


def ask(text: str):
    return [{"role": "user", "content": text}]


# -- chat completions --------------------------------------------------------------------------------------------------


def test_chat(client):
    done = client.chat.completions.create(model="m", messages=ask("think 1 say 3"), stop=["never"])
    choice = done.choices[0]
    assert (choice.message.content, choice.finish_reason, choice.message.role) == (said(3), "stop", "assistant")
    assert done.id.startswith("chatcmpl-")
    assert (done.model, done.usage.completion_tokens, done.object) == ("m", 3, "chat.completion")


def test_chat_streamed(client):
    with client.chat.completions.create(model="m", messages=ask("say 4"), stream=True) as chunks:
        found = list(chunks)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in found) == said(4)
    assert found[-1].choices[0].finish_reason == "stop"
    assert found[-1].usage.completion_tokens == 4
    assert len({chunk.id for chunk in found}) == 1


def test_chat_with_a_tool(client):
    tools = [{"type": "function", "function": {"name": "weather", "parameters": WEATHER}}]
    done = client.chat.completions.create(model="m", messages=ask("call weather"), tools=tools)
    [call] = done.choices[0].message.tool_calls
    assert (call.function.name, call.function.arguments) == ("weather", '{"city":"Oslo"}')
    assert done.choices[0].finish_reason == "tool_calls"


def test_the_helper_of_the_client_folds_our_stream(client):
    with client.chat.completions.stream(model="m", messages=ask("say 3")) as events:
        done = events.get_final_completion()
    assert done.choices[0].message.content == said(3)


def test_a_stop_of_a_chat_ends_the_upstream_too(client, source):
    source.left.clear()
    done = client.chat.completions.create(model="m", messages=ask("say 5000 pause 0.01"), stop="t3 t4")
    assert (done.choices[0].message.content, done.choices[0].finish_reason) == ("t1 t2 ", "stop")
    assert source.left.wait(30)


def test_a_chat_that_is_cut_is_had_again_by_its_key(client, source):
    """From its first token, for the protocol has no way to go on; and the model is asked once."""
    before = len(source.asked)
    asked = {"model": "m", "messages": ask("say 30 pause 0.01"), "stream": True}
    headers = {"Idempotency-Key": "chat-1"}
    with client.chat.completions.create(**asked, extra_headers=headers) as chunks:
        first = next(chunks)
    with client.chat.completions.create(**asked, extra_headers=headers) as chunks:
        found = list(chunks)
    assert found[0].id == first.id
    assert "".join(chunk.choices[0].delta.content or "" for chunk in found) == said(30)
    assert len(source.asked) == before + 1


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("status", "error"),
    [(429, openai.RateLimitError), (400, openai.BadRequestError), (401, openai.InternalServerError)],
)
def test_a_refusal_is_the_error_that_it_is(client, streamed, status, error):
    """But where the upstream does not let the relay in, that is no fault of the client's."""
    with pytest.raises(error, match="no"):
        client.chat.completions.create(model="m", messages=ask(f"fail {status}"), stream=streamed)


def test_a_chat_that_breaks_off_is_an_error_and_never_a_whole_answer(client):
    pieces = []

    def read() -> None:
        with client.chat.completions.create(model="m", messages=ask("break 3"), stream=True) as chunks:
            for chunk in chunks:
                pieces.append(chunk.choices[0].delta.content or "")

    with pytest.raises(openai.APIError):
        read()
    assert "".join(pieces) == said(3)
    with pytest.raises(openai.APIError):
        client.chat.completions.create(model="m", messages=ask("break 3"))


def test_models(client):
    assert [model.id for model in client.models.list()] == ["m"]
    assert client.models.retrieve("m").owned_by == "openai"
    with pytest.raises(openai.NotFoundError, match="no model is called 'nothing'"):
        client.models.retrieve("nothing")
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="nothing", messages=ask("say 1"))


# -- responses ---------------------------------------------------------------------------------------------------------


def test_response(client):
    response = client.responses.create(model="m", input="say 3", instructions="Be brief.", max_output_tokens=9)
    assert (response.output_text, response.status, response.model) == (said(3), "completed", "m")
    assert response.usage.output_tokens == 3
    assert client.responses.retrieve(response.id).output_text == said(3)


def test_what_a_response_sends_upstream(client, source):
    given = [
        {"role": "user", "content": [{"type": "input_text", "text": "What is the weather?"}]},
        {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "rain"},
        {"role": "user", "content": "say 1"},
    ]
    tools = [{"type": "function", "name": "weather", "parameters": WEATHER, "strict": True}]
    client.responses.create(model="m", input=given, instructions="Be brief.", tools=tools, max_output_tokens=9)
    asked = source.asked[-1]
    function = {"name": "weather", "arguments": "{}"}
    assert asked["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is the weather?"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
        {"role": "user", "content": "say 1"},
    ]
    assert asked["tools"][0]["function"] == {"name": "weather", "parameters": WEATHER, "strict": True}
    assert (asked["max_tokens"], asked["model"]) == (9, "m")


def test_response_streamed(client):
    with client.responses.stream(model="m", input="think 1 say 4 call weather") as events:
        kinds = [event.type for event in events]
        response = events.get_final_response()
    assert response.output_text == said(4)
    assert [item.type for item in response.output] == ["reasoning", "message", "function_call"]
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")


@pytest.mark.parametrize("cut", [1, 2, 5, 9])
def test_a_response_that_is_cut_goes_on_after_the_last_event(client, cut):
    seen = []
    with client.responses.create(model="m", input="say 20 pause 0.01", stream=True) as events:
        for event in events:
            seen.append(event)
            if len(seen) == cut:
                break
    again = client.responses.retrieve(seen[0].response.id, stream=True, starting_after=seen[-1].sequence_number)
    with again as events:
        seen += list(events)
    assert [event.sequence_number for event in seen] == list(range(len(seen)))
    text = "".join(event.delta for event in seen if event.type == "response.output_text.delta")
    assert text == said(20) == seen[-1].response.output_text
    assert seen[-1].type == "response.completed"


def test_a_response_in_the_background_is_cancelled(client, source):
    source.left.clear()
    response = client.responses.create(model="m", input="say 5000 pause 0.02", background=True)
    assert response.status == "in_progress"
    while not client.responses.retrieve(response.id).output:  # the upstream may not have been asked yet
        time.sleep(0.05)
    for _ in range(2):
        cancelled = client.responses.cancel(response.id)
        assert cancelled.status == "cancelled"
    assert source.left.wait(30)
    assert client.responses.retrieve(response.id).status == "cancelled"


def test_who_leaves_a_response_in_the_background_ends_it(relay, source):
    """Our own client: here hanging up is not enough."""
    source.left.clear()
    body = {"model": "m", "input": "say 500 pause 0.02", "stream": True, "background": True}
    with stream(Request(f"{relay}/v1/responses", json=body, continuation="starting_after")) as events:
        next(events.text_stream)
    assert events.reply.anomalies == []
    assert source.left.wait(10)


def test_a_response_that_breaks_off_has_failed(client):
    with client.responses.create(model="m", input="break 3", stream=True) as events:
        seen = list(events)
    assert seen[-1].type == "response.failed"
    assert client.responses.retrieve(seen[0].response.id).status == "failed"


def test_a_response_goes_on_from_the_one_before(client, source):
    first = client.responses.create(model="m", input="say 2", instructions="Be brief.")
    second = client.responses.create(model="m", input="call weather", previous_response_id=first.id)
    call = second.output[-1]
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "rain"}
    third = client.responses.create(
        model="m", input=[result], previous_response_id=second.id, stream=True, instructions="Be kind."
    )
    assert list(third)[-1].type == "response.completed"
    called = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
    assert source.asked[-1]["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "say 2"},
        {"role": "assistant", "content": said(2)},
        {"role": "user", "content": "call weather"},
        {"role": "assistant", "content": None, "tool_calls": [called]},
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
    ]


def test_going_on_from_what_is_not_there_is_refused(client):
    forgotten = client.responses.create(model="m", input="say 1", store=False)
    running = client.responses.create(model="m", input="say 99 pause 0.1", background=True)
    broken = client.responses.create(model="m", input="break 1")
    reasons = {"resp_1": "not found", forgotten.id: "not found", running.id: "in_progress", broken.id: "failed"}
    for id, reason in reasons.items():
        with pytest.raises(openai.BadRequestError, match=reason):
            client.responses.create(model="m", input="say 1", previous_response_id=id)
    client.responses.cancel(running.id)


def test_what_is_kept_elsewhere_is_refused(client):
    with pytest.raises(openai.BadRequestError, match="send the whole conversation"):
        client.responses.create(model="m", input="say 1", conversation="conv_1")
    with pytest.raises(openai.BadRequestError, match="is OpenAI's own"):
        client.responses.create(model="m", input="say 1", tools=[{"type": "web_search"}])
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve("resp_nothing")
