"""What the tests of the dialects share: wires of values, folded under every cut, and values broken at random."""

import json
from copy import deepcopy

from hypothesis import strategies as st

from streamfold.decoder import Decoder
from streamfold.dialects.json_dialect import NOT_PLAIN
from streamfold.errors import StreamfoldError
from streamfold.events import TextDelta
from streamfold.folding.deltas import Identity
from streamfold.reply.usage import UnreadUsage, Usage

from ..chunkings import chunkings
from ..framing.test_aws_eventstream import STRING, event, header, message


def sse(*values, event=None):
    """Return server-sent events, one for each value."""
    name = f"event: {event}\n" if event else ""
    return "".join(f"{name}data: {v if isinstance(v, str) else json.dumps(v)}\n\n" for v in values).encode(
        "utf-8", "surrogatepass"
    )


def ndjson(*values):
    """Return lines of JSON, one for each value."""
    return "".join(json.dumps(value) + "\n" for value in values).encode()


def aws(*events):
    """Return an AWS event stream of events, each a type and a value."""
    return b"".join(event(json.dumps(value).encode(), kind) for kind, value in events)


def aws_exception(name, value):
    """Return an exception in an AWS event stream."""
    kinds = {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}
    return message(json.dumps(value).encode(), *(header(kind, STRING, word) for kind, word in kinds.items()))


def folded(wire, dialect=None, cuts=True):
    """Return the reply that `wire` folds into, the same for every cut."""
    replies = []
    for pieces in chunkings(wire) if cuts else [[wire]]:
        decoder = Decoder(dialect=dialect)
        shown = [one for piece in pieces for one in decoder.feed(piece)] + decoder.close()
        reply = decoder.fold.reply
        assert "".join(one for one in shown if isinstance(one, str)) == reply.text
        said = reply.to_dict() | {"parts": reply.parts}
        if said not in replies:
            replies.append(said)
    assert len(replies) == 1
    return reply


def told(deltas):
    """Return deltas comparably: text in one spelling, errors by type and words, no empty facts."""
    found = [TextDelta(delta) if isinstance(delta, str) else delta for delta in deltas]
    found = [delta.read() if isinstance(delta, UnreadUsage) else delta for delta in found]
    found = [(type(delta), str(delta)) if isinstance(delta, StreamfoldError) else delta for delta in found]
    return [delta for delta in found if delta not in (Identity(), TextDelta(""), Usage())]


def plainly(dialect, value):
    """Tell whether the short way takes `value`, after a check that it says what the long way does."""
    frame = json.dumps(value).encode()
    short, long = dialect(), []
    if not short.is_typed:
        return False
    try:
        delta = short.plain(frame)
    except NOT_PLAIN:
        return False
    dialect().read_frame(frame, long)
    assert told([*([] if delta is None else [delta]), *short.unread_usage()]) == told(long)
    return True


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 9) | st.floats(allow_nan=False) | st.sampled_from(["", "a", "\ud83d"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "type"]), inner, max_size=2),
    max_leaves=4,
)


@st.composite
def broken(draw, values):
    """Draw `values` with random JSON in random places."""
    values = deepcopy(values)
    for _ in range(draw(st.integers(1, 3))):
        holder, key = draw(st.sampled_from(list(places(values))))
        holder[key] = draw(JSON)
    return values


def places(holder):
    """Yield where anything is in nested values: what holds it, and its key there."""
    for key, value in list(holder.items()) if isinstance(holder, dict) else enumerate(holder):
        yield holder, key
        if isinstance(value, dict | list):
            yield from places(value)
