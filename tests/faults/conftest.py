"""After each of these tests nothing may be left: no descriptor, no thread; and no warning of a resource (an error)."""

import gc
import os
import threading
import time
from collections.abc import Callable, Iterator

import pytest


def descriptors() -> dict[str, str]:
    """Return what is open in this process."""
    found = {}
    for number in os.listdir("/proc/self/fd"):
        try:
            found[number] = os.readlink(f"/proc/self/fd/{number}")
        except FileNotFoundError:  # the listing's own
            continue
    return found


@pytest.fixture(autouse=True, scope="session")
def quick_collections() -> Iterator[None]:
    """Leave what was there before out of each collection: there is one after each test."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    threads, opened = set(threading.enumerate()), descriptors()
    yield
    end_idle_connections()
    gc.collect()
    wait_until(lambda: not set(threading.enumerate()) - threads and not new(opened))
    assert not set(threading.enumerate()) - threads
    assert not new(opened)


def new(opened: dict[str, str]) -> dict[str, str]:
    return {number: what for number, what in descriptors().items() if opened.get(number) != what}


def end_idle_connections() -> None:
    """Close what streamfold keeps for the next request: async it ends with the event loop, sync with the process."""
    from streamfold.network.transports.urllib3 import pools

    pools("http://127.0.0.1").clear()


def wait_until(is_so: Callable[[], object], seconds: float = 3.0) -> None:
    end = time.monotonic() + seconds
    while not is_so() and time.monotonic() < end:
        time.sleep(0.01)
