"""Every example runs, and prints what it is there to show."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import need_engine

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
SHOWN = {
    "async.py": "One two\nstopped\n",
    "broadcast.py": "from the start: One |  two |  three |  four\nlate: One two three four\n",
    "local_model.py": "Earth\n4. Mars\n5. \nstopped\n",
    "openai_compatible.py": "5. Jupiter\n6. \nstopped\n",
    "recording.py": "True\n[82, 59, 81]\nanthropic_messages One two\n",
    "sync.py": "Red, green, blue.\nstopped by '\\nUser:'\n",
    "telemetry.py": "chat m 1 ('stop',)\n",
    "trio_client.py": "One two\nstopped\nOne two three four\ncomplete\n",
    "wire.py": "stopped: 'The sky is blue. '\n",
}


def test_every_example_is_here() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(SHOWN)


@pytest.mark.parametrize("name", SHOWN)
def test_example(name: str) -> None:
    if name in ("local_model.py", "openai_compatible.py"):
        need_engine()
    done = subprocess.run([sys.executable, EXAMPLES / name], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(SHOWN[name])


def test_the_readme_shows_what_is_true() -> None:
    """The first example of the README, run as it stands."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    subprocess.run([sys.executable, "-c", blocks[0]], check=True, timeout=30, capture_output=True)
    for block in blocks:
        compile(block, "README.md", "exec")
