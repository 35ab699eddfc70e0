"""The Durable Streams project's own suite for servers, all of it, on every store."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.conftest import missing
from tests.relay.serving import serving

from streamfold.relay.limits import Limits

HERE = Path(__file__).parent
PACKAGES = HERE.parents[1] / ".cache" / "relay" / "node_modules"
SUITE = PACKAGES / "@durable-streams" / "server-conformance-tests" / "dist" / "index.js"
TESTS = 332
"""As many as version 0.3.6 has, without the 6 for the subscriptions that the protocol reserves room for."""


@pytest.mark.timeout(600)
def test_conformance(store_url: str, tmp_path: Path) -> None:
    if shutil.which("node") is None or not SUITE.exists():
        missing("node and the npm packages of tests/relay/package.json; `make .cache/relay/installed` installs them")
    report = tmp_path / "report.json"
    options = ["--root", HERE, "--no-coverage", "--testTimeout=60000", "--reporter=json", f"--outputFile={report}"]
    with serving(store_url, cors=["*"], limits=Limits(long_poll=1.0)) as url:
        subprocess.run(
            [PACKAGES / ".bin" / "vitest", "run", "conformance.test.mjs", *options],
            env=os.environ | {"CONFORMANCE_SUITE": str(SUITE), "CONFORMANCE_URL": url},
            capture_output=True,
            timeout=500,
        )
    results = [test for file in json.loads(report.read_text())["testResults"] for test in file["assertionResults"]]
    failed = {test["fullName"]: test["failureMessages"] for test in results if test["status"] == "failed"}
    assert failed == {}
    assert sum(test["status"] == "passed" for test in results) == TESTS
