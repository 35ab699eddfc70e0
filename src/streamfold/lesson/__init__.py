"""The lesson: a static page on which a reader writes `consume_stream`, sees it work and has it graded.

The folder is served as it is, by any file server. Beside what lies in it the page fetches from ``vendor/``:
``streamfold.zip``, which `packed` returns, and where they are to be had without a network the packages ``pyodide/``,
``web-llm/`` and ``wllama/`` of the npm registry; see ``places.js``.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

FOLDER = Path(__file__).parent
"""Where the page's files are."""


def packed() -> bytes:
    """Return the package's Python files as a ZIP archive, which the page unpacks in the browser's Python."""
    package = FOLDER.parent
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(package.rglob("*.py")):
            archive.write(file, file.relative_to(package.parent))
    return buffer.getvalue()
