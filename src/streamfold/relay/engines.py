"""Engines: what answers, by name. A question is put in OpenAI's chat form, whatever the engine.

The embedded engine runs a model in this process; the others are upstream servers, asked by the shorthands of
`providers`. Anthropic and Gemini name the common parameters and the system's message differently, so these are said in
their words; anything else of a question goes to the engine untouched, and it says what it does not know.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from ..engines.local import LocalEngine, check_model, find_model
from ..errors import CallerError
from ..network import providers
from ..network.request import Request
from .errors import BadRequestError, ModelNotFoundError

MAX_TOKENS = 1024
"""Tokens that the embedded engine generates at most, if the question does not say: a small model may never end."""

_UPSTREAMS: dict[str, Callable[..., Request]] = {
    "openai": providers.openai,
    "anthropic": providers.anthropic,
    "gemini": providers.gemini,
    "ollama": providers.ollama,
    "llama.cpp": providers.llama_cpp,
}
KINDS = ("local", *_UPSTREAMS)

_OURS = ("base_url", "api_key", "headers", "model", "messages", "stream", "stream_options", "self")
"""Names that a question's parameters may not have: they say where the request goes, and with which key."""

_MAX_TOKENS = ("max_completion_tokens", "max_output_tokens", "max_tokens")


class Question(msgspec.Struct, frozen=True):
    """What is asked.

    Attributes:
        messages: The conversation, in OpenAI's chat form.
        stop: Stop sequences: they are looked for here, so that the reply tells which one was found.
        params: Further parameters, in OpenAI's words.
    """

    messages: list[dict[str, Any]]
    stop: list[str] = []
    params: dict[str, Any] = {}


class EngineSpec(msgspec.Struct, frozen=True):
    """Which engine, before it is there.

    Attributes:
        name: One of `KINDS`.
        model: The model that is asked for: a GGUF file for the embedded engine (its default model if empty), else a
            name; without one the question must name it.
        url: Where the server is, as the provider's own client takes it; its public one if empty.
    """

    name: str
    model: str = ""
    url: str = ""

    def check(self) -> None:
        """Find out what can be known before the engine is there.

        Raises:
            CallerError: There is no such kind of engine, or it cannot be as it is said.
            EngineError: The embedded engine or its model is not installed.
        """
        if self.name not in KINDS:
            raise CallerError(f"no engine is called {self.name!r}; there are {', '.join(KINDS)}")
        if self.name == "local":
            if self.url:
                raise CallerError(f"the embedded engine has no address, but was given {self.url!r}")
            check_model(self.model or find_model())
        elif self.url:
            Request(self.url)


class Engine:
    """An engine that is there.

    Attributes:
        spec: Which.
        model: The model's name; empty if the question must name it.
    """

    def __init__(self, spec: EngineSpec) -> None:
        self.spec = spec
        self.name = spec.name
        self._local = LocalEngine(spec.model or None) if spec.name == "local" else None
        self.model = self._local.model.stem if self._local else spec.model

    def prepare(self, question: Question, model: str) -> Callable[[], AsyncIterable[Any] | Request]:
        """Return what gives the source of a reply when it is called: the embedded engine begins then.

        Raises:
            BadRequestError: A parameter is none that may be set, or cannot be meant.
        """
        params = dict(question.params)
        if forbidden := [name for name in _OURS if name in params]:
            raise BadRequestError(f"{forbidden[0]!r} cannot be set by a question")
        if self._local is not None:
            params["max_tokens"] = _taken(params, *_MAX_TOKENS) or MAX_TOKENS
            params["stream_options"] = {"include_usage": True}
            return partial(self._local.chat, question.messages, **params)
        messages = question.messages
        if self.name == "anthropic":
            messages, params = _for_anthropic(messages, params)
        elif self.name == "gemini":
            params = _for_gemini(params)
        elif self.name == "ollama":
            params = _for_ollama(params)
        try:
            request = _UPSTREAMS[self.name](model, messages, base_url=self.spec.url or None, **params)
        except CallerError as error:
            raise BadRequestError(str(error)) from error
        return lambda: request

    def close(self) -> None:
        """Let go of the model."""
        if self._local is not None:
            self._local.close()


