"""Fold the bytes of an OpenAI-compatible response, cut anywhere, with the pure core: no I/O, no event loop."""

from streamfold import Decoder, Fold, StreamEnd

WIRE = (
    b'data: {"id":"c1","choices":[{"delta":{"role":"assistant","content":""}}]}\n\n'
    b": keep-alive\n\n"
    b'data: {"id":"c1","choices":[{"delta":{"content":"The sky"}}]}\n\n'
    b'data: {"id":"c1","choices":[{"delta":{"content":" is blue. END of"}}]}\n\n'
)


def main() -> None:
    decoder = Decoder(Fold(stop="END"))
    for at in range(0, len(WIRE), 7):  # a network cuts where it likes
        for event in decoder.feed(WIRE[at : at + 7]):
            print(event, end="|", flush=True)  # text is plain str; anything else an event
        if decoder.fold.ended:
            break
    for event in decoder.close():
        if isinstance(event, StreamEnd):
            print(f"\n{event.reply.verdict}: {event.reply.text!r}")


if __name__ == "__main__":
    main()
