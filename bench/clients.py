"""The providers' own Python clients, each reading a stream in memory: its text, piece by piece to the callback.

Each is given the reads as the body of a response, by its own HTTP client's mock transport, so that its whole way from
the transport up is measured. It is the client's plainest loop over a stream: helpers that also build the reply are
slower. Versions are pinned in pyproject.toml, group `bench`.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

import anthropic
import cohere
import httpx
import httpx2  # what the clients of openai, anthropic, google and mistral sit on
import mistralai.client
import ollama
import openai
from botocore.eventstream import EventStream
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import EventStreamJSONParser
from google import genai

from .race import Reads, on_text

ASK = "hi"
MESSAGES: Any = [{"role": "user", "content": ASK}]


def mock(reads: Reads, library: Any = httpx2, media_type: str = "text/event-stream") -> Any:
    """Return an HTTP client whose every response is `reads`."""

    class Body(library.SyncByteStream):  # type: ignore[misc]
        def __iter__(self) -> Iterator[bytes]:
            return iter(reads)

    def answer(request: Any) -> Any:
        return library.Response(200, headers={"content-type": media_type}, stream=Body())

    return library.Client(transport=library.MockTransport(answer))


def gathered(texts: Iterable[str | None]) -> str:
    """Hand `texts` on, and return them as one."""
    parts = []
    for text in texts:
        if text:
            parts.append(text)
            on_text(text)
    return "".join(parts)


def client_of_openai(reads: Reads) -> openai.OpenAI:
    return openai.OpenAI(api_key="none", http_client=mock(reads))


def openai_chat(reads: Reads) -> str:
    stream = client_of_openai(reads).chat.completions.create(model="m", messages=MESSAGES, stream=True)
    return gathered(chunk.choices[0].delta.content for chunk in stream if chunk.choices)


def openai_completions(reads: Reads) -> str:
    stream = client_of_openai(reads).completions.create(model="m", prompt=ASK, stream=True)
    return gathered(chunk.choices[0].text for chunk in stream)


def openai_responses(reads: Reads) -> str:
    stream = client_of_openai(reads).responses.create(model="m", input=ASK, stream=True)
    return gathered(event.delta for event in stream if event.type == "response.output_text.delta")


def anthropic_messages(reads: Reads) -> str:
    client = anthropic.Anthropic(api_key="none", http_client=mock(reads))
    stream = client.messages.create(model="m", max_tokens=9, messages=MESSAGES, stream=True)
    deltas = (event.delta for event in stream if event.type == "content_block_delta")
    return gathered(delta.text for delta in deltas if delta.type == "text_delta")


def gemini(reads: Reads) -> str:
    options = genai.types.HttpOptions(httpx_client=mock(reads))
    client = genai.Client(api_key="none", http_options=options)
    return gathered(chunk.text for chunk in client.models.generate_content_stream(model="m", contents=ASK))


def mistral_chat(reads: Reads) -> str:
    client = mistralai.client.Mistral(api_key="none", client=mock(reads))
    stream = client.chat.stream(model="m", messages=MESSAGES)
    return gathered(event.data.choices[0].delta.content for event in stream)  # type: ignore[misc]


def cohere_v2(reads: Reads) -> str:
    client = cohere.ClientV2(api_key="none", httpx_client=mock(reads, httpx))
    stream = client.chat_stream(model="m", messages=MESSAGES)
    deltas = (event.delta for event in stream if event.type == "content-delta")
    return gathered(delta.message.content.text for delta in deltas)  # type: ignore[union-attr]


def ollama_chat(reads: Reads) -> str:
    client = ollama.Client()
    client._client = mock(reads, httpx, "application/x-ndjson")  # it makes its own
    client._client.base_url = "http://localhost"
    return gathered(line.message.content for line in client.chat("m", MESSAGES, stream=True))


@cache
def _converse() -> Any:
    model = ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2"))
    return model.operation_model("ConverseStream").get_event_stream_output()


def bedrock_converse(reads: Reads) -> str:
    """Read by botocore's own decoder of event streams: its HTTP layer is urllib3, which has no mock transport."""

    class Body:
        def stream(self) -> Iterator[bytes]:
            return iter(reads)

    events = EventStream(Body(), _converse(), EventStreamJSONParser(), "ConverseStream")
    return gathered(event["contentBlockDelta"]["delta"].get("text") for event in events if "contentBlockDelta" in event)


CLIENTS: dict[str, tuple[str, Callable[[Reads], str]]] = {
    "openai_chat": ("openai", openai_chat),
    "openai_completions": ("openai", openai_completions),
    "openai_responses": ("openai", openai_responses),
    "anthropic_messages": ("anthropic", anthropic_messages),
    "gemini": ("google-genai", gemini),
    "mistral_chat": ("mistralai", mistral_chat),
    "cohere_v2": ("cohere", cohere_v2),
    "ollama_chat": ("ollama", ollama_chat),
    "bedrock_converse": ("botocore", bedrock_converse),
}
"""By dialect: the package, and its loop."""
