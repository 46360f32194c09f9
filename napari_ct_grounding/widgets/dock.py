"""The dock "CT Grounding": the one screen of wires between viewer, panels and controller."""

from __future__ import annotations

import math
from collections.abc import Hashable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_error, show_info, show_warning
from qtpy.QtCore import QEvent, Qt, QTimer
from qtpy.QtWidgets import QApplication, QHBoxLayout, QLabel, QSizePolicy, QSplitter, QVBoxLayout, QWidget

from napari_ct_grounding.core.display import DisplayWindow
from napari_ct_grounding.core.errors import GroundingError, InputError, LicenceNeededError
from napari_ct_grounding.core.results import GroundingResult
from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.housekeeping import Housekeeping
from napari_ct_grounding.widgets.jobs import FILES_THREAD_NAME, JobThread
from napari_ct_grounding.widgets.layer_watch import LayerWatch
from napari_ct_grounding.widgets.log_file import start_log
from napari_ct_grounding.widgets.navigation import SliceFollower
from napari_ct_grounding.widgets.opening import READING_THREAD_NAME, ScanOpener
from napari_ct_grounding.widgets.panels.colors import colors_of_theme
from napari_ct_grounding.widgets.panels.disease_panel import DiseasePanel
from napari_ct_grounding.widgets.panels.download_panel import DownloadPanel
from napari_ct_grounding.widgets.panels.notice import NoticeBoard
from napari_ct_grounding.widgets.panels.orientation_question import OrientationQuestion
from napari_ct_grounding.widgets.panels.profile_strip import ProfileStrip
from napari_ct_grounding.widgets.panels.result_table import ResultTable
from napari_ct_grounding.widgets.panels.sentence_panel import SentencePanel
from napari_ct_grounding.widgets.panels.session_menu import SessionMenu
from napari_ct_grounding.widgets.panels.status_line import StatusLine
from napari_ct_grounding.widgets.panels.volume_panel import VolumePanel
from napari_ct_grounding.widgets.panels.window_presets import WindowPresets
from napari_ct_grounding.widgets.presenter import Panels, Presenter
from napari_ct_grounding.widgets.questions import Questions
from napari_ct_grounding.widgets.requests import WeightsChoice
from napari_ct_grounding.widgets.sources import Orientation
from napari_ct_grounding.widgets.view import find_layer, radiological_view_of, uncover
from napari_ct_grounding.widgets.volumes import VolumeList
from napari_ct_grounding.widgets.weights_fetcher import Pull, WeightsFetcher
from napari_ct_grounding.widgets.wording import error_text, example_sentences, hounsfield_text
from napari_ct_grounding.widgets.work import SessionFactory, SessionStore

__all__ = ["GroundingDock"]

_PLUGIN, _SAMPLE = "napari-ct-grounding", "demo_chest"

#: Sentences and scores that take longer than this (ms) show progress and Cancel.
_SOON_MS = 400


