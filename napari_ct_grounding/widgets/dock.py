"""The dock "CT Grounding": the one screen of wires between viewer, panels and controller."""

from __future__ import annotations

import math
from collections.abc import Hashable
from functools import partial
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_error, show_info, show_warning
from qtpy.QtCore import QEvent, Qt, QTimer
from qtpy.QtWidgets import QApplication, QHBoxLayout, QLabel, QSizePolicy, QSplitter, QVBoxLayout, QWidget

from napari_ct_grounding.core.display import DisplayWindow
from napari_ct_grounding.core.errors import GroundingError, InputError
from napari_ct_grounding.core.results import GroundingResult
from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.jobs import Continuations, InferenceThread
from napari_ct_grounding.widgets.navigation import SliceFollower
from napari_ct_grounding.widgets.panels.colors import colors_of_theme
from napari_ct_grounding.widgets.panels.disease_panel import DiseasePanel
from napari_ct_grounding.widgets.panels.notice import NoticeBoard
from napari_ct_grounding.widgets.panels.profile_strip import ProfileStrip
from napari_ct_grounding.widgets.panels.result_table import ResultTable
from napari_ct_grounding.widgets.panels.sentence_panel import SentencePanel
from napari_ct_grounding.widgets.panels.status_line import StatusLine
from napari_ct_grounding.widgets.panels.volume_panel import OrientationQuestion, VolumePanel
from napari_ct_grounding.widgets.panels.window_presets import WindowPresets
from napari_ct_grounding.widgets.presenter import Panels, Presenter
from napari_ct_grounding.widgets.requests import WeightsChoice
from napari_ct_grounding.widgets.sources import Orientation
from napari_ct_grounding.widgets.view import find_layer, radiological_view
from napari_ct_grounding.widgets.volumes import VolumeList
from napari_ct_grounding.widgets.wording import error_text, example_sentences
from napari_ct_grounding.widgets.work import SessionFactory, SessionStore, open_series

__all__ = ["GroundingDock"]

_PLUGIN, _SAMPLE = "napari-ct-grounding", "demo_chest"


