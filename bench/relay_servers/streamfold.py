"""Our relay. Usage: python -m bench.relay_servers.streamfold STORE [UPSTREAM]."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

from bench.relay_servers.producing import serve, tokens
from streamfold.events import StreamEnd
from streamfold.relay.app import create_app
from streamfold.relay.engines import EngineSpec
from streamfold.relay.limits import Limits
from streamfold.relay.records import Start, record_of, start_record
from streamfold.relay.rules.lifecycle import Creation
from streamfold.relay.serving import collect_seldom
from streamfold.relay.writing import Writer
from streamfold.reply import Reply, Verdict

engines = [EngineSpec("openai", "bench", url) for url in sys.argv[2:]]
app = create_app(sys.argv[1], engines=engines, limits=Limits(max_readers=100_000))


async def produce(number: int, rate: float, seconds: float) -> None:
    log = app.state.log
    stream = await log.head(f"generations/{number}")
    async with Writer(log, stream) as writer:
        async for token in tokens(number, rate, seconds):
            await writer.append(token.encode())
        await writer.end("done", record_of(StreamEnd(Reply(Verdict.COMPLETE))))


async def ready(streams: int, rate: float, seconds: float) -> Callable[[], Awaitable[None]]:
    log = app.state.log
    for number in range(streams):
        start = Start(str(number), "bench", "bench", log.store.now())
        # Some views answer with the first word: so that it is there, it does not tell a time.
        await log.start(f"generations/{number}", [start_record(start), record_of("begun")], lease=300)
        await log.create(f"chats/{number}", Creation("application/json", [b'"%d"' % number]))

    async def go() -> None:
        await asyncio.gather(*[produce(number, rate, seconds) for number in range(streams)])

    return go


collect_seldom()
serve(app, ready)
