"""Fold a plain iterable of text: print it as it arrives, stop exactly, learn how it ended."""

from streamfold import fold

chunks = ["Red", ", green", ", bl", "ue", ".\nUs", "er:", " thanks"]


def main() -> None:
    reply = fold(chunks, on_text=lambda text: print(text, end="", flush=True), stop="\nUser:")
    print()
    print(reply.verdict, "by", repr(reply.stop.string if reply.stop else None))


if __name__ == "__main__":
    main()
