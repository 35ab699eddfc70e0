"""What `import streamfold` offers, all of it and nothing more."""

import subprocess
import sys

import pytest

import streamfold

MOST_NAMES = 30


def test_all_is_sorted_and_short() -> None:
    assert sorted(streamfold.__all__) == streamfold.__all__
    assert len(streamfold.__all__) <= MOST_NAMES


@pytest.mark.parametrize("name", streamfold.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(streamfold, name)
    assert value.__doc__


def test_all_is_what_the_lazy_table_holds() -> None:
    assert set(streamfold._MODULE_OF) == set(streamfold.__all__)


def test_dir_shows_the_public_names() -> None:
    assert set(streamfold.__all__) <= set(dir(streamfold))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'folt'"):
        _ = streamfold.folt


@pytest.mark.parametrize("module", ["folding", "sync", "decoder", "contract"])
def test_no_module_hides_a_function_of_its_name(module: str) -> None:
    """Importing a submodule sets an attribute of the package: none may be called like a public function."""
    program = f"import streamfold.{module}; import streamfold; assert callable(streamfold.fold), streamfold.fold"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
    assert module not in streamfold.__all__


def test_importing_loads_nothing() -> None:
    program = "import sys; before = set(sys.modules); import streamfold; print(*sorted(set(sys.modules) - before))"
    loaded = subprocess.run(
        [sys.executable, "-S", "-c", program], capture_output=True, text=True, timeout=30, env=_env()
    )
    assert loaded.returncode == 0, loaded.stderr
    ours = {name for name in loaded.stdout.split() if name.startswith("streamfold")}
    assert ours == {"streamfold"}
    assert not {"msgspec", "asyncio", "dataclasses"} & set(loaded.stdout.split())


def _env() -> dict[str, str]:
    from pathlib import Path

    return {"PYTHONPATH": str(Path(streamfold.__file__).parents[1])}
