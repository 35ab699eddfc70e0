"""Inspection: what happened in a recorded stream, as facts, and three ways to show them.

`facts` reads a recording and says what it tells, pure; `terminal` shows that in a terminal, `page` as one page for a
browser with the `charts`, `as_json` for programs.
"""
