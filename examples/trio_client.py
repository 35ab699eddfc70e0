"""Under trio, or with a client of your own: httpx makes the request, with whatever it is set up with.

The default client of async code is aiohttp's, which needs asyncio; httpx runs under both. `by_hand` does the same by
hand, with the pure core: it has no event loop in it, so it runs under any.
"""

from threading import Thread
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx
import trio

from streamfold import Decoder, Fold, Request, astream

WORDS = ["One", " two", " three", " four"]


def server(environ, start_response):
    """Stand in for a provider."""
    start_response("200 OK", [("Content-Type", "text/event-stream")])
    for word in WORDS:
        yield b'data: {"choices":[{"delta":{"content":"%s"}}]}\n\n' % word.encode()
    yield b"data: [DONE]\n\n"


class Quiet(WSGIRequestHandler):
    """Log nothing."""

    def log_message(self, *args: object) -> None:
        """Log nothing."""


async def ask(request: Request) -> None:
    async with httpx.AsyncClient() as client:
        async with astream(request, client=client, stop=" three") as events:
            async for text in events.text_stream:
                print(text, end="", flush=True)
        print(f"\n{events.reply.verdict}")


async def by_hand(request: Request) -> None:
    decoder = Decoder(Fold())
    async with httpx.AsyncClient() as client, client.stream("POST", request.url, json=request.json) as response:
        async for data in response.aiter_raw():
            for piece in decoder.feed(data):
                print(piece, end="", flush=True)
    decoder.close()
    print(f"\n{decoder.fold.reply.verdict}")


async def main() -> None:
    with make_server("127.0.0.1", 0, server, handler_class=Quiet) as http:
        Thread(target=http.serve_forever, daemon=True).start()
        request = Request(f"http://127.0.0.1:{http.server_port}/", json={"stream": True})
        await ask(request)
        await by_hand(request)
        http.shutdown()


if __name__ == "__main__":
    trio.run(main)
