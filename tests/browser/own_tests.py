"""Run in Pyodide: the project's own test files, each outcome by the test's name."""

import asyncio
import os
import selectors
import sys
import time
import types

import pytest


class _NoFiles(selectors.BaseSelector):
    """Waits for time alone: there are no sockets in WebAssembly."""

    def register(self, fileobj, events, data=None): ...
    def unregister(self, fileobj): ...

    def select(self, timeout=None):
        time.sleep(timeout or 0)
        return []

    def get_map(self):
        return {}


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self):
        super().__init__(_NoFiles())

    def _make_self_pipe(self): ...
    def _close_self_pipe(self): ...


def _run(main, **options):
    """Do as asyncio.run does. Pyodide's own needs to suspend the JavaScript around it, which Node 20 cannot."""
    outer = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    try:
        with asyncio.Runner(loop_factory=_Loop, **options) as runner:
            return runner.run(main)
    finally:
        asyncio._set_running_loop(outer)


class _Outcomes:
    def __init__(self):
        self.of = {}

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self):
        from hypothesis import HealthCheck, settings  # here, for pytest wants to load its plugins itself

        few = settings.get_profile("quick")
        settings.register_profile("browser", few, suppress_health_check=[HealthCheck.too_slow])
        settings.load_profile("browser")

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            self.of[report.nodeid] = report.outcome if report.outcome == "passed" else report.longreprtext


asyncio.run = _run
# There is no trio here.
sys.modules["trio"] = types.SimpleNamespace(
    run=lambda main, *arguments: _run(main(*arguments)),
    lowlevel=types.SimpleNamespace(in_trio_run=lambda: False),
)
os.chdir(repository)  # noqa: F821 - set by in_pyodide.mjs
outcomes = _Outcomes()
options = ["-q", "--no-header", "-p", "no:cacheprovider", "-o", "timeout=0", "--tb=line"]
pytest.main([*options, *arguments], plugins=[outcomes])  # noqa: F821
result = outcomes.of
