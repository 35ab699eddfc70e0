"""Ask an engine of the page's, and read the chunks that it answers with."""

from __future__ import annotations

from typing import Any

ASK = """() => {
  globalThis.ask = async (content, options = {}) => {
    const { stopAfter, leaveAfter, ...given } = { temperature: 0, max_tokens: 200, ...options };
    const chunks = [];
    for await (const chunk of engine.chat([{ role: "user", content }], given)) {
      chunks.push(chunk);
      if (chunks.length === stopAfter) engine.stop();
      if (chunks.length === leaveAfter) break;
    }
    return chunks;
  };
}"""
"""JavaScript: ask(content, options) returns the chunks; it stops the engine, or leaves it, after so many of them."""


def text_of(chunks: list[dict[str, Any]]) -> str:
    """Return the text in `chunks`."""
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])


def reasons(chunks: list[dict[str, Any]]) -> list[str]:
    """Return the finish reasons in `chunks`."""
    return [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"] if choice["finish_reason"]]
