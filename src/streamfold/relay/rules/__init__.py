"""What may happen to a stream, as pure functions of its state, the request and the time.

A rule takes the time and the states of the streams it is about (``None`` where a path is free) and returns a `Change`,
or raises what the relay refuses. A store runs it inside of its transaction, perhaps several times, and writes the
change or nothing: so a fencing token, a sequence number or a lease is checked where the records are appended.
"""
