"""Recordings made by hand: chunks with their times, as the file that a recorder would have written."""

from streamfold.recordings.format import MAGIC, encode

SSE = {"status": 200, "content_type": "text/event-stream"}
REQUEST = {"method": "POST", "url": "https://api.example.org/v1/chat/completions", "parameters": {"model": "m"}}


def made(*chunks, end=None, request=REQUEST, response=SSE, ended_at=None):
    """Return a recording of chunks, each a time in seconds and bytes, text or a mapping."""
    records = [MAGIC, encode("head", 0, {"created": "2026-11-27T18:00:00Z", "by": "streamfold"})]
    if request:
        records.append(encode("request", 0, request))
    if response:
        records.append(encode("response", 100_000, response))
    at = 0
    for seconds, data in chunks:
        at = round(seconds * 1e6)
        kind = "read" if isinstance(data, bytes) else "text" if isinstance(data, str) else "chunk"
        records.append(encode(kind, at, data))
    if end:
        records.append(encode("end", at if ended_at is None else round(ended_at * 1e6), end))
    return b"".join(records)
