"""The relay against other servers of resumable streams: one producer to many readers, and many producers.

All over real sockets on this machine, the readers in this process and the server in another, its producers in it. A
token carries the time when it was made; its latency is the time until a reader has it. CPU is the server's alone, for
each token that a reader got; Redis and the readers are not counted. Latencies are worth something on a quiet machine
alone. A server that falls behind has received less than 100 percent when the time is over.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.relay_readers import Readers

ROOT = Path(__file__).parents[1]
PACKAGES = ROOT / ".cache" / "bench"
SECONDS = 10
MORE = ("p50_ms", "p99_ms", "memory_mb", "growth_mb", "received_percent")
RATE = 50.0
CASES = {"1 producer, 1,000 readers": (1, 1000), "200 producers, 1 reader each": (200, 1)}
STREAM = "/v1/stream/generations/{}?offset=-1&live=sse"
OURS, NPM = "python -m bench.relay_servers.streamfold", "node bench/relay_servers/npm.mjs"
CONTENDERS = {
    "streamfold, SQLite": (f"{OURS} {{folder}}/streams.db", STREAM),
    "streamfold, Redis": (f"{OURS} {{redis}}", STREAM),
    "@durable-streams/server": (f"{NPM} durable-streams", STREAM),
    "resumable-stream": (f"{NPM} resumable-stream {{redis}}", "/{}"),
    "fastapi-resumable-stream": ("python -m bench.relay_servers.fastapi {redis}", "/{}"),
}
"""The server's command, and the path of a stream. The third keeps everything in memory, and nothing else."""


def measure(url: str, server: subprocess.Popen[str], path: str, streams: int, readers: int) -> dict[str, Any]:
    say(server, f"{streams} {RATE} {SECONDS}")
    hear(server, "ready")
    host = urlsplit(url)
    assert host.hostname is not None
    assert host.port is not None
    reading = Readers(host.hostname, host.port)
    for number in range(streams):
        for _ in range(readers):
            reading.open(path.format(number))
    used, memory = -cpu_of(server.pid), -memory_of(server.pid)
    expected = streams * readers * RATE * SECONDS
    say(server, "go")
    reading.read(int(expected), time.monotonic() + SECONDS + 3)
    used, memory = used + cpu_of(server.pid), memory + memory_of(server.pid)
    reading.close()
    latencies = sorted(reading.latencies)
    count = len(latencies)
    if not count:
        raise RuntimeError("no reader has received anything")
    return {
        "us_per_event": used / count * 1e6,
        "p50_ms": latencies[count // 2] / 1e6,
        "p99_ms": latencies[count * 99 // 100] / 1e6,
        "memory_mb": memory_of(server.pid),
        "growth_mb": memory,
        "received_percent": 100 * count / expected,
    }


def hear(server: subprocess.Popen[str], start: str) -> str:
    """Return the server's next line that begins so: what else it prints is its own affair."""
    assert server.stdout is not None
    for line in server.stdout:
        if line.startswith(start):
            return line.strip()
    raise RuntimeError(f"the server ended without {start!r}")


def say(server: subprocess.Popen[str], line: str) -> None:
    assert server.stdin is not None
    server.stdin.write(line + "\n")
    server.stdin.flush()


def cpu_of(pid: int) -> float:
    """Return the CPU seconds that a process has used (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def memory_of(pid: int) -> float:
    """Return the most memory that a process has had, in megabytes (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    options = f"--port 0 --unixsocket {folder}/socket --dir {folder} --appendonly yes --maxclients 9000"
    server = subprocess.Popen(["redis-server", *options.split()], stdout=subprocess.DEVNULL)
    try:
        while not (folder / "socket").exists():
            time.sleep(0.05)
        yield f"unix://{folder}/socket"
    finally:
        server.terminate()
        server.wait()


def race(command: str, path: str, case: tuple[int, int]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as redis:
        words = command.format(folder=folder, redis=redis).split()
        words[0] = sys.executable if words[0] == "python" else words[0]
        environment = os.environ | {"BENCH_PACKAGES": str(PACKAGES)}
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(words, **pipes, text=True, cwd=ROOT, env=environment) as server:
            try:
                return measure(hear(server, "http"), server, path, *case)
            finally:
                server.kill()


def run() -> list[dict[str, Any]]:
    missing = [name for name in ("redis-server", "node") if shutil.which(name) is None]
    if missing or not PACKAGES.is_dir():
        print(f"relay: missing {missing or PACKAGES}")
        return []
    rows = []
    for case, sizes in CASES.items():
        found = {name: race(command, path, sizes) for name, (command, path) in CONTENDERS.items()}
        for name, row in found.items():
            ratio = {other: row["us_per_event"] / found[other]["us_per_event"] for other in found if other != name}
            rows.append({"bench": "relay", "case": case, "contender": name, **row, "more": MORE, "ratio": ratio})
    return rows
