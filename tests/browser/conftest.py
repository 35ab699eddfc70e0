"""What the browser's tests need: the npm packages, the wheels for Pyodide, a Chromium that reaches nothing outside."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from streamfold.lesson import FOLDER, packed

from ..conftest import missing
from .serving import serving
from .webllm.build import MISSING_PARTS, library_in, model_in

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",  # for root in a container
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",  # WebGPU without a graphics card
    "--enable-features=Vulkan",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
CACHE = REPOSITORY / ".cache" / "browser"
WHEELS = CACHE / "wheels"


@pytest.fixture(scope="session")
def npm() -> Path:
    """Return the folder of the npm packages."""
    if not (CACHE / "node_modules" / "pyodide").is_dir():
        missing("the npm packages for the browser; `make .cache/browser/ready` installs them")
    return CACHE / "node_modules"


@pytest.fixture(scope="session")
def in_pyodide(npm: Path) -> Callable[..., Any]:
    """Return what runs a Python file of this folder in Pyodide under Node, and returns its ``result``."""
    node = shutil.which("node")
    if node is None:
        missing("node")

    def run(file: str, *arguments: str, seconds: float = 600) -> Any:
        # The stack is for pytest, which recurses deeper than Node's default allows WebAssembly.
        command = [node, "--stack-size=5000", HERE / "in_pyodide.mjs", npm, WHEELS, REPOSITORY, HERE / file, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture(scope="session")
def tiny_model() -> dict[str, Path]:
    """Return the folders of the model and of its library."""
    cache = REPOSITORY / ".cache" / "webllm"
    try:
        model, library = model_in(cache), library_in(cache)
    except MISSING_PARTS as part:
        missing(f"what the tiny model is built with ({part}); `make .cache/webllm/ready` builds it")
    if not model.is_dir() or not library.is_file():
        missing("the tiny model for WebLLM; `make .cache/webllm/ready` builds it")
    return {"tiny": model, "library": library.parent}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Return a headless Chromium that plays WebGPU on the processor and reaches nothing but this machine."""
    if CHROMIUM is None:
        missing("chromium")
    if find_spec("playwright") is None:
        missing("playwright; `make .venv/browser` installs it")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def new_page(chromium: Any) -> Iterator[Callable[..., Any]]:
    """Return what opens a page; at the end, nothing outside was asked for and no script failed."""
    contexts, asked, failed = [], [], []

    def open_page(url: str, **options: Any) -> Any:
        context = chromium.new_context(**options)
        contexts.append(context)
        context.on("request", lambda request: asked.append(request.url))
        page = context.new_page()
        page.set_default_timeout(180_000)
        page.on("pageerror", lambda error: failed.append(str(error)))
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [url for url in asked if not url.startswith(("http://127.0.0.1:", "blob:", "data:"))] == []
    assert failed == []


@pytest.fixture(scope="module")
def lesson(npm: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Return what serves the lesson's folder, as any file server would, with `models` beside it, and its address."""
    servers = []

    def serve(models: dict[str, Any] | None = None, **folders: Path) -> str:
        vendor = tmp_path_factory.mktemp("vendor")
        (vendor / "streamfold.zip").write_bytes(packed())
        (vendor / "wheels").mkdir()
        shutil.copy(next(WHEELS.glob("msgspec-*.whl")), vendor / "wheels" / "msgspec.whl")
        (vendor / "models.json").write_text(json.dumps(models or {}))
        packages = {
            "pyodide": npm / "pyodide",
            "web-llm": npm / "@mlc-ai" / "web-llm" / "lib",
            "wllama": npm / "@wllama" / "wllama" / "esm",
        }
        under = {f"/learn/vendor/{name}/": folder for name, folder in {**packages, **folders}.items()}
        server = serving({"/learn/": FOLDER, "/learn/vendor/": vendor, **under})
        servers.append(server)
        return server.__enter__() + "/learn/"

    yield serve
    for server in servers:
        server.__exit__(None, None, None)
