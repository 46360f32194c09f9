"""Opens scans for one viewer, and asks what a scan leaves open. Nothing here shows a dialog; reading never holds up the window.

Scans come from the button Open, from files dropped on the dock, from the choosers of series and frame, and from napari's reader
where it had to refuse one.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from qtpy.compat import isalive
from qtpy.QtCore import QObject, QThread, QTimer, Signal

from napari_ct_grounding.core.errors import GroundingError, UnevenSpacingError
from napari_ct_grounding.readers.cancelling import reading_until
from napari_ct_grounding.readers.refusals import RefusedScan, refusals
from napari_ct_grounding.widgets.jobs import Continuations, JobContext, Jobs
from napari_ct_grounding.widgets.panels.notice import NoticeBoard
from napari_ct_grounding.widgets.volumes import VolumeList

__all__ = ["ScanOpener", "ScanOrder", "read_order"]

_READING, _UNEVEN, _REFUSED = "reading", "uneven", "refused"
#: Readings that take longer than this (ms) are announced, with Cancel.
_SOON_MS = 300


@dataclass(frozen=True)
class ScanOrder:
    """What to open: a path (or several), and what was chosen of it. As in `readers.read_volume`."""

    path: str | tuple[str, ...]
    series: str | None = None
    uneven: Literal["refuse", "resample"] = "refuse"
    frame: int | None = None

    @property
    def name(self) -> str:
        """What a notice calls it: the last part of the path."""
        first = self.path if isinstance(self.path, str) else self.path[0]
        rest = "" if isinstance(self.path, str) or len(self.path) == 1 else f" and {len(self.path) - 1} more"
        return f"{Path(first).name or first}{rest}"


def read_order(order: ScanOrder, context: JobContext) -> Any:
    """Return the napari layer tuple of a scan. Runs on the worker.

    Raises
    ------
    VolumeError
        When there is no volume to show.
    Cancelled
        Within a slice or so, when the job was cancelled.
    """
    from napari_ct_grounding.readers.napari_reader import scan_layer

    path = order.path if isinstance(order.path, str) else list(order.path)
    with reading_until(context.is_cancelled):
        layer, _ = scan_layer(path, order.series, order.uneven, order.frame)
    return layer


class ScanOpener(QObject):
    """Reads scans on a thread of its own and adds them to the viewer.

    Parameters
    ----------
    viewer : napari.Viewer
    jobs : Jobs
        Where files are read.
    volumes : VolumeList
    notices : NoticeBoard
        Where progress, questions and errors appear.
    choose_volume : callable
        Takes the id of a layer that shows already what was asked for.
    parent : QObject, optional
    """

    #: (exception) A scan was not opened; the notice is shown already.
    refused = Signal(object)

    def __init__(
        self,
        viewer: Any,
        jobs: Jobs,
        volumes: VolumeList,
        notices: NoticeBoard,
        choose_volume: Callable[[Hashable], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._jobs = jobs
        self._volumes = volumes
        self._notices = notices
        self._choose_volume = choose_volume
        self._running: dict[int, ScanOrder] = {}
        self._is_listening = False
        self._listener = _listener_of(weakref.ref(self))
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SOON_MS)
        self._soon.timeout.connect(self._show_reading)

    # -- wishes

    def open_paths(self, paths: str | list[str]) -> None:
        """Read what lies at a path, or several files as one series."""
        if not isinstance(paths, str) and len(paths) == 1:
            paths = paths[0]
        self.open_order(ScanOrder(_as_path(paths)))

    def open_series(self, key: str) -> None:
        """Open another series of the chosen layer's folder; one with uneven slices is asked about first."""
        path = self._volumes.source_path()
        if path is None:
            return
        order = ScanOrder(_as_path(path), key)
        opened = self._volumes.find_opened(path, key, None)
        problem = self._volumes.uneven_series(key)
        if opened is not None:
            self._choose_volume(opened)
        elif problem is not None:
            self._ask_uneven(order, problem)
        else:
            self.open_order(order)

    def open_frame(self, frame: int) -> None:
        """Open another volume of the chosen layer's file."""
        path = self._volumes.source_path()
        if path is None:
            return
        opened = self._volumes.find_opened(path, None, frame)
        if opened is not None:
            self._choose_volume(opened)
        else:
            self.open_order(ScanOrder(_as_path(path), frame=frame))

    def open_order(self, order: ScanOrder) -> None:
        """Read a scan; what is being read already is not read twice."""
        if order in self._running.values():
            return
        self._notices.remove_notice(_REFUSED)
        self._notices.remove_notice(_UNEVEN)
        job: list[int] = []  # the continuations need the number that submit returns
        continuations = Continuations(
            on_done=lambda layer: self._on_read(job[0], layer),
            on_failed=lambda error: self._on_failed(job[0], order, error),
            on_cancelled=lambda: self._forget(job[0]),
        )
        job.append(self._jobs.submit(partial(read_order, order), continuations))
        self._running[job[0]] = order
        self._soon.start()

    def cancel(self) -> None:
        """Read nothing more; what is half read is thrown away."""
        for job in list(self._running):
            self._jobs.cancel(job)

    # -- scans that napari's reader refused

    def listen(self) -> None:
        """Take up refused scans from now on, and the last one that nobody took."""
        if not self._is_listening:
            self._is_listening = True
            refusals.listen(self._listener)
            last = refusals.take_last()
            if last is not None:
                self._show_refused(_order_of(last), last.error)

    def ignore(self) -> None:
        """Take up no more refused scans."""
        if self._is_listening:
            self._is_listening = False
            refusals.ignore(self._listener)

    def _take(self, refused: RefusedScan) -> bool:
        """Whether the scan was meant for our viewer: files are dropped on the active one."""
        from napari import current_viewer

        active = current_viewer()
        ours = getattr(self._viewer, "__wrapped__", self._viewer)
        if QThread.currentThread() is not self.thread() or (active is not None and active is not ours):
            return False
        self._show_refused(_order_of(refused), refused.error)
        return True

    # -- answers

    def _on_read(self, job: int, layer_data: Any) -> None:
        self._forget(job)
        data, meta, kind = layer_data
        getattr(self._viewer, f"add_{kind}")(data, **meta)

    def _on_failed(self, job: int, order: ScanOrder, error: Exception) -> None:
        self._forget(job)
        self._show_refused(order, error)

    def _forget(self, job: int) -> None:
        self._running.pop(job, None)
        if not self._running:
            self._soon.stop()
            self._notices.remove_notice(_READING)
        elif self._notices.text_of(_READING) is not None:
            self._show_reading()

    def _show_reading(self) -> None:
        names = ", ".join(order.name for order in self._running.values())
        self._notices.show_notice(_READING, f"Reading {names}\u2026", [("Cancel", self.cancel)], is_warning=False)

    def _show_refused(self, order: ScanOrder, error: Exception) -> None:
        self.refused.emit(error)
        if isinstance(error, UnevenSpacingError):
            self._ask_uneven(order, error.problem)
            return
        if isinstance(error, GroundingError):
            text = str(error)
        elif isinstance(error, MemoryError):
            text = "There is not enough memory for this scan. Close other programs, or open a part of it."
        else:
            text = f"Something went wrong while reading ({type(error).__name__}). The log holds the details."
        self._notices.show_notice(_REFUSED, f"{order.name} was not opened. {text}", is_closable=True)

    def _ask_uneven(self, order: ScanOrder, problem: str) -> None:
        resample = partial(self.open_order, replace(order, uneven="resample"))
        self._notices.show_notice(
            _UNEVEN,
            f"{order.name} was not opened as it is. {problem} Missing slices can be interpolated; the result bears a badge.",
            [("Resample to an even grid", resample)],
            is_closable=True,
        )


def _listener_of(owner: weakref.ref[ScanOpener]) -> Callable[[RefusedScan], bool]:
    """Return what the desk calls: the desk outlives every viewer, so this keeps none alive, and leaves when its owner is gone."""

    def take(refused: RefusedScan) -> bool:
        opener = owner()
        if opener is None or not isalive(opener):
            refusals.ignore(take)
            return False
        return opener._take(refused)

    return take


def _order_of(refused: RefusedScan) -> ScanOrder:
    return ScanOrder(_as_path(refused.path))


def _as_path(path: str | os.PathLike[str] | list[str]) -> str | tuple[str, ...]:
    return os.fspath(path) if isinstance(path, (str, os.PathLike)) else tuple(path)
