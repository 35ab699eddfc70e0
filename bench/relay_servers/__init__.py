"""The servers that `bench.relay` compares, each with the producers in its own process.

Each prints its URL, reads a line ``STREAMS RATE SECONDS``, has that many streams ready when it prints ``ready``, and
produces at that rate (tokens a second, each) once it reads ``go``. A token says when it was made, by the machine's
monotonic clock: ``{"type":"text","text":"@NANOSECONDS;"}``.
"""
