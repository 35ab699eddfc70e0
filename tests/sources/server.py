"""A server on the loopback that says one thing to everybody, and knows when they hang up."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server:
    """What one test serves.

    Attributes:
        wire: The body of every response.
        endless: Whether the body goes on being awaited after that.
        left: Set when a client has hung up on an endless body.
    """

    def __init__(self, wire: bytes, endless: bool) -> None:
        self.wire = wire
        self.endless = endless
        self.left = threading.Event()
        self.url = ""


@contextmanager
def serving(wire: bytes, endless: bool = False) -> Iterator[Server]:
    server = Server(wire, endless)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(200)
            kind = "application/x-ndjson" if wire.startswith(b"{") else "text/event-stream"
            self.send_header("Content-Type", kind)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                for line in server.wire.splitlines(keepends=True):
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                if not server.endless:
                    self.wfile.write(b"0\r\n\r\n")
                    return
                gone = not self.connection.recv(1)
            except ConnectionError:  # some hang up before they were told all
                gone = True
            except TimeoutError:
                gone = False
            self.close_connection = True
            if gone:
                server.left.set()

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *args: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # clients that hang up are what is tested

    http = Quiet(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
