"""The relay against other servers of resumable streams: one producer to many readers, and many producers.

All over real sockets on this machine, the readers in this process and the server in another. A token carries the time
when it was made; its latency is the time until a reader has it. CPU is the server's alone, for each token that a reader
got; Redis and the readers are not counted. `growth_mb` is what the server's greatest size grew by while it produced.
Latencies are worth something on a quiet machine alone. A server that falls behind has received less than 100 percent
when the time is over.

Producers are in the server, unless the case says otherwise: what is compared is the way from a token to its readers,
and two of the others know no producer elsewhere. Then two ways in which tokens come to a relay: each producer appends
over HTTP, or a model's server streams to it.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from bench.relay_clients import Appenders, Loop, Pace, Producing, Reader, Upstream, no_tick

ROOT = Path(__file__).parents[1]
PACKAGES = ROOT / ".cache" / "bench"
SECONDS = 5
RATE = 50.0
MORE = ("p50_ms", "p99_ms", "memory_mb", "growth_mb", "received_percent")
FEW, MANY = (1, 1000), (200, 1)
"""How many streams, and readers of each."""
STREAM = "/v1/stream/generations/{}?offset=-1&live=sse"
OURS, NPM = "python -m bench.relay_servers.streamfold", "node bench/relay_servers/npm.mjs"
SQLITE, REDIS = f"{OURS} {{folder}}/streams.db", f"{OURS} {{redis}}"
OTHERS = {
    "@durable-streams/server": (f"{NPM} durable-streams", STREAM),
    "resumable-stream": (f"{NPM} resumable-stream {{redis}}", "/{}"),
    "fastapi-resumable-stream": ("python -m bench.relay_servers.fastapi {redis}", "/{}"),
}
"""The server's command, and the path of a stream. The first keeps everything in memory, and nothing else."""
SERVERS = {"streamfold, SQLite": (SQLITE, STREAM), "streamfold, Redis": (REDIS, STREAM), **OTHERS}
VIEWS = {
    "events": (SQLITE, "/generations/{}/events"),
    "OpenAI responses": (SQLITE, "/v1/responses/{}?stream=true"),
    "AI SDK": (SQLITE, "/api/chat/{}/stream"),
}
CASES: dict[str, tuple[tuple[int, int], dict[str, tuple[str, str]], Callable[[], Producing] | None]] = {
    "1 producer, 1,000 readers": (FEW, SERVERS, None),
    "1 producer, 1,000 readers, the views of a generation (SQLite)": (FEW, VIEWS, None),
    "200 producers, 1 reader each": (MANY, SERVERS, None),
    "200 producers that append over HTTP, 1 reader each": (
        MANY,
        {
            "streamfold, SQLite": (SQLITE, ""),
            "streamfold, Redis": (REDIS, ""),
            "@durable-streams/server": OTHERS["@durable-streams/server"],
        },
        Appenders,
    ),
    "200 generations of a model's server, 1 reader each": (
        MANY,
        {"streamfold, SQLite": (f"{SQLITE} {{upstream}}", ""), "streamfold, Redis": (f"{REDIS} {{upstream}}", "")},
        Upstream,
    ),
}


def measure(
    url: str,
    server: subprocess.Popen[str],
    path: str,
    sizes: tuple[int, int],
    producing: Producing | None,
) -> dict[str, Any]:
    streams, readers = sizes
    say(server, f"{0 if producing else streams} {RATE} {SECONDS}")
    hear(server, "ready")
    latencies: list[int] = []
    with closing(Loop()) as loop:
        paths = producing.begin(loop, url, streams) if producing else [path.format(n) for n in range(streams)]
        for path in paths * readers:
            Reader(loop, url, path, latencies)
        used, memory = -cpu_of(server.pid), -memory_of(server.pid)
        expected = streams * readers * RATE * SECONDS
        tick = Pace(producing, streams, RATE, SECONDS).tick if producing else no_tick
        say(server, "go")
        loop.run(lambda: len(latencies) < expected, time.monotonic() + SECONDS + 3, tick)
        used, memory = used + cpu_of(server.pid), memory + memory_of(server.pid)
    latencies.sort()
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


def race(command: str, path: str, sizes: tuple[int, int], producers: Callable[[], Producing] | None) -> dict[str, Any]:
    producing = producers() if producers else None
    with tempfile.TemporaryDirectory() as folder, redis_server(Path(folder)) as redis:
        upstream = producing.url if isinstance(producing, Upstream) else ""
        words = command.format(folder=folder, redis=redis, upstream=upstream).split()
        words[0] = sys.executable if words[0] == "python" else words[0]
        environment = os.environ | {"BENCH_PACKAGES": str(PACKAGES), "OPENAI_API_KEY": "none"}
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(words, **pipes, text=True, cwd=ROOT, env=environment) as server:
            try:
                return measure(hear(server, "http"), server, path, sizes, producing)
            finally:
                server.kill()
                if isinstance(producing, Upstream):
                    producing.close()


def run() -> list[dict[str, Any]]:
    missing = [name for name in ("redis-server", "node") if shutil.which(name) is None]
    if missing or not PACKAGES.is_dir():
        print(f"relay: missing {missing or PACKAGES}")
        return []
    rows = []
    for case, (sizes, servers, producers) in CASES.items():
        found = {name: race(command, path, sizes, producers) for name, (command, path) in servers.items()}
        for name, row in found.items():
            ratio = {other: row["us_per_event"] / found[other]["us_per_event"] for other in found if other != name}
            rows.append({"bench": "relay", "case": case, "contender": name, **row, "more": MORE, "ratio": ratio})
    return rows
