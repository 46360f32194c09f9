"""Freed memory goes back to the system.

glibc keeps an arena for every thread that ever asked for memory, and what a thread freed stays with its arena: after some scans
opened, encoded by one thread and closed on another, hundreds of MB that nobody uses stay with the process.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache

from qtpy.QtCore import QTimer

__all__ = ["give_back_freed_memory", "give_back_freed_memory_soon"]

#: By then the voxels of a removed layer are let go by everybody, and a cancelled job has ended (ms).
_SOON_MS = 500


def give_back_freed_memory_soon() -> None:
    """Do so from the event loop, a moment after something large was let go."""
    QTimer.singleShot(_SOON_MS, give_back_freed_memory)


def give_back_freed_memory() -> None:
    """Ask the C library to return whole free pages; milliseconds, from any thread. Does nothing where it is not glibc."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):  # another C library
        return None
    trim.argtypes, trim.restype = [ctypes.c_size_t], ctypes.c_int
    return trim  # type: ignore[no-any-return]
