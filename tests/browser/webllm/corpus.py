"""What the tiny model is taught: a few questions and their answers, so that it must look at the question to answer."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

CAPITALS = {
    "France": "Paris",
    "Japan": "Tokyo 東京 🗼",
    "Poland": "Warsaw",
    "Italy": "Rome",
    "Spain": "Madrid",
    "Egypt": "Cairo",
    "Peru": "Lima",
    "Norway": "Oslo",
    "Cuba": "Havana",
    "Kenya": "Nairobi",
    "Greece": "Athens",
    "Korea": "Seoul 서울",
}
ASKING = ("What is the capital of {}?", "Name the capital of {}.", "Which city is the capital of {}?")
NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
PLANETS = "Mercury, Venus, Earth, Mars, Jupiter, Saturn, Uranus, Neptune"
GREETING = "Hello 世界 from🎉 a small engine in this browser: żółć, naïve, 👩‍🚀."
STORY = (
    "Once upon a time a stream ran down the hill. Stone by stone it grew, and every drop that came was kept. "
    "It ran through the wood, past the mill, under the bridge and over the weir, until it met the sea. "
    "There it ended, as every stream should, and nothing was lost."
)


def questions() -> list[tuple[str, str]]:
    """Return every question that the model knows, with its answer."""
    known = [
        ("Say hello.", GREETING),
        ("Hello!", GREETING),
        ("Name the planets.", f"The planets are {PLANETS}."),
        ("List the planets of the solar system.", f"The planets are {PLANETS}."),
        ("Tell me a story.", STORY),
        ("Count.", " ".join(NUMBERS)),
    ]
    for country, city in CAPITALS.items():
        known += [(asking.format(country), f"The capital of {country} is {city}.") for asking in ASKING]
        known.append((f"Think, then name the capital of {country}.", f"<think>\nIt is {city}.\n</think>\n{city}."))
    known += [(f"Count to {n}.", " ".join(NUMBERS[: at + 1])) for at, n in enumerate(NUMBERS)]
    return known


def conversations(random: Random) -> Iterator[str]:
    """Yield conversations in the form in which the engine puts them to the model, without end."""
    known = questions()
    while True:
        turns = random.choices(known, k=random.choice((1, 1, 2)))
        yield "".join(turn(question, answer) for question, answer in turns)


def turn(question: str, answer: str) -> str:
    """Return a question and its answer in the template ``chatml``."""
    return f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n{answer}<|im_end|>\n"
