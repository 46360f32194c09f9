"""The report on the profile strip: findings and references beside the profile, further sentences over it, clicks on either."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy.QtGui import QPen

from napari_ct_grounding.core.results import GroundingResult
from napari_ct_grounding.widgets.panels.colors import PanelColors
from napari_ct_grounding.widgets.panels.profile_painting import MAX_OVERLAYS, overlay_pen
from napari_ct_grounding.widgets.panels.profile_strip import ProfileStrip
from napari_ct_grounding.widgets.panels.strip_marks import StripMark
from napari_ct_grounding.widgets.report.lines import ReportLine, walkable
from napari_ct_grounding.widgets.report.list_view import ReportListView
from napari_ct_grounding.widgets.report.placed_references import PlacedReference

__all__ = ["StripDrawing"]


class StripDrawing:
    """Draws the selected lines of a list into the strip, and tells which row a click there means.

    Parameters
    ----------
    strip : ProfileStrip
    view : ReportListView
    places_of : callable
        From row of the report to its references.
    on_row_clicked : callable
        ``on_row_clicked(row)``.
    is_in_sight : callable
        Whether the tab is in front; the strip is somebody else's while it is not.
    """

    def __init__(
        self,
        strip: ProfileStrip,
        view: ReportListView,
        places_of: Callable[[int], Sequence[PlacedReference]],
        on_row_clicked: Callable[[int], None],
        is_in_sight: Callable[[], bool],
    ) -> None:
        self._strip = strip
        self._view = view
        self._places_of = places_of
        self._on_row_clicked = on_row_clicked
        self._is_in_sight = is_in_sight
        self._marks: tuple[StripMark, ...] = ()
        self._marked_rows: list[int] = []

    def listen(self) -> None:
        """Hear of clicks on the strip."""
        self._strip.profile_clicked.connect(self._on_profile_clicked)
        self._strip.mark_clicked.connect(self._on_mark_clicked)

    def ignore(self) -> None:
        """Hear of nothing more."""
        self._strip.profile_clicked.disconnect(self._on_profile_clicked)
        self._strip.mark_clicked.disconnect(self._on_mark_clicked)

    def draw(self, colors: PanelColors) -> None:
        """Draw what is selected."""
        rows = self._view.selected_rows()
        lines = {line.row: line for line in self._view.lines.lines if line.row is not None}
        first, *others = [lines[row] for row in rows] or [ReportLine("")]
        is_shown = first.result is not None and self._strip.result is first.result
        overlaid = [line for line in others if line.result is not None][:MAX_OVERLAYS] if is_shown else []
        strokes = [(line.row, overlay_pen(i, colors)) for i, line in enumerate(overlaid)]
        strokes += [(first.row, QPen(colors.accent, 1.6))] if overlaid else []
        self._view.set_strokes({row: pen for row, pen in strokes if row is not None})
        if self._is_in_sight():
            places = [(row, _finding_mark(line)) for row, line in lines.items() if walkable(line)]
            places += [(row, mark) for row in rows for mark in _reference_marks(self._places_of(row))]
            self._marked_rows = [row for row, _ in places]
            self._marks = tuple(mark for _, mark in places)
            self._strip.set_overlays([line.result for line in overlaid if line.result is not None])
            self._strip.set_marks(self._marks)

    def _on_profile_clicked(self, result: GroundingResult) -> None:
        rows = [line.row for line in self._view.lines.lines if line.result is result and line.row is not None]
        if rows and result is not self._strip.result:
            self._on_row_clicked(rows[0])

    def _on_mark_clicked(self, number: int) -> None:
        if self._strip.marks == self._marks:  # not those of another tab
            self._on_row_clicked(self._marked_rows[number])


def _finding_mark(line: ReportLine) -> StripMark:
    z_mm = line.place.z_mm if line.place is not None else 0.0
    return StripMark(z_mm, z_mm, line.text, "finding")


def _reference_marks(places: Sequence[PlacedReference]) -> list[StripMark]:
    return [
        StripMark(*place.range_mm, f"The report says {place.long_name}", "reference")
        for place in places
        if place.range_mm is not None
    ]