class GroundingDock(QWidget):
    """Type a sentence, stand on its slice.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    session_factory : callable, optional
        ``factory(weights, device, accept_licence)`` gives a session; `GroundingSession.from_pretrained` by default. Called in the
        inference thread.
    """

    def __init__(self, napari_viewer: Any, session_factory: SessionFactory | None = None) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self.jobs = InferenceThread(self)
        self.controller = GroundingController(self.jobs, SessionStore(session_factory))
        self.follower = SliceFollower(napari_viewer)
        self.volumes = VolumeList(napari_viewer)
        self._is_live = False
        self._make_panels()
        self._lay_out()
        self._connect()
        self._refresh_timer = QTimer(self)
        self._refresh_timer.setSingleShot(True)
        self._refresh_timer.timeout.connect(self._refresh_volumes)
        application = QApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self._on_quit)
        self._go_live()
        self._refresh_volumes()

    # -- making

    def _make_panels(self) -> None:
        colors = colors_of_theme(self.viewer.theme)
        self.volume_panel = VolumePanel(self)
        self.orientation_question = OrientationQuestion(self)
        self.notices = NoticeBoard(colors, self)
        self.sentence_panel = SentencePanel(self)
        self.presets = WindowPresets(self)
        self.table = ResultTable(colors, self)
        self.disease_panel = DiseasePanel(colors, self)
        self.strip = ProfileStrip(colors, self)
        self.status_line = StatusLine(colors, self)
        self.presenter = Presenter(
            self.viewer,
            self.controller,
            self.follower,
            self.volumes,
            Panels(self.volume_panel, self.notices, self.table, self.disease_panel, self.strip, self.status_line),
        )
        self.canvas_text = self.presenter.canvas_text

    def _lay_out(self) -> None:
        answers, diseases = QWidget(self), QWidget(self)
        for box, title, panel in ((answers, "Answers", self.table), (diseases, "Diseases", self.disease_panel)):
            column = QVBoxLayout(box)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(2)
            label = QLabel(title, box)
            label.setObjectName("ct_grounding_title")
            column.addWidget(label)
            column.addWidget(panel)
        lists = QSplitter(Qt.Orientation.Vertical, self)
        lists.addWidget(answers)
        lists.addWidget(diseases)
        lists.setChildrenCollapsible(False)
        lists.setSizes([200, 260])
        parts = QVBoxLayout()
        parts.setSpacing(6)
        for part in (self.volume_panel, self.orientation_question, self.notices, self.sentence_panel, self.presets):
            parts.addWidget(part)
        parts.addWidget(lists, 1)
        parts.addWidget(self.status_line)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2, 4, 6, 4)
        layout.setSpacing(6)
        layout.addWidget(self.strip)
        layout.addLayout(parts, 1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.setMinimumWidth(388)

    def _connect(self) -> None:
        controller, panel = self.controller, self.volume_panel
        panel.volume_chosen.connect(self._choose_volume)
        panel.path_chosen.connect(self._open_path)
        panel.sample_requested.connect(self._open_sample)
        panel.series_chosen.connect(self._open_series)
        panel.weights_chosen.connect(self._on_weights_chosen)
        panel.device_chosen.connect(controller.choose_device)
        panel.encode_requested.connect(partial(self._ask, controller.encode))
        panel.cancel_requested.connect(controller.cancel)
        self.orientation_question.answered.connect(self._on_orientation_answered)
        self.sentence_panel.sentence_requested.connect(self._on_sentence_requested)
        self.disease_panel.disease_requested.connect(self._on_sentence_requested)
        self.table.place_requested.connect(self._on_place_requested)
        self.table.removal_requested.connect(controller.remove_result)
        self.strip.z_requested.connect(self.follower.go_to_z)
        self.strip.step_requested.connect(self.follower.step)
        self.presets.window_requested.connect(self._on_window_requested)
        self.presets.radiological_view_requested.connect(self._on_radiological_view_requested)
        controller.encoding_progressed.connect(panel.set_progress)
        controller.stage_changed.connect(panel.set_stage)
        controller.failed.connect(self._on_failed)
        controller.hounsfield_asked.connect(self._on_hounsfield_asked)

    # -- living and resting: a dock is never closed, only hidden or taken out of the window

    def _go_live(self) -> None:
        if not self._is_live:
            self._is_live = self.presenter.is_live = True
            events = self.viewer.layers.events
            for event in (events.inserted, events.reordered, events.renamed):
                event.connect(self._on_layers_changed)
            events.removed.connect(self._on_layer_removed)
            self.viewer.events.theme.connect(self._on_theme_changed)
            self.follower.follow()

    def _rest(self) -> None:
        if self._is_live:
            self._is_live = self.presenter.is_live = False
            events = self.viewer.layers.events
            for event in (events.inserted, events.reordered, events.renamed):
                event.disconnect(self._on_layers_changed)
            events.removed.disconnect(self._on_layer_removed)
            self.viewer.events.theme.disconnect(self._on_theme_changed)
            self.follower.rest()
            self.canvas_text.clear()
        self.jobs.rest()

    def showEvent(self, event: Any) -> None:  # noqa: N802, D102 (Qt's name)
        super().showEvent(event)
        if not event.spontaneous() and not self._is_live:
            self._go_live()
            for layer_id in self.controller.layer_ids():
                if find_layer(self.viewer, layer_id) is None:  # removed while nobody listened
                    self.volumes.forget(layer_id)
                    self.controller.forget_layer(layer_id)
            self._on_theme_changed()
            self._refresh_volumes()
            self.presenter.follow_view()

    def hideEvent(self, event: Any) -> None:  # noqa: N802, D102 (Qt's name)
        super().hideEvent(event)
        if event.spontaneous():
            return  # the window was minimised
        self._rest()
        if not self.window().isVisible():  # the viewer is closing
            self.jobs.stop()

    def event(self, event: QEvent) -> bool:
        """Stop all work when the dock is taken out of the window (`remove_dock_widget`)."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self._rest()
            self.presenter.clear()
            self.jobs.stop()
        return super().event(event)

    def _on_quit(self) -> None:
        self.jobs.stop(wait=True)

    # -- volumes

    def _on_layers_changed(self, _event: object = None) -> None:
        self._refresh_timer.start(0)  # napari first finishes adding the layer, then we look

    def _on_layer_removed(self, event: Any) -> None:
        layer_id = event.value.unique_id
        name = event.value.name
        self.volumes.forget(layer_id)
        if self.controller.forget_layer(layer_id):
            show_info(f"{name} was removed while it was being encoded; the encoding was stopped.")
        self._refresh_timer.start(0)

    def _refresh_volumes(self) -> None:
        newest = self.volumes.look()
        chosen = self.volumes.chosen_id
        if newest is not None:
            self._choose_volume(newest)
        elif chosen is None:
            self._choose_volume(None)
        else:
            self.volume_panel.set_volumes(self.volumes.entries, chosen)

    def _choose_volume(self, layer_id: Hashable | None) -> None:
        """Take a layer as the volume; its orientation is asked first where it is unknown."""
        source = self.volumes.choose(layer_id)
        layer = None if layer_id is None else find_layer(self.viewer, layer_id)
        self.volume_panel.set_volumes(self.volumes.entries, layer_id)
        self.volume_panel.set_series(*self.volumes.series())
        self.orientation_question.setVisible(layer is not None and source is None)
        self.notices.remove_notice("hounsfield")
        if layer is None:
            self.notices.show_notice(
                "empty",
                "Drag a NIfTI file or a DICOM folder into the window.",
                [("Open the sample", self._open_sample)],
                is_warning=False,
            )
        else:
            self.notices.remove_notice("empty")
            self.sentence_panel.set_examples(example_sentences(layer.metadata))
        self.follower.set_source(source)
        self.controller.choose_source(source, is_orientation_unknown=layer is not None and source is None)
        if source is not None and self.volumes.is_first_look(layer_id) and source.volume is not None:
            radiological_view(self.viewer)
        self.presenter.show_scan()

    def _on_orientation_answered(self, orientation: Orientation) -> None:
        self.volumes.set_orientation(orientation)
        self._choose_volume(self.volumes.chosen_id)

    def _open_path(self, path: str) -> None:
        try:
            self.viewer.open(path, plugin=_PLUGIN)
        except InputError as error:
            self._on_failed(error)
        except ValueError:  # napari's word for a reader that declined
            show_warning(f"{Path(path).name} is no CT that can be read: neither NIfTI nor DICOM was found in it.")

    def _open_sample(self) -> None:
        self._ask(partial(self.viewer.open_sample, _PLUGIN, _SAMPLE))

    def _open_series(self, key: str) -> None:
        """Open another series of the chosen layer's folder; it becomes a layer of its own."""
        path = self.volumes.source_path()
        if path is not None:
            self.jobs.submit(
                partial(open_series, path, key),
                Continuations(on_done=self._on_series_opened, on_failed=self._on_failed),
            )

    def _on_series_opened(self, layer_data: Any) -> None:
        data, meta, kind = layer_data
        getattr(self.viewer, f"add_{kind}")(data, **meta)

    # -- wishes

    def _ask(self, wish: Any) -> None:
        """Do what may be refused for a reason that the user can mend."""
        try:
            wish()
        except InputError as error:
            self._on_failed(error)

    def _on_sentence_requested(self, text: str) -> None:
        self._ask(partial(self.controller.ground, text))

    def _on_weights_chosen(self, weights: str | Path) -> None:
        if weights != "radfinder":
            self.notices.remove_notice("licence")
            self.controller.choose_weights(WeightsChoice(weights))
            return
        before = self.controller.intent.weights
        self.notices.show_notice(
            "licence",
            "RadFinder's weights are licensed CC BY-NC-SA: research yes, commercial use no. They are downloaded once, a few GB.",
            [
                ("Accept", partial(self.controller.choose_weights, WeightsChoice(weights, is_licence_accepted=True))),
                ("Decline", partial(self.volume_panel.show_weights, str(before.weights))),
            ],
        )

    def _on_window_requested(self, window: DisplayWindow) -> None:
        layer = self.presenter.layer()
        if layer is not None:
            layer.contrast_limits = window.limits_hu

    def _on_radiological_view_requested(self) -> None:
        radiological_view(self.viewer)

    def _on_place_requested(self, result: GroundingResult, z_mm: float) -> None:
        self.presenter.select(result)
        if not math.isnan(z_mm):
            self.presenter.jump(z_mm)

    def _on_failed(self, error: Exception) -> None:
        (show_warning if isinstance(error, GroundingError) else show_error)(error_text(error))

    def _on_hounsfield_asked(self, error: Exception) -> None:
        self.notices.show_notice("hounsfield", str(error), [("The values are HU", self.controller.assume_hu)])

    def _on_theme_changed(self, _event: object = None) -> None:
        colors = colors_of_theme(self.viewer.theme)
        for panel in (self.notices, self.table, self.disease_panel, self.strip, self.status_line):
            panel.set_colors(colors)
        self.presenter.show_scan()
