"""Puts what the controller knows onto the screen: panels, layers, canvas, slider."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from napari_ct_grounding.core.results import GroundingResult
from napari_ct_grounding.widgets.badge_texts import badges_of
from napari_ct_grounding.widgets.canvas_text import CanvasText
from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.layers import HighlightLayers
from napari_ct_grounding.widgets.navigation import SliceFollower
from napari_ct_grounding.widgets.panels.dock_panels import DockPanels
from napari_ct_grounding.widgets.view import find_layer, is_axial, orientation_letters, restore_axial
from napari_ct_grounding.widgets.volumes import VolumeList
from napari_ct_grounding.widgets.wording import canvas_text, facts_of

__all__ = ["Presenter"]


class Presenter:
    """Shows the state of one controller in one viewer.

    Parameters
    ----------
    viewer : napari.Viewer
    controller : GroundingController
    follower : SliceFollower
    volumes : VolumeList
    panels : DockPanels
    """

    def __init__(
        self,
        viewer: Any,
        controller: GroundingController,
        follower: SliceFollower,
        volumes: VolumeList,
        panels: DockPanels,
    ) -> None:
        self._viewer = viewer
        self._controller = controller
        self._follower = follower
        self._volumes = volumes
        self._panels = panels
        self._highlight = HighlightLayers(viewer)
        self.canvas_text = CanvasText(viewer)
        self._selected: GroundingResult | None = None
        #: While the dock is hidden nothing is written onto the canvas.
        self.is_live = False
        controller.scan_changed.connect(self.show_scan)
        controller.encoding_changed.connect(self.show_encoding)
        controller.answered.connect(self.show_answer)
        controller.diseases_changed.connect(self.show_diseases)
        follower.position_changed.connect(self.show_position)
        follower.view_changed.connect(self.follow_view)

    def clear(self) -> None:
        """Take our layers out of the viewer and our text off the canvas."""
        self._highlight.clear()
        self.canvas_text.clear()

    # -- what is known

    def show_scan(self) -> None:
        """Show all that is known of the chosen scan."""
        self._panels.notices.remove_notice("no location")
        source, answers = self._controller.intent.source, self._controller.answers
        covered = None if answers is None else answers.scan.encoded.embeddings.covered_mm
        self._panels.strip.set_extent(None if source is None else source.geometry.z_extent_mm, covered)
        results = [] if answers is None else list(answers.results.values())
        if source is not None:
            self._panels.table.set_results(results, self._slice_names)
        else:
            self._panels.table.clear()
        self.show_diseases()
        self.show_status()
        self._panels.volume_panel.set_encoding(self._controller.is_encoding, answers is not None, source is not None)
        shown = self._selected if answers is not None and answers.is_known(self._selected) else None
        self.select(shown or (results[-1] if results else None))
        if self._selected is not None:
            self._panels.table.select(self._selected.sentence)
        self.follow_view()

    def show_status(self) -> None:
        """Show facts and badges."""
        source, answers = self._controller.intent.source, self._controller.answers
        scan = None if answers is None else answers.scan
        self._panels.status_line.set_facts(*(([], "") if scan is None else facts_of(scan)))
        badges: list[tuple[str, str]] = []
        if source is not None:
            is_assumed = self._controller.intent.is_hu_assumed
            badges = badges_of(source, scan, self._volumes.question(), is_hu_assumed=is_assumed)
        self._panels.volume_panel.badges.set_badges(badges)

    def show_encoding(self, is_running: bool) -> None:
        """Show the button Encode, or the progress."""
        intent = self._controller.intent
        self._panels.volume_panel.set_encoding(
            is_running, self._controller.answers is not None, intent.source is not None
        )

    def show_diseases(self) -> None:
        """Show the scores of the chosen scan."""
        answers = self._controller.answers
        if answers is None:
            self._panels.disease_panel.clear()
        else:
            self._panels.disease_panel.set_scores(answers.diseases or [], answers.scan.encoded.holds_chest)

    def show_answer(self, result: GroundingResult, is_new: bool) -> None:
        """List an answer, draw it, and go to its slice when it names one."""
        if is_new:
            self._panels.table.add_result(result, self._slice_names)
        self._panels.table.select(result.sentence)
        self.select(result)
        if result.has_location:
            self._panels.notices.remove_notice("no location")
            self.jump(result.z_mm)
        else:
            self._panels.notices.show_notice(
                "no location",
                "No clear location: no place in this scan fits the sentence clearly. The viewer stays where it is.",
                is_warning=False,
                is_closable=True,
            )

    def show_saved(self, results: Sequence[GroundingResult], first: GroundingResult) -> None:
        """List answers of a file in place of what is listed, until the scan is shown afresh; go to one of them."""
        self._panels.tabs.setCurrentWidget(self._panels.table)
        self._panels.table.set_results(results, self._slice_names)
        self._panels.table.select(first.sentence)
        self.select(first)
        if first.has_location:
            self.jump(first.z_mm)

    # -- selection and place

    def select(self, result: GroundingResult | None) -> None:
        """Draw one answer into strip and volume."""
        self._selected = result
        self._panels.strip.set_result(result)
        layer, source = self.layer(), self._controller.intent.source
        if result is None or not result.has_location or layer is None or source is None:
            self._highlight.clear()
        else:
            low, high = (source.layer_slice(source.geometry.slice_of_z(z_mm)) for z_mm in result.interval_mm)
            self._highlight.show(layer, source.layer_slice(result.slice_index), (low, high))
        self.show_position(self._follower.slice_index)

    def jump(self, z_mm: float) -> None:
        """Go to a place; offers axial slices when others are shown."""
        self._follower.go_to_z(z_mm)
        if not is_axial(self._viewer):
            self._panels.notices.show_notice(
                "axial",
                "The slider does not run along z, so the slice cannot be shown as axial.",
                [("Show axial slices", partial(restore_axial, self._viewer))],
                is_warning=False,
            )

    def show_position(self, slice_index: int | None) -> None:
        """Show on strip and canvas which slice the viewer stands on."""
        source = self._controller.intent.source
        if source is None or slice_index is None:
            self._panels.strip.set_position(None)
            self.canvas_text.set_text("")
            return
        self._panels.strip.set_position(source.geometry.z_of_slice(slice_index))
        self._highlight.follow_slice(source.layer_slice(slice_index))
        if self.is_live:
            # A coronal picture is no image of the series: it gets no number.
            is_named = is_axial(self._viewer)
            self.canvas_text.set_text(canvas_text(source, slice_index, self._selected) if is_named else "")

    def follow_view(self) -> None:
        """Fit band, letters and notices to the axes shown."""
        self._highlight.follow_view()
        source = self._controller.intent.source
        self.show_position(self._follower.slice_index)
        has_letters = source is not None and self.is_live
        self.canvas_text.set_letters(orientation_letters(self._viewer, source.screen_signs) if has_letters else {})
        if is_axial(self._viewer):
            self._panels.notices.remove_notice("axial")

    def _slice_names(self, z_mm: float) -> tuple[int, int | None]:
        source = self._controller.intent.source
        index = source.geometry.slice_of_z(z_mm)
        record = source.record(index)
        return index, None if record is None else record.image_number

    def layer(self) -> Any | None:
        """The layer of the chosen volume; None when there is none."""
        source = self._controller.intent.source
        return None if source is None else find_layer(self._viewer, source.layer_id)
