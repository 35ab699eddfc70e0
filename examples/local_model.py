"""Stream the reply of a model in this process; needs the extra [local] and its weights (README, Install)."""

from streamfold import LocalEngine, stream


def main() -> None:
    with LocalEngine() as engine:
        generation = engine.chat(
            [{"role": "user", "content": "List the planets of the solar system."}], temperature=0, max_tokens=100
        )
        with stream(generation, stop="Jupiter") as events:  # the model stops here, too
            for text in events.text_stream:
                print(text, end="", flush=True)
    print(f"\n{events.reply.verdict}")


if __name__ == "__main__":
    main()
