"""Every client library whose streams are taken: how to open one, sync and async, on a server of our own."""

import importlib
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from ..conftest import missing
from . import wires

MESSAGES = [{"role": "user", "content": "?"}]
ASK = {"model": "m", "messages": MESSAGES}


def sdk(name: str) -> Any:
    """Import a client library, whatever it warns about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module(name)
        except ImportError:
            missing(name)


@dataclass
class Client:
    """A stream of one client library, and the bytes that it is made of."""

    wire: bytes
    open: Callable[[str], Any]
    aopen: Callable[[str], Any]


CLIENTS: dict[str, Client] = {}


def client(wire: bytes) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register ``function(url, stack, sync) -> stream``, or for async a coroutine; `stack` closes the client."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        @contextmanager
        def open_(url: str) -> Iterator[Any]:
            with ExitStack() as stack:
                yield function(url, stack, True)

        @asynccontextmanager
        async def aopen(url: str) -> AsyncIterator[Any]:
            async with AsyncExitStack() as stack:
                yield await function(url, stack, False)

        CLIENTS[function.__name__] = Client(wire, open_, aopen)
        return function

    return register


def entered(stack: Any, client: Any) -> Any:
    """Close `client` with `stack`."""
    if isinstance(stack, AsyncExitStack):
        stack.push_async_exit(client)
    else:
        stack.push(client)
    return client


def _openai(url: str, stack: Any, sync: bool) -> Any:
    module = sdk("openai")
    kind = module.OpenAI if sync else module.AsyncOpenAI
    return entered(stack, kind(api_key="k", base_url=url, max_retries=0))


@client(wires.CHAT)
def openai_chat(url: str, stack: Any, sync: bool) -> Any:
    return _openai(url, stack, sync).chat.completions.create(**ASK, stream=True)


@client(wires.CHAT)
def openai_chat_helper(url: str, stack: Any, sync: bool) -> Any:
    return stack_enter(stack, _openai(url, stack, sync).chat.completions.stream(**ASK))


@client(wires.RESPONSES)
def openai_responses(url: str, stack: Any, sync: bool) -> Any:
    return _openai(url, stack, sync).responses.create(model="m", input="?", stream=True)


@client(wires.RESPONSES)
def openai_responses_helper(url: str, stack: Any, sync: bool) -> Any:
    return stack_enter(stack, _openai(url, stack, sync).responses.stream(model="m", input="?"))


def stack_enter(stack: Any, manager: Any) -> Any:
    return stack.enter_async_context(manager) if isinstance(stack, AsyncExitStack) else stack.enter_context(manager)


def _anthropic(url: str, stack: Any, sync: bool) -> Any:
    module = sdk("anthropic")
    kind = module.Anthropic if sync else module.AsyncAnthropic
    return entered(stack, kind(api_key="k", base_url=url, max_retries=0)).messages


@client(wires.ANTHROPIC)
def anthropic(url: str, stack: Any, sync: bool) -> Any:
    return _anthropic(url, stack, sync).create(**ASK, max_tokens=9, stream=True)


@client(wires.ANTHROPIC)
def anthropic_helper(url: str, stack: Any, sync: bool) -> Any:
    return stack_enter(stack, _anthropic(url, stack, sync).stream(**ASK, max_tokens=9))


@client(wires.GEMINI)
def google_genai(url: str, stack: Any, sync: bool) -> Any:
    client = sdk("google.genai").Client(api_key="k", http_options={"base_url": url})
    if sync:
        return entered(stack, client).models.generate_content_stream(model="m", contents="?")
    stack.callback(client.close)
    return entered(stack, client.aio).models.generate_content_stream(model="m", contents="?")


@client(wires.GEMINI)
def google_genai_on_httpx(url: str, stack: Any, sync: bool) -> Any:
    http = sdk("httpx")
    own = {"httpx_client": http.Client()} if sync else {"httpx_async_client": http.AsyncClient()}
    entered(stack, *own.values())
    client = sdk("google.genai").Client(api_key="k", http_options={"base_url": url, **own})
    stack.callback(client.close)
    return (client if sync else client.aio).models.generate_content_stream(model="m", contents="?")


def _ollama(url: str, stack: Any, sync: bool) -> Any:
    module = sdk("ollama")
    client = (module.Client if sync else module.AsyncClient)(host=url)
    entered(stack, client._client)
    return client


@client(wires.OLLAMA)
def ollama_chat(url: str, stack: Any, sync: bool) -> Any:
    return _ollama(url, stack, sync).chat(**ASK, stream=True)


@client(wires.OLLAMA_GENERATE)
def ollama_generate(url: str, stack: Any, sync: bool) -> Any:
    return _ollama(url, stack, sync).generate(model="m", prompt="?", stream=True)


@client(wires.MISTRAL)
def mistral(url: str, stack: Any, sync: bool) -> Any:
    client = entered(stack, sdk("mistralai.client").Mistral(api_key="k", server_url=url))
    return client.chat.stream(**ASK) if sync else client.chat.stream_async(**ASK)


@client(wires.MISTRAL_CONVERSATION)
def mistral_conversation(url: str, stack: Any, sync: bool) -> Any:
    said = entered(stack, sdk("mistralai.client").Mistral(api_key="k", server_url=url)).beta.conversations
    return (said.start_stream if sync else said.start_stream_async)(inputs="?", model="m")


@client(wires.COHERE)
def cohere(url: str, stack: Any, sync: bool) -> Any:
    module = sdk("cohere")
    http = sdk("httpx")
    client = entered(stack, http.Client() if sync else http.AsyncClient())
    kind = module.ClientV2 if sync else module.AsyncClientV2
    stream = kind(api_key="k", base_url=url, httpx_client=client).chat_stream(**ASK)
    return stream if sync else at_once(stream)


@client(wires.CHAT)
def hugging_face(url: str, stack: Any, sync: bool) -> Any:
    module = sdk("huggingface_hub")
    kind = module.InferenceClient if sync else module.AsyncInferenceClient
    client = entered(stack, kind(base_url=url, api_key="k"))
    return client.chat_completion(MESSAGES, stream=True)


@client(wires.TEXT_GENERATION)
def hugging_face_text(url: str, stack: Any, sync: bool) -> Any:
    module = sdk("huggingface_hub")
    kind = module.InferenceClient if sync else module.AsyncInferenceClient
    return entered(stack, kind(base_url=url, api_key="k")).text_generation("?", stream=True, details=True)


async def at_once(stream: Any) -> Any:
    return stream


def cut(wire: bytes) -> int:
    """Return where the event with the last of the text ends."""
    at = wire.index(b"lo \\u2713")
    return wire.index(b"\n", at) + (1 if wire.startswith(b"{") else 2)
