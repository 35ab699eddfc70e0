"""A conversation with memory: what is kept of it (`conversations`), and what is sent of it (`messages`).

The command that drives it is `commands.chat`.
"""
