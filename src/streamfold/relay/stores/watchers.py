"""Who waits for a change of which stream, within one process."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..rules.stream import Page

Wake = Callable[[Page | None], None]
"""Called with what has happened: the stream's new state with the records just appended, or ``None``: look yourself."""


class Watchers:
    """The watchers of each path. Belongs to one event loop; `paths` may be read from another thread."""

    def __init__(self) -> None:
        self._wakes: dict[str, list[Wake]] = {}

    @property
    def paths(self) -> list[str]:
        """The paths that somebody watches."""
        return list(self._wakes)

    def add(self, path: str, wake: Wake) -> Callable[[], None]:
        """Add a watcher of `path`; return what takes it away."""
        self._wakes.setdefault(path, []).append(wake)

        def remove() -> None:
            wakes = self._wakes.get(path, [])
            if wake in wakes:
                wakes.remove(wake)
            if not wakes:
                self._wakes.pop(path, None)

        return remove

    def tell(self, news: Mapping[str, Page | None]) -> None:
        """Call the watchers of these paths."""
        for path, page in news.items():
            for wake in list(self._wakes.get(path, ())):
                wake(page)
