"""Sources that are neither text, bytes nor mappings: objects of client libraries, queues, responses, known by shape.

No client library is imported here: an object is recognised by what it has, so any version and any look-alike will do.
"""

from .javascript import interruptible
from .opening import watched

__all__ = ["interruptible", "watched"]
