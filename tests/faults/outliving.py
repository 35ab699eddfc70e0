"""A server whose replies outlive their connections, as llama.cpp's does for who sends it ``X-Conversation-Id``.

It speaks what llama.cpp documents (tools/server/README-dev.md, "Resumable streaming"): the stream of a ``POST`` is kept
under the name that it brought, ``GET /v1/stream?conv_id=NAME&from=BYTES`` sends it from that byte on, and only
``DELETE`` ends it. Here each response is broken off where the test says.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from streamfold import Request
from streamfold.network.providers import llama_cpp

from ..serving.server import Received, Script, Server, serving
from ..serving.steps import answer, raw, send

NOT_FOUND = answer(
    send(b'{"error":{"code":404,"message":"Stream not found or expired","type":"not_found_error"}}'),
    status=404,
    content_type="application/json",
)
NO_CONTENT = raw(b"HTTP/1.1 204 No Content\r\n\r\n")


@dataclass
class Conversations:
    """The streams that a server keeps.

    Attributes:
        response: Gives the script of a response that sends its stream from this byte on; told which response it is.
        ended: When each stream was ended by a ``DELETE``, in seconds of the monotonic clock, by its name.
        names: Of the streams, in the order in which they were asked for.
    """

    response: Callable[[int, int], Script]
    names: list[str] = field(default_factory=list)
    ended: dict[str, float] = field(default_factory=dict)
    n_responses: int = 0
    on_delete: Script = NO_CONTENT

    def choose(self, number: int, request: Received) -> Script:
        url = urlsplit(request.target)
        if request.method == "POST":
            self.names.append(request.headers["x-conversation-id"])
            return self._respond(0)
        assert url.path == "/v1/stream"
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        name = query["conv_id"]
        if request.method == "DELETE":
            self.ended[name] = time.monotonic()
            return self.on_delete
        if name not in self.names or name in self.ended:
            return NOT_FOUND
        return self._respond(int(query["from"]))

    def _respond(self, start: int) -> Script:
        self.n_responses += 1
        return self.response(self.n_responses, start)

    def wait_for_end(self, name: str | None = None, timeout: float = 5.0) -> float | None:
        """Return when the stream was ended, the first one if not said which, waiting for it; ``None`` if it was not."""
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            if (at := self.ended.get(name or (self.names or [""])[0])) is not None:
                return at
            time.sleep(0.001)
        return None


@contextmanager
def conversing(
    response: Callable[[int, int], Script], on_delete: Script = NO_CONTENT
) -> Iterator[tuple[Conversations, Server]]:
    """Serve conversations; see `Conversations`."""
    conversations = Conversations(response, on_delete=on_delete)
    with serving(choose=conversations.choose) as server:
        yield conversations, server


def asking(server: Server) -> Request:
    return llama_cpp(None, "Hi", base_url=server.url, api_key="sk-12345678", continuation="conversation_id")
