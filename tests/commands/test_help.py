"""Help, completion and the reference: what a newcomer meets first."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from docs.cli_reference import PATH, reference

from streamfold.cli import COMMANDS

from ..conftest import missing


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "streamfold", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_reference_is_fresh() -> None:
    assert PATH.read_text("utf-8") == reference(), "`make docs` writes it anew"


def test_the_first_screen_names_every_command_and_shows_examples() -> None:
    done = run("--help")
    assert done.returncode == 0
    assert all(name in done.stdout for name in COMMANDS)
    assert "examples:\n  streamfold run" in done.stdout
    alone = run()
    assert (alone.returncode, alone.stdout, alone.stderr) == (2, "", done.stdout)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    done = run(name, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"usage: streamfold {name}")


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["run"], ["run", "x", "--max-tokens", "y"], ["fold", "--no"]], ids=" ".join
)
def test_an_error_is_one_sentence_that_says_where_to_read_on(arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "--help` tells more" in done.stderr


def test_bash_completes_commands_and_options(tmp_path: Path) -> None:
    if shutil.which("bash") is None:
        missing("bash")
    script = tmp_path / "completion.bash"
    script.write_text(run("completion", "bash").stdout)

    def completed(*words: str) -> str:
        ask = f"""
source {script}
COMP_WORDS=({" ".join(f"'{word}'" for word in words)}); COMP_CWORD={len(words) - 1}
_shtab_streamfold; echo "${{COMPREPLY[*]}}" """
        return subprocess.run(["bash", "-c", ask], capture_output=True, text=True, timeout=30, check=True).stdout

    assert "chat" in completed("streamfold", "ch")
    assert "--smooth" in completed("streamfold", "run", "--sm")
    assert "summary" in completed("streamfold", "run", "--reasoning", "s")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script(shell: str) -> None:
    done = run("completion", shell)
    assert done.returncode == 0
    assert "streamfold" in done.stdout
