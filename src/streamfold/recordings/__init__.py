"""Recordings: streams that were written down as they came, to be folded, replayed, compared and served again.

`format` is what lies in the file, bytes alone. Around it are the file as a source (`source`), what writes it while a
stream is read (`recorder`, of which `facts` keeps what may be told), and what gives it back: with its timing
(`pacing`), with `faults`, as another dialect (`conversion`), over HTTP (`server`).
"""

from .source import Recording

__all__ = ["Recording"]
