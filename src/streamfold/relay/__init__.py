"""The relay: durable streams that many readers follow.

A stream is an append-only log of records. What may happen to it is decided in `rules` (pure), kept by one of `stores`,
and used through `log.Log`; `app` serves it over HTTP. docs/relay.md is the protocol.
"""
