"""Engines by name, and a question in the words of each."""

import pytest

from streamfold.errors import CallerError, EngineError
from streamfold.relay.engines import Engine, Engines, EngineSpec, Question
from streamfold.relay.errors import BadRequestError, ModelNotFoundError

MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
PARAMS = {"max_completion_tokens": 9, "temperature": 0.5, "top_p": 0.9, "seed": 1}


def asked(name: str, params: dict | None = None, **spec: str):
    engine = Engine(EngineSpec(name, "m", **spec))
    return engine.prepare(Question(MESSAGES, ["END"], PARAMS if params is None else params), "m")()


def test_openai_gets_it_as_it_is():
    request = asked("openai", url="http://127.0.0.1:1/v1")
    assert request.url == "http://127.0.0.1:1/v1/chat/completions"
    assert request.json["messages"] == MESSAGES
    assert PARAMS.items() <= request.json.items()
    assert "stop" not in request.json


def test_anthropic_has_the_system_apart():
    body = asked("anthropic").json
    assert (body["system"], body["messages"], body["max_tokens"]) == ("Be brief.", MESSAGES[1:], 9)
    assert (body["temperature"], body["top_p"]) == (0.5, 0.9)


def test_gemini_has_a_configuration():
    body = asked("gemini", PARAMS | {"generationConfig": {"topK": 3}}).json
    assert body["generationConfig"] == {
        "maxOutputTokens": 9,
        "temperature": 0.5,
        "topP": 0.9,
        "seed": 1,
        "topK": 3,
    }
    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}]}


def test_ollama_has_options():
    body = asked("ollama").json
    assert body["options"] == {"num_predict": 9, "temperature": 0.5, "top_p": 0.9, "seed": 1}


def test_nothing_is_said_of_what_was_not_asked():
    assert "generationConfig" not in asked("gemini", {}).json
    assert "options" not in asked("ollama", {}).json


def test_what_a_request_cannot_be_made_of_is_the_askers_fault():
    with pytest.raises(BadRequestError):
        asked("openai", {"temperature": float("nan")})


@pytest.fixture
def engines() -> Engines:
    return Engines([Engine(EngineSpec("openai", "gpt-5")), Engine(EngineSpec("ollama")), Engine(EngineSpec("gemini"))])


@pytest.mark.parametrize(
    ("name", "engine", "model"),
    [
        ("", "openai", "gpt-5"),
        ("openai", "openai", "gpt-5"),
        ("gpt-5", "openai", "gpt-5"),
        ("openai/gpt-5", "openai", "gpt-5"),
        ("openai/o9", "openai", "o9"),
        ("ollama/llama3", "ollama", "llama3"),
        ("gemini/models/x", "gemini", "models/x"),
        ("llama3", "ollama", "llama3"),
        ("org/llama3", "ollama", "org/llama3"),
    ],
)
def test_what_is_meant(engines, name, engine, model):
    found, asked = engines.find(name)
    assert (found.name, asked) == (engine, model)


def test_a_model_must_be_named_where_none_is_set(engines):
    with pytest.raises(ModelNotFoundError, match="ollama/MODEL"):
        engines.find("ollama")
    with pytest.raises(ModelNotFoundError, match="there are gpt-5"):
        Engines([Engine(EngineSpec("openai", "gpt-5"))]).find("gpt-4")
    with pytest.raises(ModelNotFoundError, match="no engine"):
        Engines([]).find("")


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        (EngineSpec("nobody"), CallerError),
        (EngineSpec("local", url="http://x"), CallerError),
        (EngineSpec("openai", url="x"), CallerError),
        (EngineSpec("local", "/nowhere.gguf"), EngineError),
    ],
)
def test_what_can_be_known_beforehand(spec, error):
    with pytest.raises(error):
        spec.check()
