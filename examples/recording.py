"""Record a stream; fold the recording again, see when its text came, and say it as another provider's."""

import tempfile
from pathlib import Path

from streamfold import Decoder, Recording, fold
from streamfold.encoders import encoder_named

WIRE = [
    b'data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"content":"One "}}]}\n\n',
    b'data: {"choices":[{"index":0,"delta":{"content":"two"}}]}\n\n',
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
]

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "reply.stream")
    live = fold(WIRE, record=path)

    recording = Recording.open(path)
    print(fold(recording).text == live.text)
    print([len(chunk.data) for chunk in recording.chunks])

encoder = encoder_named("anthropic_messages")(live.id, live.model)
decoder = Decoder()
events = [event for chunk in recording.chunks for event in decoder.feed(chunk.data)] + decoder.close()
wire = b"".join([encoder.feed(event) for event in events])
print(fold([wire]).dialect, fold([wire]).text)
