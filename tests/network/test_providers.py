"""The shorthands: what they fill in, whence, and that what the caller gives wins."""

from collections.abc import Callable
from typing import Any

import pytest

import streamfold
from streamfold import Request

VARIABLES = [
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "OPENAI_ORG_ID",
    "OPENAI_PROJECT_ID",
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_BASE_URL",
    "GOOGLE_API_KEY",
    "GEMINI_API_KEY",
    "OLLAMA_HOST",
    "OLLAMA_API_KEY",
    "LLAMA_API_KEY",
]


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


URLS = {
    "openai": "https://api.openai.com/v1/chat/completions",
    "anthropic": "https://api.anthropic.com/v1/messages",
    "gemini": "https://generativelanguage.googleapis.com/v1beta/models/m:streamGenerateContent?alt=sse",
    "ollama": "http://127.0.0.1:11434/api/chat",
    "llama_cpp": "http://127.0.0.1:8080/v1/chat/completions",
}
HI = [{"role": "user", "content": "Hi"}]
BODIES: dict[str, dict[str, Any]] = {
    "openai": {"model": "m", "messages": HI, "stream": True, "stream_options": {"include_usage": True}},
    "anthropic": {"model": "m", "messages": HI, "stream": True, "max_tokens": 4096},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
    "ollama": {"model": "m", "messages": HI, "stream": True},
    "llama_cpp": {"model": "m", "messages": HI, "stream": True, "stream_options": {"include_usage": True}},
}
KEYS = {
    "openai": ("OPENAI_API_KEY", "Authorization", "Bearer {}"),
    "anthropic": ("ANTHROPIC_API_KEY", "x-api-key", "{}"),
    "gemini": ("GEMINI_API_KEY", "x-goog-api-key", "{}"),
    "ollama": ("OLLAMA_API_KEY", "Authorization", "Bearer {}"),
    "llama_cpp": ("LLAMA_API_KEY", "Authorization", "Bearer {}"),
}


def shorthand(name: str) -> Callable[..., Request]:
    made: Callable[..., Request] = getattr(streamfold, name)
    return made


@pytest.mark.parametrize("name", URLS)
def test_what_is_filled_in(name: str) -> None:
    request = shorthand(name)("m", "Hi")
    assert (request.url, request.method, request.json) == (URLS[name], "POST", BODIES[name])
    assert KEYS[name][1] not in request.headers
    assert shorthand(name)("m", HI).json == request.json


@pytest.mark.parametrize("name", URLS)
def test_the_key_of_the_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variable, header, form = KEYS[name]
    monkeypatch.setenv(variable, " sk-environment ")
    assert shorthand(name)("m", "Hi").headers[header] == form.format("sk-environment")
    assert shorthand(name)("m", "Hi", api_key="sk-mine").headers[header] == form.format("sk-mine")
    assert header not in shorthand(name)("m", "Hi", api_key="").headers
    assert "sk-environment" not in repr(shorthand(name)("m", "Hi"))


@pytest.mark.parametrize("name", URLS)
def test_another_server(name: str) -> None:
    path = URLS[name].split("/", 3)[3].removeprefix("v1beta/")
    path = path.removeprefix("v1/") if name == "openai" else path
    for root in ("http://here:1/base", "http://here:1/base/"):
        assert shorthand(name)("m", "Hi", base_url=root).url == f"http://here:1/base/{path}"


@pytest.mark.parametrize("name", URLS)
def test_every_other_field_goes_into_the_body_and_wins(name: str) -> None:
    extra = {"temperature": 0, "odd": {"a": [None]}, "stream": "mine", "stream_options": {}, "max_tokens": 3}
    body = shorthand(name)("m", "Hi", headers={"anthropic-version": "2", "X": "y"}, **extra)
    assert extra.items() <= body.json.items()
    assert {"anthropic-version": "2", "X": "y"}.items() <= dict(body.headers).items()


def test_a_llama_cpp_server_needs_no_model() -> None:
    assert "model" not in streamfold.llama_cpp(None, "Hi").json


def test_openai_reads_its_other_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://proxy/v1/")
    monkeypatch.setenv("OPENAI_ORG_ID", "org")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project")
    request = streamfold.openai("m", "Hi")
    assert request.url == "http://proxy/v1/chat/completions"
    assert request.headers == {"OpenAI-Organization": "org", "OpenAI-Project": "project"}


def test_gemini_prefers_google_and_turns_messages_into_its_own() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        *HI,
        {"role": "assistant", "content": "Ho"},
        {"role": "user", "parts": [{"inlineData": {}}]},
    ]
    request = streamfold.gemini("tunedModels/x", messages)
    assert request.url.endswith("/v1beta/tunedModels/x:streamGenerateContent?alt=sse")
    assert request.json == {
        "contents": [
            {"role": "user", "parts": [{"text": "Hi"}]},
            {"role": "model", "parts": [{"text": "Ho"}]},
            {"role": "user", "parts": [{"inlineData": {}}]},
        ],
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
    }


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("box", "http://box:11434"),
        ("box:1", "http://box:1"),
        (":1", "http://127.0.0.1:1"),
        ("http://box", "http://box:80"),
        ("https://box/ollama/", "https://box:443/ollama"),
        ("[::1]", "http://[::1]:11434"),
        ("[::1]:5", "http://[::1]:5"),
        (" 'box' ", "http://box:11434"),
    ],
)
def test_ollama_host_is_read_as_ollama_reads_it(host: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", host)
    assert streamfold.ollama("m", "Hi").url == f"{url}/api/chat"


def test_messages_are_not_shared() -> None:
    messages = list(HI)
    request = streamfold.openai("m", messages)
    messages.append({"role": "user", "content": "more"})
    assert request.json["messages"] == HI