class Engines:
    """The engines of one relay, by name. At least one; the first one is meant where none is named."""

    def __init__(self, engines: Sequence[Engine]) -> None:
        self._engines = {engine.name: engine for engine in engines}

    def __iter__(self) -> Any:
        return iter(self._engines.values())

    def find(self, name: str) -> tuple[Engine, str]:
        """Return the engine that is meant by `name`, and the model to ask it for.

        A name is that of an engine, of an engine's model, of both (``engine/model``), or of any model if there is an
        engine that has none set. Empty is the first engine.

        Raises:
            ModelNotFoundError: Nothing is called so, or the engine needs the model's name.
        """
        engine, model = self._meant(name)
        if not model:
            raise ModelNotFoundError(f"the engine {engine.name!r} needs the name of a model: {engine.name}/MODEL")
        return engine, model

    def _meant(self, name: str) -> tuple[Engine, str]:
        if not self._engines:
            raise ModelNotFoundError("this relay has no engine")
        if not name:
            first = next(iter(self._engines.values()))
            return first, first.model
        prefix, _, rest = name.partition("/")
        engine = self._engines.get(prefix)
        if engine is not None and rest in ("", engine.model):
            return engine, engine.model
        if engine is not None and engine.name != "local":
            return engine, rest
        for engine in self:
            if engine.model == name:
                return engine, name
        for engine in self:
            if not engine.model:
                return engine, name
        there = ", ".join(engine.model or f"{engine.name}/..." for engine in self)
        raise ModelNotFoundError(f"no model is called {name[:100]!r}; there are {there}")

    async def close(self) -> None:
        """Let go of all models, without blocking the event loop."""
        await asyncio.gather(*[asyncio.to_thread(engine.close) for engine in self])


async def open_engines(specs: Sequence[EngineSpec]) -> Engines:
    """Load the models and return the engines.

    Raises:
        EngineError: A model cannot be loaded.
    """
    return Engines([await asyncio.to_thread(Engine, spec) for spec in specs])


def _taken(params: dict[str, Any], *names: str) -> Any:
    """Take the parameters of these names out; return the value of the first that has one."""
    values = [params.pop(name, None) for name in names]
    return next((value for value in values if value is not None), None)


def _renamed(params: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Take the parameters of these names out; return them under their new ones."""
    return {new: value for old, new in names.items() if (value := params.pop(old, None)) is not None}


def _for_anthropic(
    messages: list[dict[str, Any]], params: dict[str, Any]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    limit = _taken(params, *_MAX_TOKENS)
    system = [text_of(message) for message in messages if message.get("role") in ("system", "developer")]
    rest = [message for message in messages if message.get("role") not in ("system", "developer")]
    told = {"system": "\n\n".join(system)} if system else {}
    return rest, params | told | ({} if limit is None else {"max_tokens": limit})


def _for_gemini(params: dict[str, Any]) -> dict[str, Any]:
    limit = _taken(params, *_MAX_TOKENS)
    config = _renamed(params, {"temperature": "temperature", "top_p": "topP", "top_k": "topK", "seed": "seed"})
    config |= {} if limit is None else {"maxOutputTokens": limit}
    given = params.pop("generationConfig", {})
    return params | ({"generationConfig": config | given} if config or given else {})


def _for_ollama(params: dict[str, Any]) -> dict[str, Any]:
    limit = _taken(params, *_MAX_TOKENS)
    options = _renamed(params, {name: name for name in ("temperature", "top_p", "top_k", "seed")})
    options |= {} if limit is None else {"num_predict": limit}
    given = params.pop("options", {})
    return params | ({"options": options | given} if options or given else {})


def text_of(message: Mapping[str, Any]) -> str:
    """Return the text of a message, whose content is text or a list of parts."""
    content = message.get("content")
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return content if isinstance(content, str) else ""
