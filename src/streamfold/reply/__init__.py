"""What a stream came to: a `Reply`, made of `parts`, with its `usage` and its `timing`.

`history` says a reply as the message that a provider's next request wants, `as_dict` as JSON-able values;
`partial_json` looks into a tool call that is still being written.
"""

from .reply import Choice, Reply, Verdict

__all__ = ["Choice", "Reply", "Verdict"]
