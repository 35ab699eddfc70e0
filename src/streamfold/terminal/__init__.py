"""Show a reply on a terminal while it arrives.

Append-only: what stands is never painted again, so nothing flickers, scrolling back works, and a token costs the same
at the end of a long reply as at its beginning. The way of a piece of text:

    event ──display──▶ text ──markdown: inline, wrapping, tables, highlighting──▶ segments ──pacing──▶ writer

Everything up to the writer is pure: `feed` and `close`, no clock, no thread, no file; the segments are the same
however the text is cut. `live` drives it: one thread that writes, so that a spinner can turn and text can be paced
while nothing arrives. Needs the extra ``[terminal]``; without it `commands.showing` writes the text as it is.
"""
