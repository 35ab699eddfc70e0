"""What the decoder's short way takes out of a read, for the tests of the framings that have one."""

from streamfold.decoder import Decoder
from streamfold.dialects.json_dialect import JSONDialect


class Listener(JSONDialect):
    """Takes everything for plain, and keeps it."""

    NAME = "listener"

    def __init__(self):
        super().__init__()
        self.heard = None

    @classmethod
    def recognises(cls, value, event):
        return True

    def plain(self, data):
        self.heard = data

    def read(self, value, event, deltas):
        raise AssertionError(value)


def alone(framing, read):
    """Return the frame that `read` is taken for without the framing's help; ``None`` if it is not."""
    dialect = Listener()
    decoder = Decoder(dialect=dialect)
    decoder._framing, decoder._frames, decoder._deltas = framing, lambda data: [], lambda frames: []
    decoder._expect(dialect)
    decoder.take(read)
    return dialect.heard
