"""Long work in steps: progress told, cancel asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias, TypeVar

from napari_ct_grounding.core.errors import Cancelled

__all__ = ["Cancel", "Progress", "Steps"]

#: ``on_progress(done, total)``
Progress: TypeAlias = Callable[[int, int], None]
#: Returns True when the work shall stop.
Cancel: TypeAlias = Callable[[], bool]

Item = TypeVar("Item")


class Steps:
    """Counts the steps of one piece of work.

    Parameters
    ----------
    total : int
    on_progress, cancel : callable, optional
    """

    def __init__(self, total: int, on_progress: Progress | None = None, cancel: Cancel | None = None) -> None:
        self._total = total
        self._on_progress = on_progress
        self._cancel = cancel

    def through(self, items: Iterable[Item]) -> Iterator[Item]:
        """Give each item; asks before it whether to stop, and tells progress when it is done.

        Raises
        ------
        Cancelled
        """
        for done, item in enumerate(items, start=1):
            if self._cancel is not None and self._cancel():
                raise Cancelled("The export was cancelled.")
            yield item
            if self._on_progress is not None:
                self._on_progress(done, self._total)
