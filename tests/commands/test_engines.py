"""What each engine is asked: the same conversation and parameters, by the provider's own names."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from typing import Any

import pytest

from streamfold.chat.conversations import Turn
from streamfold.commands.engines import add_engine_options, conversation_of, opened
from streamfold.network.request import Request


def asked(*arguments: str) -> tuple[Request, dict[str, Any]]:
    parser = ArgumentParser()
    add_engine_options(parser)
    parsed: Namespace = parser.parse_args(arguments)
    conversation = conversation_of(parsed)
    conversation.turns.append(Turn("Hi"))
    with opened(conversation, parsed) as ask:
        request = ask(conversation)
    return request, json.loads(request.body)


PARAMS = ["--max-tokens", "9", "--temperature", "0.5", "--system", "Be brief."]
USER = {"role": "user", "content": "Hi"}
SYSTEM = {"role": "system", "content": "Be brief."}


@pytest.mark.parametrize(
    ("engine", "expected"),
    [
        ("openai", {"messages": [SYSTEM, USER], "max_completion_tokens": 9, "temperature": 0.5}),
        ("anthropic", {"messages": [USER], "system": "Be brief.", "max_tokens": 9, "temperature": 0.5}),
        ("ollama", {"messages": [SYSTEM, USER], "options": {"num_predict": 9, "temperature": 0.5}}),
        ("llama.cpp", {"messages": [SYSTEM, USER], "max_tokens": 9, "temperature": 0.5}),
        ("http://127.0.0.1:9/v1", {"messages": [SYSTEM, USER], "max_tokens": 9, "temperature": 0.5, "model": "m"}),
        (
            "gemini",
            {
                "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
                "systemInstruction": {"parts": [{"text": "Be brief."}]},
                "generationConfig": {"maxOutputTokens": 9, "temperature": 0.5},
            },
        ),
    ],
)
def test_what_is_asked(engine: str, expected: dict[str, Any]) -> None:
    _, body = asked("--engine", engine, "--model", "m", *PARAMS)
    assert {name: body.get(name) for name in expected} == expected


def test_the_key_goes_to_the_server_that_was_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMFOLD_API_KEY", "ours")
    monkeypatch.setenv("OPENAI_API_KEY", "theirs")
    request, _ = asked("--engine", "http://127.0.0.1:9/v1")
    assert request.url == "http://127.0.0.1:9/v1/chat/completions"
    assert request.headers["Authorization"] == "Bearer ours"
