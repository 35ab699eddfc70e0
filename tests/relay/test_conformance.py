"""The Durable Streams project's own suite for servers, and its client, on every store."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.relay.npm import HERE, PACKAGES, package
from tests.relay.serving import serving

from streamfold.relay.limits import Limits

TESTS = 338
"""As many as version 0.3.6 has, with those for subscriptions."""
RECEIVERS = "http://127.0.0.1:*"
"""Where the suite receives webhooks."""


@pytest.mark.timeout(600)
def test_conformance(store_url: str, tmp_path: Path) -> None:
    suite = package("@durable-streams/server-conformance-tests")
    report = tmp_path / "report.json"
    shutil.copy(HERE / "conformance.test.mjs", tmp_path)  # where vitest runs, it leaves its cache
    options = ["--root", tmp_path, "--no-coverage", "--testTimeout=60000", "--reporter=json", f"--outputFile={report}"]
    with serving(store_url, cors=["*"], limits=Limits(long_poll=1.0), webhooks=[RECEIVERS]) as url:
        subprocess.run(
            [PACKAGES / ".bin" / "vitest", "run", "conformance.test.mjs", *options],
            env=os.environ | {"CONFORMANCE_SUITE": str(suite), "CONFORMANCE_URL": url},
            capture_output=True,
            timeout=500,
        )
    results = [test for file in json.loads(report.read_text())["testResults"] for test in file["assertionResults"]]
    failed = {test["fullName"]: test["failureMessages"] for test in results if test["status"] == "failed"}
    assert failed == {}
    assert sum(test["status"] == "passed" for test in results) == TESTS


@pytest.mark.timeout(120)
def test_client(store_url: str) -> None:
    """It writes, and reads in pieces while it writes: cut and resumed, nothing is lost and nothing comes twice."""
    client = package("@durable-streams/client")
    with serving(store_url) as url:
        subprocess.run(["node", HERE / "client.mjs", client, url], check=True, timeout=100)
