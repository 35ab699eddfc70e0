"""An upstream that speaks OpenAI chat, as a test wants it: it says tokens, waits, fails, and knows who has left.

What it does is said in the last message: ``say 5 pause 0.01`` says "t1 t2 ... t5 " with a pause before each;
``fail 429`` refuses; ``break 3`` says three tokens and hangs up; ``think 1`` begins with reasoning; ``call f`` calls a
tool.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Upstream(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[dict[str, Any]] = []
        self.left = threading.Event()
        self.n_said = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Upstream

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body)
        words = str(body["messages"][-1]["content"]).split()
        told = dict(zip(words[::2], words[1::2], strict=False))
        self.close_connection = True
        if "fail" in told:
            return self._refuse(int(told["fail"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            self._talk(told)
        except OSError:
            self.server.left.set()
        return None

    def _refuse(self, status: int) -> None:
        body = json.dumps({"error": {"message": "no", "type": "refused", "code": "c"}}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _talk(self, told: dict[str, str]) -> None:
        if "think" in told:
            self._say({"reasoning_content": "Hm."})
        for number in range(1, int(told.get("say") or told.get("break") or 0) + 1):
            time.sleep(float(told.get("pause", 0)))
            self._say({"content": f"t{number} "})
            self.server.n_said = number
        if "break" in told:
            return
        if "call" in told:
            call = {"index": 0, "id": "c1", "function": {"name": told["call"], "arguments": '{"city":"Oslo"}'}}
            self._say({"tool_calls": [call]})
        usage = {"prompt_tokens": 3, "completion_tokens": int(told.get("say", 1)), "total_tokens": 9}
        self._say({}, finish_reason="tool_calls" if "call" in told else "stop", usage=usage)
        self._write(b"data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _say(self, delta: dict[str, Any], finish_reason: str | None = None, **more: Any) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        chunk = {"id": "up-1", "object": "chat.completion.chunk", "model": "m-1", "choices": [choice], **more}
        self._write(b"data: %s\n\n" % json.dumps(chunk).encode())

    def _write(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def log_message(self, format: str, *values: Any) -> None:
        pass


@contextmanager
def upstream() -> Iterator[Upstream]:
    """Give an upstream that listens."""
    with Upstream() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
