"""Which report belongs to which volume, and where its references lie."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

from napari_ct_grounding.core.slice_table import SeriesTable
from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.jobs import Continuations, Jobs
from napari_ct_grounding.widgets.report.document import ReportDocument
from napari_ct_grounding.widgets.report.placed_references import PlacedReference, ReferencePlacer
from napari_ct_grounding.widgets.report.rows import ReportRow
from napari_ct_grounding.widgets.report.study_tables import read_study_tables
from napari_ct_grounding.widgets.view import find_layer
from napari_ct_grounding.widgets.volumes import VolumeList

__all__ = ["VolumeReports"]


class VolumeReports:
    """A report for each volume: that of one patient never stands beside the scan of another.

    Parameters
    ----------
    viewer : napari.Viewer
    controller : GroundingController
        Tells which volume is chosen.
    volumes : VolumeList
    file_jobs : Jobs
        Where the headers of a study are read.
    on_placed : callable
        ``on_placed()`` when references have places that they had not before.
    """

    def __init__(
        self,
        viewer: Any,
        controller: GroundingController,
        volumes: VolumeList,
        file_jobs: Jobs,
        on_placed: Callable[[], None],
    ) -> None:
        self._viewer = viewer
        self._controller = controller
        self._volumes = volumes
        self._file_jobs = file_jobs
        self._on_placed = on_placed
        self._documents: dict[Hashable | None, ReportDocument] = {}
        self._studies: dict[Hashable, tuple[SeriesTable, ...]] = {}  # of volumes whose report points to other series
        self._placer = ReferencePlacer(None)

    @property
    def shown(self) -> ReportDocument:
        """The report of the chosen volume; one that was pasted before a volume was open goes to the first that is."""
        source = self._controller.intent.source
        key = None if source is None else source.layer_id
        if key is not None and key not in self._documents and None in self._documents:
            self._documents[key] = self._documents.pop(None)
        return self._documents.setdefault(key, ReportDocument())

    def others(self) -> list[tuple[str, ReportDocument]]:
        """Reports of other open volumes, by the volumes' names."""
        shown = self.shown
        layers = ((find_layer(self._viewer, key), doc) for key, doc in self._documents.items() if key is not None)
        return [(layer.name, doc) for layer, doc in layers if layer is not None and doc is not shown and doc.rows]

    def places_of(self, row: ReportRow) -> list[PlacedReference]:
        """Where the references of a row lie in the chosen volume."""
        return self._placer.place_all(row.references)

    def follow_volume(self) -> None:
        """Another volume was chosen, or one was removed: let go of what belonged to it."""
        is_there = partial(find_layer, self._viewer)
        self._documents = {key: doc for key, doc in self._documents.items() if key is None or is_there(key) is not None}
        self._studies = {key: tables for key, tables in self._studies.items() if is_there(key) is not None}
        source = self._controller.intent.source
        self._placer = ReferencePlacer(source, () if source is None else self._studies.get(source.layer_id, ()))

    def look_up_other_series(self) -> None:
        """Read the headers of the study, once, where the report points to a series that is not open."""
        source, path = self._controller.intent.source, self._volumes.source_path()
        if source is None or path is None or source.layer_id in self._studies:
            return
        if any(place.is_of_other_series for row in self.shown.rows for place in self.places_of(row)):
            self._studies[source.layer_id] = ()  # asked for
            key = self._volumes.series()[1]
            # Where the files are gone the reference stays one into another series.
            self._file_jobs.submit(
                lambda _: read_study_tables(path, key),
                Continuations(on_done=partial(self._on_study_read, source.layer_id)),
            )

    def clear(self) -> None:
        """Let go of all reports."""
        self._documents.clear()
        self._studies.clear()
        self._placer = ReferencePlacer(None)

    def _on_study_read(self, layer_id: Hashable, tables: tuple[SeriesTable, ...]) -> None:
        if layer_id in self._studies:
            self._studies[layer_id] = tables
            self.follow_volume()
            self._on_placed()
