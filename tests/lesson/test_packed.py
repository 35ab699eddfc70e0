"""The archive that the page unpacks in the browser's Python."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

from streamfold.lesson import FOLDER, packed


def test_it_runs_from_the_archive_alone(tmp_path: Path) -> None:
    zipfile.ZipFile(io.BytesIO(packed())).extractall(tmp_path)
    code = "import streamfold, streamfold.lesson.grading; print(streamfold.__file__, streamfold.fold(['a']).text)"
    command = [sys.executable, "-S", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(tmp_path / "streamfold" / "__init__.py"), "a"]


def test_the_pages_files_are_in_the_package() -> None:
    files = {file.relative_to(FOLDER).as_posix() for file in FOLDER.rglob("*") if file.is_file()}
    assert {"index.html", "style.css", "lesson.js", "worker.js", "engines/webllm.js"} <= files
