"""A request and what becomes of it: asked, waited for, asked again, let go.

What is decided is pure: the `request` and the `providers`' shorthands for it, whether what comes is a stream
(`responses`), whether it is asked for again (`attempts`, by the rules of `retry` and `retry_after`), and how it goes on
where it broke (`continuing`). What is done is in `sync` and `aio`: they open a request through one of the `transports`,
under a `watch` (async: `awatch`) that ends a read when its time has come.
"""
