"""The direction of imports, which keeps the core pure, and the size of files, which keeps each to one concept."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import streamfold

PACKAGE = Path(streamfold.__file__).parent
HARD_CAP = 400  # lines

# From the outside in: a module imports only from its own layer and from those below it.
LAYERS = [
    {"__main__"},
    {"__init__", "cli", "pytest_plugin"},
    {"commands"},
    {"relay"},
    {"terminal", "chat", "cassette", "inspection"},
    {"engines"},
    {"broadcast", "abroadcast", "telemetry", "lesson"},
    {"sync", "aio"},
    {"recordings"},
    {"callbacks"},
    {"network", "anetwork"},
    {"transports", "watch", "awatch"},
    {"course"},
    {"attempts"},
    {"intake"},
    {"graphemes", "sources", "responses", "taps", "continuing", "semconv"},
    {"decoder", "encoders", "recording"},
    {"detection"},
    {"dialects"},
    {"folding"},
    {"choices"},
    {"open_choice"},
    {"framing", "closing", "contract", "fanout", "tool_calls", "tags", "joining"},
    {"stops", "surrogates", "notes"},
    {"deltas"},
    {"events"},
    {"signals"},
    {"reply"},
    {"history", "reply_json"},
    {"providers"},
    {"parts", "usage", "clocks", "retry", "retry_after", "timing", "request"},
    {"partial_json"},
    {"errors"},
]
DEPTH = {name: depth for depth, names in enumerate(LAYERS) for name in names}
CORE = {name for name in DEPTH if DEPTH[name] >= DEPTH["course"]}
FORBIDDEN = {"asyncio", "socket", "ssl", "threading", "time", "http", "httpx", "selectors", "subprocess"}
THIRD_PARTY_ALLOWED = {
    "dialects": {"msgspec"},
    "encoders": {"msgspec"},
    "engines": {"xllamacpp"},
    "inspection": {"rich"},
    "partial_json": {"jiter"},
    "chat": {"platformdirs"},
    "commands": {"platformdirs", "shtab"},
    "pytest_plugin": {"pytest"},
    "relay": {"aiohttp", "cryptography", "msgspec", "prometheus_client", "redis", "starlette", "uvicorn", "yarl"},
    "terminal": {"pygments", "rich", "wcwidth"},
    "telemetry": {"opentelemetry"},
    "transports": {"urllib3", "aiohttp", "yarl"},
}
PURE_FOLDERS = {"relay/rules"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def layer_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield each imported module's first name, and whether it is of this package."""
    depth = len(path.relative_to(PACKAGE).parts) - 1
    tree = ast.parse(path.read_text())
    typing_only = {id(child) for node in ast.walk(tree) if is_type_checking(node) for child in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], False) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            inside = node.level > 0 and node.level == depth + 1
            names = [node.module.split(".")[0]] if node.module else [alias.name for alias in node.names]
            if node.level == 0 or inside:
                yield from ((name, inside) for name in names)


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


@pytest.mark.parametrize("path", modules(), ids=str)
def test_imports_point_inwards(path: Path) -> None:
    layer = layer_of(path)
    for name, inside in imports(path):
        if inside:
            assert DEPTH[name] >= DEPTH[layer], f"{path.name} imports {name}, which stands outside of it"
        elif layer in CORE or path.parent.relative_to(PACKAGE).as_posix() in PURE_FOLDERS:
            assert name not in FORBIDDEN, f"{path.name} is of the pure core and imports {name}"


@pytest.mark.parametrize("path", modules(), ids=str)
def test_third_party_packages_have_their_room(path: Path) -> None:
    outside = {name for name, inside in imports(path) if not inside}
    assert outside - set(sys.stdlib_module_names) <= THIRD_PARTY_ALLOWED.get(layer_of(path), set())


@pytest.mark.parametrize("path", [*modules(), *sorted(PACKAGE.rglob("*.js")), *sorted(PACKAGE.rglob("*.css"))], ids=str)
def test_a_file_is_one_concept(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= HARD_CAP


def test_folding_text_needs_no_third_party_package() -> None:
    """As in a browser's Python: the contract, the stops and the fold over text, with everything else blocked."""
    program = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {*sys.stdlib_module_names, "streamfold"}:
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
import streamfold
assert streamfold.consume_stream(["a", "b", "c"], None, "b")["stopped"]
assert streamfold.fold(["Hel", "lo E", "ND"], stop="END").text == "Hello "
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
