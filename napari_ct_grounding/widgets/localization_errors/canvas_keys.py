"""The keys n and p on the canvas, as long as the browser is shown and nobody else has them."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any

__all__ = ["CanvasKeys"]


class CanvasKeys:
    """Binds keys of a viewer to a method of a dock; keeps no dock alive.

    Parameters
    ----------
    viewer : napari.Viewer
    step : bound method
        Takes 1 or -1.
    """

    def __init__(self, viewer: Any, step: Callable[[int], None]) -> None:
        self._viewer = viewer
        self._step = weakref.WeakMethod(step)
        self._bound: list[str] = []

    def bind(self) -> None:
        """Take the keys that are free."""
        for key, num in (("n", 1), ("p", -1)):
            with suppress(ValueError):  # another dock, or the user, came first
                self._viewer.bind_key(key, _stepping(self._step, num))
                self._bound.append(key)

    def release(self) -> None:
        """Give back the keys that were taken."""
        while self._bound:
            self._viewer.bind_key(self._bound.pop(), None)


def _stepping(step: weakref.WeakMethod, num: int) -> Callable[[Any], None]:
    def call(_viewer: Any) -> None:
        method = step()
        if method is not None:
            method(num)

    return call
