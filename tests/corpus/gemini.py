"""Gemini's generateContent."""

from streamfold.reply import Verdict

APIS = {("gemini", "sse"), ("gemini", "json-array"), ("gemini", "json-lines")}

COUNTS = [
    ("prompt_token_count",),
    ("candidates_token_count",),
    ("total_token_count",),
    ("cached_content_token_count",),
    ("thoughts_token_count",),
]


def with_thoughts(n):
    """Return the usage with what the accumulator is too old to know."""
    return {"usage": lambda usage, expected: [*usage[:4], n]}


def with_id(id):
    """Return the one tool call with what the accumulator is too old to know."""
    return {"tool_calls": lambda calls, expected: [(id, *calls[0][1:])]}


def cook_recipe(calls, expected):
    """Return the one call that the accumulator takes for as many as it has pieces."""
    amounts = ["16 oz", "1 lb", "15 oz", "3 cups", "1/2 cup", "24 oz", "1", "2 cloves", "1 tsp", "1/2 tsp"]
    names = ["Lasagna noodles", "Ground beef", "Ricotta cheese", "Mozzarella cheese", "Parmesan cheese"]
    names += ["Tomato sauce", "Egg", "Garlic", "Salt", "Pepper"]
    steps = [
        "Preheat oven to 375°F (190°C).",
        "Cook lasagna noodles according to package directions, drain and set aside.",
        "Brown ground beef with minced garlic in a skillet. Drain fat and stir in tomato sauce. Simmer for 10 minutes.",
        "In a bowl, mix ricotta cheese, egg, salt, pepper, and Parmesan cheese.",
        "In a 9x13 baking dish, spread a thin layer of meat sauce.",
        "Layer noodles, ricotta mixture, mozzarella, and meat sauce. Repeat.",
        "Top with remaining mozzarella cheese.",
        "Cover with foil and bake for 25 minutes.",
        "Remove foil and bake for another 25 minutes until golden.",
        "Let stand for 15 minutes before serving.",
    ]
    pairs = zip(amounts, names, strict=True)
    ingredients = [{"amount": amount, "name": name} for amount, name in pairs]
    return [(None, "cookRecipe", {"recipe": {"ingredients": ingredients, "name": "Lasagna", "steps": steps}})]


DIFFERENCES = {
    # The client for the JSON array is older than the count of reasoning and the ids of calls, and passes them over.
    "google-gemini-tools-with-nested-pydantic-models-2.json": with_thoughts(13),
    "google-gemini-tools-with-nested-pydantic-models.json": with_thoughts(183) | with_id("whZntcQw"),
    "vertex-gemini-gemini-token-counts-streaming.json": with_thoughts(232),
    # The arguments come value by value, each with its path; the accumulator takes each piece for a call.
    "google-gemini-vertex-stream-tool-call-arguments-nested-1.jsonl": {"tool_calls": cook_recipe},
}

VERDICTS = {
    # An error as bare JSON between two events.
    "vertex-gemini-streaming-failure-error-mid-stream.sse": Verdict.ERRORED,
    # Blocked for the prompt: there is a reason for that, but no finish reason.
    "vertex-gemini-streaming-failure-prompt-blocked-safety.sse": Verdict.FILTERED,
    "vertex-gemini-streaming-failure-prompt-blocked-safety-with-message.sse": Verdict.FILTERED,
    # A fixture without a finish reason.
    "vertex-gemini-streaming-success-quotes-escaped.sse": Verdict.TRUNCATED,
}
OF_REASON = {
    "STOP": {Verdict.COMPLETE, Verdict.TOOL_CALLS},
    "MAX_TOKENS": {Verdict.LENGTH},
}

ANOMALOUS = {
    # The last event has no blank line after it.
    "google-gemini-streaming-success-finish-message.sse",
    "google-gemini-streaming-success-no-content-parts.sse",
    "vertex-gemini-streaming-success-quotes-escaped.sse",
    # A finish reason in every chunk, as Vertex AI once had it.
    "vertex-gemini-streaming-failure-error-mid-stream.sse",
    "vertex-gemini-vertexai-streaming-success-citations.sse",
    # Why the prompt was blocked.
    "vertex-gemini-streaming-failure-prompt-blocked-safety.sse",
    "vertex-gemini-streaming-failure-prompt-blocked-safety-with-message.sse",
}
