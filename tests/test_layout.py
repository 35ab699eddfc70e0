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

# From the outside in: a module imports only from its own layer and from those below it. A room whose modules lie in
# several layers has an entry for each.
LAYERS = [
    {"__main__"},
    {"__init__", "cli", "pytest_plugin"},
    {"commands"},
    {"relay"},
    {"terminal", "chat", "recordings.cassette", "inspection"},
    {"engines"},
    {"fanout", "telemetry", "lesson"},
    {"sync", "aio"},
    {"recordings"},
    {"callbacks"},
    {"network.sync", "network.aio"},
    {"network.transports", "network.watch", "network.awatch"},
    {"course"},
    {"network.attempts"},
    {"intake"},
    {"folding.graphemes", "sources", "network.responses", "taps", "network.continuing", "telemetry.semconv"},
    {"decoder", "encoders", "recordings.format"},
    {"detection"},
    {"dialects"},
    {"folding"},
    {"folding.choices"},
    {"folding.open_choice"},
    {"framing", "closing", "contract", "fanout.rules", "folding.tool_calls", "tags", "folding.joining"},
    {"stops", "folding.surrogates", "folding.notes"},
    {"folding.deltas"},
    {"events"},
    {"signals"},
    {"reply"},
    {"reply.history", "reply.as_dict"},
    {"network.providers"},
    {"reply.parts", "reply.usage", "reply.timing", "clocks", "network.retry", "network.retry_after", "network.request"},
    {"reply.partial_json"},
    {"network"},
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
    "reply.partial_json": {"jiter"},
    "chat": {"platformdirs"},
    "commands": {"platformdirs", "shtab"},
    "pytest_plugin": {"pytest"},
    "relay": {"aiohttp", "cryptography", "msgspec", "prometheus_client", "redis", "starlette", "uvicorn", "yarl"},
    "terminal": {"pygments", "rich", "wcwidth"},
    "telemetry": {"opentelemetry"},
    "network.transports": {"urllib3", "aiohttp", "yarl"},
}
PURE_FOLDERS = {"relay/rules"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def layer_of(module: str) -> str:
    """Return the entry of `LAYERS` for a module, named from the package on: its own, or its room's."""
    room = module.split(".")[0]
    inner = ".".join(module.split(".")[:2])
    return inner if inner in DEPTH else room


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield each imported module, and whether it is of this package: then it is named from the package on."""
    package = ["streamfold", *path.relative_to(PACKAGE).parent.parts]
    tree = ast.parse(path.read_text())
    typing_only = {id(child) for node in ast.walk(tree) if is_type_checking(node) for child in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], False) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            assert node.module
            yield node.module.split(".")[0], False
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1], *(node.module or "").split(".")]
            above = ".".join(part for part in base[1:] if part)
            for alias in node.names:
                inner = f"{above}.{alias.name}" if above else alias.name
                yield (inner if is_module(inner) else above), True


def is_module(name: str) -> bool:
    path = PACKAGE.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").exists()


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


@pytest.mark.parametrize("path", modules(), ids=str)
def test_imports_point_inwards(path: Path) -> None:
    name = name_of(path)
    layer = layer_of(name)
    for other, inside in imports(path):
        if inside and path.name == "__init__.py" and other.startswith(f"{name}."):
            continue  # a room's front shows what is in it
        if inside:
            assert DEPTH[layer_of(other)] >= DEPTH[layer], f"{name} imports {other}, which stands outside of it"
        elif layer in CORE or path.parent.relative_to(PACKAGE).as_posix() in PURE_FOLDERS:
            assert other not in FORBIDDEN, f"{name} is of the pure core and imports {other}"


@pytest.mark.parametrize("path", modules(), ids=str)
def test_third_party_packages_have_their_room(path: Path) -> None:
    outside = {name for name, inside in imports(path) if not inside}
    assert outside - set(sys.stdlib_module_names) <= THIRD_PARTY_ALLOWED.get(layer_of(name_of(path)), set())


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
