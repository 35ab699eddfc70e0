"""Engines that run a model on this device, behind extras that nothing else in the package needs.

Importing this package loads no engine and no third-party module: a name is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .local import Generation, LocalEngine

__all__ = ["Generation", "LocalEngine"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import local

    return getattr(local, name)
