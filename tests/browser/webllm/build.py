"""Build the tiny model and its library for WebLLM, once: ``python -m tests.browser.webllm.build FOLDER``.

What is built lies in a folder named by all that goes into it, so nothing is built twice and nothing stale is used.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).parent
LIBRARY_SOURCES = ("shape.py", "network.py", "sampler.py", "library.py", "runtime")
MODEL_SOURCES = ("shape.py", "corpus.py", "training.py", "model_files.py")
PACKAGES = {"library": ("apache-tvm", "apache-tvm-ffi"), "model": ("tokenizers", "numpy", "autograd")}


def library_in(folder: Path) -> Path:
    """Return where the compiled library lies, or will."""
    return folder / f"library-{_digest(LIBRARY_SOURCES, 'library')}" / "tiny.wasm"


def model_in(folder: Path) -> Path:
    """Return the folder in which the model's files lie, or will."""
    return folder / f"model-{_digest(MODEL_SOURCES, 'model')}"


def build(folder: Path) -> None:
    """Build what is not there yet; about four minutes on two cores, a third of it the runtime's compilation."""
    _once(library_in(folder).parent, _build_library)
    _once(model_in(folder), _build_model)


def _build_library(into: Path) -> None:
    from .library import compile_library, compile_runtime

    objects = into / "objects"
    objects.mkdir()
    compile_library(compile_runtime(objects), into / "tiny.wasm")
    shutil.rmtree(objects)


def _build_model(into: Path) -> None:
    from .model_files import tokenizer_of, write_model
    from .training import trained

    tokenizer = tokenizer_of()
    write_model(into, tokenizer, trained(tokenizer))


def _once(folder: Path, make: Callable[[Path], None]) -> None:
    if folder.is_dir():
        return
    unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
    unfinished.mkdir(parents=True)
    make(unfinished)
    unfinished.rename(folder)


def _digest(sources: tuple[str, ...], kind: str) -> str:
    digest = hashlib.sha256(" ".join(_versions(kind)).encode())
    for source in sources:
        path = HERE / source
        files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
        for file in files:
            digest.update(file.relative_to(HERE).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _versions(kind: str) -> list[str]:
    """Return the versions that the result depends on.

    Raises:
        PackageNotFoundError: A package is not installed.
        FileNotFoundError: There is no emcc.
    """
    found = [f"{name} {version(name)}" for name in PACKAGES[kind]]
    if kind == "library":
        found += subprocess.run(["emcc", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[
            :1
        ]
    return found


MISSING_PARTS = (PackageNotFoundError, FileNotFoundError)
"""What `library_in` and `model_in` raise where the means to build are not installed."""

if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # its threads spin, and the matrices are small
    build(Path(sys.argv[1]))
