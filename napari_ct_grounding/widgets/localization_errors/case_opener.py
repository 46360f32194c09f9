"""Opens the scan of a row: beside the window, once, and the right one of several that bear its name."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from qtpy.QtCore import QObject, Signal

from napari_ct_grounding.core.error_rows import ErrorRow
from napari_ct_grounding.core.errors import GroundingError, VolumeError
from napari_ct_grounding.widgets.freed_memory import give_back_freed_memory_soon
from napari_ct_grounding.widgets.jobs import Continuations, JobContext, Jobs
from napari_ct_grounding.widgets.opening import ScanOrder, read_order
from napari_ct_grounding.widgets.sources import ct_volume_of
from napari_ct_grounding.widgets.view import find_layer

__all__ = ["CaseOpener", "CaseOrder", "OpenedCase", "failure_sentence", "read_case"]

#: Scans that stay open while rows are stepped through; older ones are closed, since each takes hundreds of MB.
MAX_OPEN = 3


@dataclass(frozen=True, eq=False)
class CaseOrder:
    """A row whose scan is wanted, and where it may lie.

    Parameters
    ----------
    row : ErrorRow
    candidates : sequence of Path
    uneven : {"refuse", "resample"}
    """

    row: ErrorRow
    candidates: Sequence[Path]
    uneven: Literal["refuse", "resample"] = "refuse"


@dataclass(frozen=True, eq=False)
class OpenedCase:
    """What came of it.

    Parameters
    ----------
    layer_data : tuple
        Of napari: data, options, kind.
    note : str or None
        What the reader of the picture must know: that it may be another scan.
    """

    layer_data: Any
    note: str | None = None


def read_case(order: CaseOrder, context: JobContext) -> OpenedCase:
    """Return the scan of a row: of several candidates the one with the fingerprint that the row tells. Runs on the worker.

    Raises
    ------
    VolumeError
        When none can be read.
    Cancelled
    """
    row, errors, opened = order.row, list[VolumeError](), list[tuple[Path, Any]]()
    for path in order.candidates:
        try:
            layer_data = read_order(ScanOrder(str(path), row.case.series, order.uneven, row.case.frame), context)
        except VolumeError as error:
            errors.append(error)
            continue
        is_same = layer_data[1]["metadata"]["ct_volume"].fingerprint == row.volume_fingerprint
        if row.volume_fingerprint is None and len(order.candidates) > 1:
            what = f"{len(order.candidates)} scans are called {row.case.scan}, and the results do not tell them apart"
            return OpenedCase(layer_data, f"{what}; {path} is shown.")
        if is_same or row.volume_fingerprint is None:
            return OpenedCase(layer_data)
        opened[:] = opened or [(path, layer_data)]
    if opened:
        path, layer_data = opened[0]
        others = (
            f" None of {len(order.candidates)} scans of that name is the same." if len(order.candidates) > 1 else ""
        )
        return OpenedCase(
            layer_data,
            f"{path.name} is not the scan that was asked about: its voxels or its place in the patient differ.{others} Positions "
            "may not fit.",
        )
    raise errors[0] if errors else VolumeError(f"{row.case.scan} was not found.")


class CaseOpener(QObject):
    """Keeps the layers of the scans opened last, by what the results call them.

    Parameters
    ----------
    viewer : napari.Viewer
    jobs : Jobs
        Where scans are read.
    parent : QObject, optional
    """

    #: (row, id of the layer, note or None, whether the layer is new)
    opened = Signal(object, object, object, bool)
    #: (order, error)
    failed = Signal(object, object)
    #: (name of the scan that is being read; empty when none is)
    reading_changed = Signal(str)

    def __init__(self, viewer: Any, jobs: Jobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._jobs = jobs
        self._layers: dict[Hashable, tuple[Hashable, str | None]] = {}
        self._ours: list[Hashable] = []
        self._running: tuple[int, CaseOrder] | None = None

    @property
    def is_reading(self) -> bool:
        """Whether a scan is being read."""
        return self._running is not None

    def known_layers(self) -> list[Hashable]:
        """Return the ids of the layers that show scans of the open file."""
        return [layer_id for layer_id, _ in self._layers.values()]

    def layer_of(self, row: ErrorRow, candidates: Sequence[Path]) -> tuple[Hashable, str | None] | None:
        """Return (id of the layer that shows a row's scan already, what was said about it); None when there is none."""
        known = self._layers.get(row.scan_key)
        if known is not None and find_layer(self._viewer, known[0]) is not None:
            return known
        if len(candidates) == 1:
            for layer in self._viewer.layers:
                if _shows(layer, row, candidates[0]):
                    return layer.unique_id, None
        return None

    def open(self, order: CaseOrder) -> None:
        """Open the scan of a row, or take the layer that shows it already; the row asked for before is given up."""
        row = order.row
        known = self.layer_of(row, order.candidates)
        if known is not None:
            self.cancel()
            self._layers[row.scan_key] = known
            self.opened.emit(row, *known, False)
            return
        if self._running is not None and self._running[1].row.scan_key == row.scan_key:
            self._running = (self._running[0], order)  # the scan is on its way; the last row that asked gets it
            return
        self.cancel()
        job: list[int] = []  # the continuations need the number that submit returns
        continuations = Continuations(
            on_done=lambda case: self._on_read(job[0], case),
            on_failed=lambda error: self._on_failed(job[0], error),
            on_cancelled=lambda: self._forget(job[0]),
        )
        job.append(self._jobs.submit(partial(read_case, order), continuations))
        self._running = (job[0], order)
        self.reading_changed.emit(Path(order.candidates[0]).name)

    def cancel(self) -> None:
        """Give up what is being read."""
        if self._running is not None:
            self._jobs.cancel(self._running[0])

    def forget(self, layer_id: Hashable) -> None:
        """A layer was removed."""
        self._layers = {key: known for key, known in self._layers.items() if known[0] != layer_id}
        if layer_id in self._ours:
            self._ours.remove(layer_id)

    def forget_all(self) -> None:
        """Another file was opened, whose names may mean other scans. The layers stay until newer ones take their room."""
        self.cancel()
        self._layers.clear()

    def _on_read(self, job: int, case: OpenedCase) -> None:
        order = self._forget(job)
        if order is None:
            return
        data, meta, kind = case.layer_data
        layer = getattr(self._viewer, f"add_{kind}")(data, **meta)
        layer_id = layer.unique_id
        self._layers[order.row.scan_key] = (layer_id, case.note)
        self._ours.append(layer_id)
        self.opened.emit(order.row, layer_id, case.note, True)
        self._close_oldest()

    def _close_oldest(self) -> None:
        while len(self._ours) > MAX_OPEN:
            oldest = find_layer(self._viewer, self._ours.pop(0))
            if oldest is not None:
                self._viewer.layers.remove(oldest)
                give_back_freed_memory_soon()

    def _on_failed(self, job: int, error: Exception) -> None:
        order = self._forget(job)
        if order is not None:
            self.failed.emit(order, error)

    def _forget(self, job: int) -> CaseOrder | None:
        """Return the order of a job that is over; None for one that nobody waits for."""
        if self._running is None or self._running[0] != job:
            return None
        order = self._running[1]
        self._running = None
        self.reading_changed.emit("")
        return order


def failure_sentence(order: CaseOrder, error: Exception) -> str:
    """Say why a scan was not opened."""
    if isinstance(error, GroundingError):
        return f"{order.row.case.scan} was not opened. {error}"
    if isinstance(error, MemoryError):
        return f"There is not enough memory to open {order.row.case.scan}. Close other programs."
    return f"{order.row.case.scan} was not opened ({type(error).__name__}). The log holds the details."


def _shows(layer: Any, row: ErrorRow, path: Path) -> bool:
    """Whether a layer of our reader shows the scan of a row."""
    metadata, case = layer.metadata, row.case
    volume = ct_volume_of(layer) if "ct_volume" in metadata else None
    if volume is None or metadata.get("ct_source") != str(path):
        return False
    is_series = case.series is None or case.series in (
        metadata.get("ct_series_key"),
        *(str(record.series_number) for record in volume.slice_table[:1]),
    )
    frame = metadata.get("ct_frame")
    return is_series and (case.frame or 0) == (frame[0] if frame else 0)
