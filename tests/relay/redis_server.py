"""A Redis of our own that writes everything down before it says so."""

import subprocess
import time
from pathlib import Path

import redis


class RedisServer:
    """Listens on a socket in `folder`, where its data is; can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.url = f"unix://{folder}/socket"
        self._folder = folder
        self.start()

    def start(self) -> None:
        options = (
            f"--port 0 --unixsocket {self._folder}/socket --dir {self._folder} --appendonly yes --appendfsync always"
        )
        self._process = subprocess.Popen(["redis-server", *options.split()], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        with redis.Redis.from_url(self.url) as client:
            while not self._answers(client):
                assert time.monotonic() < deadline, "Redis does not answer"
                time.sleep(0.05)

    def _answers(self, client: redis.Redis) -> bool:
        try:
            return bool(client.ping())
        except redis.ConnectionError:  # also while it loads its data
            return False

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
