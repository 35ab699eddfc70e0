"""What the exit status says."""

from __future__ import annotations

from ..reply import Reply, Verdict

OK = 0
"""The stream ended as its sender or a stop sequence meant it to."""
FAILED = 1
"""The stream broke off or failed."""
BAD_USAGE = 2
"""The command was not understood."""
INTERRUPTED = 130
"""Ctrl-C: 128 and the signal's number, as shells have it."""
PIPE_CLOSED = 141
"""Whoever read the output has gone."""

_ENDED_AS_MEANT = frozenset({Verdict.COMPLETE, Verdict.STOPPED, Verdict.TOOL_CALLS, Verdict.LENGTH})


def of_reply(reply: Reply) -> int:
    """Return `OK` if the reply's stream ended as meant, else `FAILED`."""
    return OK if reply.verdict in _ENDED_AS_MEANT else FAILED
