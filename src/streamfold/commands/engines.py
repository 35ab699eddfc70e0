"""The engines that can be asked from the command line, by name or by URL."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from ..chat.conversations import Conversation
from ..chat.messages import Form, messages_of
from ..errors import CallerError
from ..network import providers
from ..network.request import Request

KEY_VARIABLE = "STREAMFOLD_API_KEY"
"""Where the key for a server that is named by its URL is looked for."""

Ask = Callable[[Conversation], Any]
"""Takes a conversation that ends with a turn of the user's; returns the source of the reply to it."""

_Make = Callable[..., Request]

_REMOTE: dict[str, tuple[Form, _Make]] = {
    "openai": ("openai", providers.openai),
    "anthropic": ("anthropic", providers.anthropic),
    "gemini": ("gemini", providers.gemini),
    "ollama": ("ollama", providers.ollama),
}
NAMES = ("local", *_REMOTE, "llama.cpp")
MAX_TOKENS = 512  # of the engine on this device: small models may repeat themselves until the context is full


def add_engine_options(parser: ArgumentParser) -> None:
    """Add which model is asked, and how."""
    parser.add_argument(
        "--engine",
        metavar="ENGINE",
        help=f"{', '.join(NAMES)}, or the URL of a server that speaks OpenAI's chat API, with its key, if it "
        f"needs one, in {KEY_VARIABLE} (default: local, which needs no server and no account)",
    )
    parser.add_argument("--model", metavar="MODEL", help="the model's name; of the engine local, a GGUF file")
    parser.add_argument("--system", metavar="TEXT", help="instructions that stand before the conversation")
    parser.add_argument("--max-tokens", type=int, metavar="N", help=f"the most tokens of a reply (local: {MAX_TOKENS})")
    parser.add_argument("--temperature", type=float, metavar="T", help="0 always takes the likeliest token")
    parser.add_argument("--seed", type=int, metavar="N", help="makes a reply repeatable, where the engine can")


def conversation_of(arguments: Namespace) -> Conversation:
    """Return a new conversation with the engine that `arguments` name."""
    return Conversation(arguments.engine or "local", arguments.model, arguments.system)


@contextmanager
def opened(conversation: Conversation, arguments: Namespace) -> Iterator[Ask]:
    """Give what asks the engine of `conversation`.

    Raises:
        CallerError: There is no engine of that name, or it needs a model to be named.
        EngineError: The engine on this device cannot run.
    """
    engine, model = conversation.engine, conversation.model
    if engine == "local":
        from ..engines.local import LocalEngine

        params = {"max_tokens": MAX_TOKENS, "stream_options": {"include_usage": True}, **_params(arguments)}
        with LocalEngine(model) as local:
            yield lambda asked: local.chat(_with_system(asked, "openai"), **params)
    elif engine == "llama.cpp":
        yield lambda asked: providers.llama_cpp(model, _with_system(asked, "openai"), **_params(arguments))
    elif "://" in engine:
        key = os.environ.get(KEY_VARIABLE)
        make = partial(providers.openai, model or "default", base_url=engine, api_key=key)
        yield lambda asked: make(_with_system(asked, "openai"), **_params(arguments))
    elif engine in _REMOTE:
        form, provider = _REMOTE[engine]
        if model is None:
            raise CallerError(f"the engine {engine} needs the name of a model: --model NAME")
        yield lambda asked: provider(model, _with_system(asked, form), **_extra(engine, asked, arguments))
    else:
        raise CallerError(f"there is no engine {engine!r}: it is one of {', '.join(NAMES)}, or a URL")


def _params(arguments: Namespace) -> dict[str, Any]:
    names = ("max_tokens", "temperature", "seed")
    return {name: value for name in names if (value := getattr(arguments, name)) is not None}


def _with_system(conversation: Conversation, form: Form) -> list[Any]:
    messages = messages_of(conversation, form)
    if conversation.system and form != "anthropic":
        return [{"role": "system", "content": conversation.system}, *messages]
    return messages


def _extra(engine: str, conversation: Conversation, arguments: Namespace) -> dict[str, Any]:
    """Return the parameters by the names that the provider knows them by."""
    params = _params(arguments)
    match engine:
        case "openai":
            return _renamed(params, {"max_tokens": "max_completion_tokens"})
        case "gemini":
            config = _renamed(params, {"max_tokens": "maxOutputTokens"})
            return {"generationConfig": config} if config else {}
        case "ollama":
            options = _renamed(params, {"max_tokens": "num_predict"})
            return {"options": options} if options else {}
    if "seed" in params:
        raise CallerError(f"the engine {engine} knows no --seed")
    return params | ({"system": conversation.system} if conversation.system else {})


def _renamed(params: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in params.items()}
