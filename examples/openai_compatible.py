"""Ask an OpenAI-compatible server, here a model of this machine behind its own HTTP listener."""

import streamfold
from streamfold import LocalEngine, RetryPolicy, Timeouts


def main() -> None:
    with LocalEngine(serve=True) as engine:
        request = streamfold.openai(
            "smollm2",
            "List the planets of the solar system.",
            base_url=f"{engine.url}/v1",  # left out, it is OpenAI's, and the key that of OPENAI_API_KEY
            api_key="",
            temperature=0,  # every other field goes into the body as it is
        )
        reply = streamfold.fold(
            request,
            on_text=lambda text: print(text, end="", flush=True),
            stop="Saturn",
            timeouts=Timeouts(first=60, gap=20),  # seconds; what is late is the verdict `timed_out`
            retry=RetryPolicy(attempts=3),  # before the first text; what was shown is never said twice
        )
    print(f"\n{reply.verdict}")
    assert reply.timing
    assert reply.timing.first
    assert reply.timing.first < reply.timing.total


if __name__ == "__main__":
    main()
