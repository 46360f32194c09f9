"""Scans that napari asked a reader for and could not get: the one place from which a dock takes them up.

napari calls a reader with a path and nothing else. The reader can neither ask back nor know in which viewer the file was
dropped, and what it raises ends in a dialog that offers other readers. So a refused scan is first offered to whoever listens
(each open dock, which knows whether its window is the active one). When nobody takes it, the reader raises, and the last refusal
is kept for the next dock that opens. That is all that viewers share; napari's reader API leaves no other way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from napari_ct_grounding.core.errors import VolumeError

__all__ = ["RefusalDesk", "RefusedScan", "refusals"]


@dataclass(frozen=True, eq=False)
class RefusedScan:
    """What was asked for and why it was not given.

    Parameters
    ----------
    path : str or list of str
        As napari gave it.
    error : VolumeError
    """

    path: str | list[str]
    error: VolumeError


class RefusalDesk:
    """Hands refused scans to listeners, and keeps the last one that none of them took."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[RefusedScan], bool]] = []
        self._last: RefusedScan | None = None

    def listen(self, listener: Callable[[RefusedScan], bool]) -> None:
        """Offer refused scans to `listener`, which returns whether it takes them up."""
        self._listeners.append(listener)

    def ignore(self, listener: Callable[[RefusedScan], bool]) -> None:
        """Offer nothing more to `listener`."""
        self._listeners = [other for other in self._listeners if other != listener]

    def offer(self, refused: RefusedScan) -> bool:
        """Return whether somebody took the scan up; it is kept when not."""
        is_taken = any(listener(refused) for listener in list(self._listeners))
        self._last = None if is_taken else refused
        return is_taken

    def take_last(self) -> RefusedScan | None:
        """Return the scan that nobody took, once."""
        last, self._last = self._last, None
        return last


#: The desk of this program.
refusals = RefusalDesk()
