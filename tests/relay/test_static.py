"""The pages: served with types that browsers take, and with a policy that lets them load their own files alone."""

import io
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.relay.serving import serving

from streamfold.relay import static

FILES = {"index.html": "text/html", "page.js": "text/javascript", "page.css": "text/css", "x.wasm": "application/wasm"}


@pytest.fixture
def relay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("CHAT", "LESSON"):
        folder = tmp_path / name
        folder.mkdir()
        for file in FILES:
            (folder / file).write_text(f"{name} {file}")
        monkeypatch.setattr(static, name, replace(getattr(static, name), path=folder))
    with serving(str(tmp_path / "s.db"), token="t") as url:
        yield url


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
    policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self' 'wasm-unsafe-eval'"
    assert policy["connect-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe-inline" not in headers["Content-Security-Policy"]
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_lesson_may_fetch_what_it_runs(relay):
    policy = get(f"{relay}/learn/")[0]["Content-Security-Policy"]
    assert "script-src 'self' 'wasm-unsafe-eval' https://cdn.jsdelivr.net;" in policy


def test_the_lesson_has_our_own_python(relay):
    with urllib.request.urlopen(f"{relay}/learn/vendor/streamfold.zip", timeout=30) as response:
        archive = zipfile.ZipFile(io.BytesIO(response.read()))
    assert "streamfold/contract.py" in archive.namelist()


@pytest.mark.parametrize("path", ["/nothing.js", "/../app.py", "/%2e%2e/app.py", "/learn/nothing"])
def test_nothing_else_is_served(relay, path):
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(relay + path)
    refused.value.close()
    assert refused.value.code == 404
