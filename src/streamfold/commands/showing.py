"""Show the text of a stream as it arrives; then say how it ended."""

from __future__ import annotations

import json
import sys
import time
from argparse import Namespace
from collections.abc import Iterable
from contextlib import closing
from typing import Any

from ..intake import StreamOptions
from ..reply import Reply
from ..sync import stream
from . import exit_status


def show(source: Iterable[Any], arguments: Namespace, options: StreamOptions) -> int:
    """Show the text of `source` as it arrives, or the reply as JSON at its end; return the exit status."""
    started = time.monotonic()
    interrupted = False
    with closing(stream(source, **options)) as events:
        try:
            for text in events.text_stream:
                if not arguments.json:
                    sys.stdout.write(text)
                    sys.stdout.flush()
        except KeyboardInterrupt:
            interrupted = True
    reply = events.reply
    if arguments.json:
        json.dump(reply.to_dict(), sys.stdout, ensure_ascii=False, indent=2)
    if arguments.json or sys.stdout.isatty():
        sys.stdout.write("\n")
    sys.stdout.flush()
    print(_status(reply, time.monotonic() - started), file=sys.stderr)
    return exit_status.INTERRUPTED if interrupted else exit_status.of_reply(reply)


def _status(reply: Reply, seconds: float) -> str:
    """Return how the stream ended, as one line for people, and the tool calls before it."""
    lines = [
        f"tool call: {call.name}({call.arguments}){'' if call.complete else ' incomplete'}" for call in reply.tool_calls
    ]
    facts = [str(reply.verdict)]
    if reply.stop:
        facts = [f"stopped by {reply.stop.string!r} at character {reply.stop.offset:,}"]
    elif reply.error:
        facts.append(str(reply.error))
    if (tokens := reply.usage.output_tokens) is not None:
        facts.append(f"{tokens:,} tokens")
    facts.append(f"{seconds:.1f} s")
    return "\n".join([*lines, f"[{', '.join(facts)}]"])