class GroundingDock(QWidget):
    """Type a sentence, stand on its slice.

    Parameters
    ----------
    napari_viewer : napari.Viewer
    session_factory : callable, optional
        ``factory(weights, device, precision)`` gives a session; `GroundingSession.from_pretrained` by default. Called in the
        inference thread.
    pull : callable, optional
        Fetches released weights; `model.weights.hub.pull` by default.
    """

    def __init__(
        self, napari_viewer: Any, session_factory: SessionFactory | None = None, pull: Pull | None = None
    ) -> None:
        super().__init__()
        start_log()
        self.viewer = napari_viewer
        self.jobs = JobThread(self)
        self.file_jobs = JobThread(self, FILES_THREAD_NAME)
        self.reading_jobs = JobThread(self, READING_THREAD_NAME)
        self._store = SessionStore(session_factory)
        self.controller = GroundingController(self.jobs, self._store)
        self.fetcher = WeightsFetcher(self.file_jobs, pull)
        self.housekeeping = Housekeeping(self.controller, self._store, self.file_jobs)
        self.follower = SliceFollower(napari_viewer)
        self.volumes = VolumeList(napari_viewer)
        self.layer_watch = LayerWatch(napari_viewer)
        self.layer_watch.altered.connect(self._on_layers_changed)
        self._is_live = self._has_left = False
        self._make_panels()
        self._lay_out()
        self._connect()
        self._refresh_timer = QTimer(self)
        self._refresh_timer.setSingleShot(True)
        self._refresh_timer.timeout.connect(self._refresh_volumes)
        self._soon_timer = QTimer(self)
        self._soon_timer.setSingleShot(True)
        self._soon_timer.timeout.connect(self._show_working)
        application = QApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self._on_quit)
        self._go_live()
        self._refresh_volumes()

    # -- making

    def _make_panels(self) -> None:
        colors = colors_of_theme(self.viewer.theme)
        self.volume_panel = VolumePanel(colors, self)
        self.menu = SessionMenu(self.housekeeping.menu_facts, self)
        self.volume_panel.model_row.addWidget(self.menu)
        self.download_panel = DownloadPanel(self)
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
        self.questions = Questions(self.controller, self.fetcher, self.notices, self.download_panel, self.volume_panel)
        self.opener = ScanOpener(self.viewer, self.reading_jobs, self.volumes, self.notices, self._show_volume, self)
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
        for part in (
            self.volume_panel,
            self.download_panel,
            self.orientation_question,
            self.notices,
            self.sentence_panel,
            self.presets,
        ):
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
        self.setAcceptDrops(True)

    def _connect(self) -> None:
        controller, panel = self.controller, self.volume_panel
        panel.volume_chosen.connect(self._show_volume)
        panel.open_menu.path_chosen.connect(self.opener.open_paths)
        panel.open_menu.sample_requested.connect(self._open_sample)
        panel.series_chosen.connect(self._on_series_chosen)
        panel.frame_chosen.connect(self._on_frame_chosen)
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
        controller.progressed.connect(panel.set_progress)
        controller.stage_changed.connect(panel.set_stage)
        controller.working_changed.connect(self._on_working_changed)
        self.menu.coverage_chosen.connect(controller.choose_coverage)
        self.menu.precision_chosen.connect(controller.choose_precision)
        self.menu.keeping_chosen.connect(self.housekeeping.set_keeping)
        self.menu.clearing_requested.connect(self.housekeeping.clear_cache)
        self.menu.log_folder_requested.connect(self.housekeeping.open_log_folder)
        controller.failed.connect(self._on_failed)
        controller.hounsfield_asked.connect(self._on_hounsfield_asked)

    # -- living and resting: the eye of napari's title bar hides a dock, the cross takes it out of the window for good

    def _go_live(self) -> None:
        if not self._is_live:
            self._is_live = self.presenter.is_live = True
            events = self.viewer.layers.events
            for event in (events.inserted, events.reordered, events.renamed):
                event.connect(self._on_layers_changed)
            events.removed.connect(self._on_layer_removed)
            self.viewer.events.theme.connect(self._on_theme_changed)
            self.follower.follow()
            self.opener.listen()

    def _rest(self) -> None:
        """Stop listening, but for layers that go: their voxels must go with them."""
        if self._is_live:
            self._is_live = self.presenter.is_live = False
            events = self.viewer.layers.events
            for event in (events.inserted, events.reordered, events.renamed):
                event.disconnect(self._on_layers_changed)
            self.viewer.events.theme.disconnect(self._on_theme_changed)
            self.follower.rest()
            self.layer_watch.rest()
            self.opener.ignore()
            self.canvas_text.clear()
        self._refresh_timer.stop()
        self.jobs.rest()
        self.file_jobs.rest()
        self.reading_jobs.rest()

    def _stop(self, *, wait: bool = False) -> None:
        """End all work."""
        self.controller.cancel()
        self.fetcher.cancel()
        self.opener.cancel()
        for jobs in (self.jobs, self.file_jobs, self.reading_jobs):
            jobs.stop(wait=wait)

    def _leave(self) -> None:
        """Take everything of ours out of the viewer, and let go of all that belongs to it."""
        if not self._has_left:
            self._has_left = True
            self._rest()
            self._stop()
            self.viewer.layers.events.removed.disconnect(self._on_layer_removed)
            for layer_id in self.controller.layer_ids():
                self.controller.forget_layer(layer_id)
            self.volumes.chosen_id = None
            self.follower.set_source(None)
            self.presenter.clear()
            self._store.release()

    def showEvent(self, event: Any) -> None:  # noqa: N802, D102 (Qt's name)
        super().showEvent(event)
        if not event.spontaneous() and not self._is_live:
            self._has_left = False
            self._go_live()
            self._on_theme_changed()
            self._refresh_volumes()
            self.presenter.follow_view()

    def hideEvent(self, event: Any) -> None:  # noqa: N802, D102 (Qt's name)
        super().hideEvent(event)
        if event.spontaneous():
            return  # the window was minimised
        self._rest()
        if not self.window().isVisible():  # the viewer is closing
            self._stop()

    def dragEnterEvent(self, event: Any) -> None:  # noqa: N802, D102 (Qt's name)
        event.setAccepted(any(url.isLocalFile() for url in event.mimeData().urls()))

    def dropEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """Open what is dropped on the dock with our reader: napari would ask which one to use."""
        self.opener.open_paths([url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()])
        event.acceptProposedAction()

    def event(self, event: QEvent) -> bool:
        """Leave the viewer when the dock is taken out of the window (`remove_dock_widget`), or deleted."""
        is_out = event.type() == QEvent.Type.ParentChange and self.parent() is None
        if is_out or event.type() == QEvent.Type.DeferredDelete:
            self._leave()
        if is_out:
            # napari leaves an orphan behind. Held and deleted on this thread: Python might collect it on another one.
            QTimer.singleShot(0, lambda: self._delete_orphan())
        return super().event(event)

    def _delete_orphan(self) -> None:
        with suppress(RuntimeError):  # somebody else was faster
            if self.parent() is None:
                self.deleteLater()

    def _on_quit(self) -> None:
        self._stop(wait=True)

    # -- volumes

    def _on_layers_changed(self, _event: object = None) -> None:
        self._refresh_timer.start(0)  # napari first finishes adding the layer, then we look

    def _on_layer_removed(self, event: Any) -> None:
        layer_id = event.value.unique_id
        name = event.value.name
        self.volumes.forget(layer_id)
        if self.controller.forget_layer(layer_id):
            show_info(f"{name} was removed while it was being encoded; the encoding was stopped.")
        self.follower.set_source(self.controller.intent.source)
        if self._is_live:
            self._refresh_timer.start(0)

    def _refresh_volumes(self) -> None:
        newest = self.volumes.look()
        self.layer_watch.follow()
        chosen = self.volumes.chosen_id
        if newest is not None:
            self._choose_volume(newest)
        elif chosen is None or self.volumes.source() != self.controller.intent.source:
            self._choose_volume(chosen)
        else:
            self.volume_panel.set_volumes(self.volumes.entries, chosen)

    def _show_volume(self, layer_id: Hashable) -> None:
        """Take a layer as the volume, and let it be seen."""
        layer = find_layer(self.viewer, layer_id)
        if layer is not None:
            uncover(self.viewer, layer, [entry.layer_id for entry in self.volumes.entries if entry.reason is None])
        self._choose_volume(layer_id)

    def _choose_volume(self, layer_id: Hashable | None) -> None:
        """Take a layer as the volume; its orientation is asked first where it is unknown."""
        self.volumes.chosen_id = layer_id
        source = self.volumes.source()
        layer = None if layer_id is None else find_layer(self.viewer, layer_id)
        self.volume_panel.set_volumes(self.volumes.entries, layer_id)
        self.volume_panel.set_series(*self.volumes.series())
        self.volume_panel.set_frames(*self.volumes.frame())
        is_unknown = layer is not None and source is None
        if is_unknown:
            self.orientation_question.ask(self.volumes.spacing_question())
        self.orientation_question.setVisible(is_unknown)
        self.notices.remove_notice("hounsfield")
        if layer is None:
            self.notices.show_notice(
                "empty",
                "Drop a CT here: a DICOM folder, a NIfTI, NRRD, MetaImage or zip file. Or use the button Open.",
                [("Open the sample", self._open_sample)],
                is_warning=False,
            )
        else:
            self.notices.remove_notice("empty")
            self.sentence_panel.set_examples(example_sentences(layer.metadata))
        before = self.controller.intent.source
        is_other = before is not None and before.layer_id == layer_id and before != source
        # What the layer showed before is gone, and the answers about it with it.
        if is_other and self.controller.forget_layer(layer_id):
            show_info(f"{layer.name} was changed while it was being encoded; the encoding was stopped.")
        self.follower.set_source(source)
        self.controller.choose_source(source, is_orientation_unknown=layer is not None and source is None)
        if source is not None and self.volumes.is_first_look(layer_id):
            radiological_view_of(self.viewer, source.screen_signs)
        self.presenter.show_scan()

    def _on_orientation_answered(self, orientation: Orientation) -> None:
        self.volumes.set_orientation(orientation)
        self._choose_volume(self.volumes.chosen_id)

    def _open_sample(self) -> None:
        self._ask(partial(self.viewer.open_sample, _PLUGIN, _SAMPLE))

    def _on_series_chosen(self, key: str) -> None:
        """Open another series as a layer of its own; until it is there, the chooser shows the one that is."""
        self.volume_panel.show_series(self.volumes.series()[1])
        self.opener.open_series(key)

    def _on_frame_chosen(self, frame: int) -> None:
        self.volume_panel.set_frames(*self.volumes.frame())
        self.opener.open_frame(frame)

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
        self.questions.forget_weights()
        if weights == "radfinder":
            self.fetcher.want(weights)
        else:
            self.controller.choose_weights(WeightsChoice(weights))

    def _on_working_changed(self, is_working: bool) -> None:
        if is_working:
            self._soon_timer.start(_SOON_MS)
        else:
            self._soon_timer.stop()
            self.presenter.show_encoding(self.controller.is_encoding)

    def _show_working(self) -> None:
        """Show that sentences or scores are still being computed, with Cancel."""
        if self.controller.is_working and not self.controller.is_encoding:
            self.presenter.show_encoding(True)
            self.volume_panel.set_stage("Computing the answers")  # until the next report

    def _on_window_requested(self, window: DisplayWindow) -> None:
        layer = self.presenter.layer()
        if layer is not None:
            layer.contrast_limits = window.limits_hu

    def _on_radiological_view_requested(self) -> None:
        source = self.controller.intent.source
        radiological_view_of(self.viewer, (1, 1, 1) if source is None else source.screen_signs)

    def _on_place_requested(self, result: GroundingResult, z_mm: float) -> None:
        self.presenter.select(result)
        if not math.isnan(z_mm):
            self.presenter.jump(z_mm)

    def _on_failed(self, error: Exception) -> None:
        if isinstance(error, LicenceNeededError):  # the weights are gone from the cache
            self.questions.ask_licence("radfinder", error)
            return
        (show_warning if isinstance(error, GroundingError) else show_error)(error_text(error))

    def _on_hounsfield_asked(self, error: Exception) -> None:
        text = hounsfield_text(error)
        self.notices.show_notice("hounsfield", text, [("The values are HU", self.controller.assume_hu)])

    def _on_theme_changed(self, _event: object = None) -> None:
        colors = colors_of_theme(self.viewer.theme)
        badges = self.volume_panel.badges
        for panel in (badges, self.notices, self.table, self.disease_panel, self.strip, self.status_line):
            panel.set_colors(colors)
        self.presenter.show_scan()
