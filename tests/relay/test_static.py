"""The pages: served with types that browsers take, and with a policy that lets them load their own files alone."""

import io
import json
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.relay.serving import serving

from streamfold.errors import EngineError
from streamfold.relay import static

FILES = {"index.html": "text/html", "page.js": "text/javascript", "page.css": "text/css", "x.wasm": "application/wasm"}


@pytest.fixture
def relay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("CHAT", "LESSON", "ENGINES"):
        folder = tmp_path / name
        folder.mkdir()
        for file in FILES:
            (folder / file).write_text(f"{name} {file}")
        monkeypatch.setattr(static, name, replace(getattr(static, name), path=folder))
    vendor = tmp_path / "vendor"
    (vendor / "wllama").mkdir(parents=True)
    (vendor / "models.json").write_text("{}")
    (vendor / "wllama" / "index.js").write_text("VENDOR")
    with serving(str(tmp_path / "s.db"), token="t", vendor=vendor) as url:
        yield url


def policy_of(headers):
    return dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))


def get(url: str):
    with urllib.request.urlopen(url, timeout=30) as response:
        return response.headers, response.read().decode()


def test_files_need_no_token_and_have_their_types(relay):
    for file, kind in FILES.items():
        headers, body = get(f"{relay}/{file}")
        assert body == f"CHAT {file}"
        assert headers.get_content_type() == kind
    assert get(relay)[1] == "CHAT index.html"
    assert get(f"{relay}/learn/")[1] == "LESSON index.html"


def test_the_page_may_load_its_own_files_alone(relay):
    headers, _ = get(relay)
    policy = policy_of(headers)
    assert policy["default-src"] == "'none'"
    for what in ("script-src", "worker-src", "connect-src", "style-src"):
        assert policy[what] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe-inline" not in headers["Content-Security-Policy"]
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_lesson_may_fetch_what_it_runs(relay):
    policy = policy_of(get(f"{relay}/learn/")[0])
    assert policy["script-src"] == "'self' 'wasm-unsafe-eval' https://cdn.jsdelivr.net"


def test_a_model_on_the_device_runs_under_a_policy_of_its_own(relay):
    headers, body = get(f"{relay}/learn/engines/page.js")
    policy = policy_of(headers)
    assert body == "ENGINES page.js"
    packages = "https://cdn.jsdelivr.net/npm/@mlc-ai/ https://cdn.jsdelivr.net/npm/@wllama/"
    assert policy["script-src"] == f"'self' 'wasm-unsafe-eval' {packages}"
    assert policy["worker-src"] == "'self' blob:"
    assert "https://huggingface.co" in policy["connect-src"].split()
    assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"  # or there are no threads


def test_engines_and_models_of_ones_own_are_served(relay):
    headers, body = get(f"{relay}/learn/vendor/wllama/index.js")
    assert (headers.get_content_type(), body) == ("text/javascript", "VENDOR")
    assert get(f"{relay}/learn/vendor/models.json")[1] == "{}"


@pytest.mark.parametrize("installed", [True, False])
def test_the_embedded_engines_model_is_offered_to_browsers(tmp_path, monkeypatch, installed):
    model = tmp_path / "small.gguf"
    model.write_bytes(b"GGUF" + bytes(2_600_000))

    def find_model() -> Path:
        if not installed:
            raise EngineError("the default model is not installed")
        return model

    monkeypatch.setattr(static, "find_model", find_model)
    with serving(str(tmp_path / "s.db")) as url:
        offered = json.loads(get(f"{url}/learn/vendor/models.json")[1])
        if not installed:
            assert offered == {}
            return
        assert offered == {"wllama": [{"id": "small", "megabytes": 3, "file": "default.gguf"}]}
        assert get(f"{url}/learn/vendor/default.gguf")[0]["Content-Length"] == "2600004"


def test_the_lesson_has_our_own_python(relay):
    with urllib.request.urlopen(f"{relay}/learn/vendor/streamfold.zip", timeout=30) as response:
        archive = zipfile.ZipFile(io.BytesIO(response.read()))
    assert "streamfold/contract.py" in archive.namelist()


@pytest.mark.parametrize("path", ["/nothing.js", "/../app.py", "/%2e%2e/app.py", "/learn/nothing", "/learn/vendor/x"])
def test_nothing_else_is_served(relay, path):
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(relay + path)
    refused.value.close()
    assert refused.value.code == 404
