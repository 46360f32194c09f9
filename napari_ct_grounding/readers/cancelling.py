"""Giving up a reading half-way.

The loops that take long (over the files of a folder, over slices, over the pieces of an archive) lie deep below the one door of
the readers, and nearly all callers read to the end. So the wish to stop is not handed down through every function: it holds for
what is read inside a ``with`` block, on the thread of that block and no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from napari_ct_grounding.core.errors import Cancelled

__all__ = ["reading_until", "stop_if_cancelled"]

_is_cancelled: ContextVar[Callable[[], bool] | None] = ContextVar("is_cancelled", default=None)


@contextmanager
def reading_until(is_cancelled: Callable[[], bool]) -> Iterator[None]:
    """Let readings inside the block end in `Cancelled` soon after ``is_cancelled()`` has become True."""
    token = _is_cancelled.set(is_cancelled)
    try:
        yield
    finally:
        _is_cancelled.reset(token)


def stop_if_cancelled() -> None:
    """Raise `Cancelled` when the reading should be given up. Costs next to nothing; called for every file, slice or piece."""
    is_cancelled = _is_cancelled.get()
    if is_cancelled is not None and is_cancelled():
        raise Cancelled("The reading was cancelled.")
