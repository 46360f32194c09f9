"""The dock "CT Grounding": the one screen of wires between viewer, panels and controller, and the life of both."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from napari.utils.notifications import show_error, show_warning
from qtpy.QtCore import QTimer

from napari_ct_grounding.core.display import DisplayWindow
from napari_ct_grounding.core.errors import GroundingError, InputError, LicenceNeededError
from napari_ct_grounding.core.results import GroundingResult
from napari_ct_grounding.export.walk import Finding
from napari_ct_grounding.widgets.autosave import Autosave
from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.dock_life import DockLife
from napari_ct_grounding.widgets.freed_memory import give_back_freed_memory_soon
from napari_ct_grounding.widgets.housekeeping import Housekeeping
from napari_ct_grounding.widgets.jobs import (
    DOWNLOAD_THREAD_NAME,
    EXPORT_THREAD_NAME,
    FILES_THREAD_NAME,
    READING_THREAD_NAME,
    JobThread,
)
from napari_ct_grounding.widgets.log_file import start_log
from napari_ct_grounding.widgets.navigation import SliceFollower
from napari_ct_grounding.widgets.opening import ScanOpener
from napari_ct_grounding.widgets.orthogonal_views.dock import open_orthogonal_views
from napari_ct_grounding.widgets.own_diseases import OwnDiseases
from napari_ct_grounding.widgets.panels.colors import colors_of_theme
from napari_ct_grounding.widgets.panels.dock_panels import DockPanels
from napari_ct_grounding.widgets.panels.session_menu import SessionMenu
from napari_ct_grounding.widgets.panels.take_away_menu import TakeAwayMenu
from napari_ct_grounding.widgets.preferences import Preferences, open_preferences
from napari_ct_grounding.widgets.presenter import Presenter
from napari_ct_grounding.widgets.questions import Questions
from napari_ct_grounding.widgets.report.tab import ReportTab
from napari_ct_grounding.widgets.tabs import TabContext, build_tabs
from napari_ct_grounding.widgets.take_away import TakeAwayDesk, menu_entries
from napari_ct_grounding.widgets.view import radiological_view_of
from napari_ct_grounding.widgets.volume_switch import VolumeSwitch
from napari_ct_grounding.widgets.volumes import VolumeList
from napari_ct_grounding.widgets.weights_fetcher import Pull, WeightsFetcher
from napari_ct_grounding.widgets.weights_switch import WeightsSwitch
from napari_ct_grounding.widgets.wording import error_text
from napari_ct_grounding.widgets.work import SessionFactory, SessionStore

__all__ = ["GroundingDock"]

_PLUGIN, _SAMPLE = "napari-ct-grounding", "demo_chest"

#: Sentences and scores that take longer than this (ms) show progress and Cancel.
_SOON_MS = 400


class GroundingDock(DockLife, DockPanels):
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
        super().__init__(colors_of_theme(napari_viewer.theme))
        start_log()
        self.viewer = napari_viewer
        self.jobs = JobThread(self)
        self.file_jobs = JobThread(self, FILES_THREAD_NAME)
        self.download_jobs = JobThread(self, DOWNLOAD_THREAD_NAME)
        self.reading_jobs = JobThread(self, READING_THREAD_NAME)
        self.export_jobs = JobThread(self, EXPORT_THREAD_NAME)
        self._store = SessionStore(session_factory)
        self.controller = GroundingController(self.jobs, self._store)
        self.follower = SliceFollower(napari_viewer)
        self.volumes = VolumeList(napari_viewer)
        self.presenter = Presenter(napari_viewer, self.controller, self.follower, self.volumes, self)
        self.volume_switch = VolumeSwitch(
            napari_viewer, self.controller, self.volumes, self.follower, self, self.presenter, self._open_sample
        )
        self.opener = ScanOpener(
            napari_viewer, self.reading_jobs, self.volumes, self.notices, self.volume_switch.show_volume, self
        )
        self.fetcher = WeightsFetcher(self.file_jobs, self.download_jobs, pull)
        self.weights_switch = WeightsSwitch(
            self.controller,
            self.fetcher,
            self.file_jobs,
            self.volume_panel.weights,
            self.download_panel,
            self.notices,
        )
        self.questions = Questions(self.controller, self.notices, self.volume_panel)
        self.own_diseases = OwnDiseases(self.controller, self.disease_panel)
        self.housekeeping = Housekeeping(self.controller, self._store, self.file_jobs)
        self.preferences = Preferences(
            napari_viewer, self.controller, self._store, self.weights_switch, self.volume_panel
        )
        self.menu = SessionMenu(self.housekeeping.menu_facts, self)
        self.volume_panel.model_row.addWidget(self.menu)
        context = TabContext(
            napari_viewer, self.controller, self.follower, self.presenter, self.volumes, self.notices, self.strip,
            self.file_jobs,
        )  # fmt: skip
        self._tabs = build_tabs(context, colors_of_theme(napari_viewer.theme))
        for tab in self._tabs:
            self.tabs.setTabToolTip(self.tabs.addTab(tab.panel, tab.title), tab.tool_tip)
        self.take_away = TakeAwayDesk(
            TakeAwayMenu(menu_entries(), self), self.export_jobs, self.notices, self.controller, self.volumes, self.presenter,
            self._report_rows,
        )  # fmt: skip
        self.lower_tabs.setCornerWidget(self.take_away.menu)  # beside the five tabs above it would hide two of them
        self.autosave = Autosave(
            self.controller, self.volumes, self.opener, self.weights_switch, self.volume_panel.weights, self.tabs,
            next((tab for tab in self._tabs if tab.title == "Report"), None), self.notices, self.file_jobs, self,
        )  # fmt: skip
        self._soon_timer = QTimer(self)
        self._soon_timer.setSingleShot(True)
        self._soon_timer.timeout.connect(self._show_working)
        self.setAcceptDrops(True)
        self._connect()
        self._is_live = self._has_left = False
        self._go_live()
        self.volume_switch.refresh()

    def _connect(self) -> None:
        controller, panel = self.controller, self.volume_panel
        panel.open_menu.path_chosen.connect(self.opener.open_paths)
        panel.open_menu.sample_requested.connect(self._open_sample)
        panel.series_chosen.connect(self._on_series_chosen)
        panel.frame_chosen.connect(self._on_frame_chosen)
        panel.device_chosen.connect(controller.choose_device)
        panel.encode_requested.connect(partial(self._ask, controller.encode))
        panel.cancel_requested.connect(controller.cancel)
        self.sentence_panel.sentence_requested.connect(self._on_sentence_requested)
        self.disease_panel.disease_requested.connect(self._on_sentence_requested)
        self.table.place_requested.connect(self._on_place_requested)
        self.table.removal_requested.connect(controller.remove_result)
        self.strip.z_requested.connect(self.follower.go_to_z)
        self.strip.step_requested.connect(self.follower.step)
        self.presets.window_requested.connect(self._on_window_requested)
        self.presets.radiological_view_requested.connect(self._on_radiological_view_requested)
        self.menu.coverage_chosen.connect(controller.choose_coverage)
        self.menu.precision_chosen.connect(controller.choose_precision)
        self.menu.keeping_chosen.connect(self.housekeeping.set_keeping)
        self.menu.clearing_requested.connect(self.housekeeping.clear_cache)
        self.menu.log_folder_requested.connect(self.housekeeping.open_log_folder)
        self.menu.diagnostics_requested.connect(self.housekeeping.copy_diagnostics)
        self.menu.views_requested.connect(lambda: open_orthogonal_views(self.viewer))
        self.menu.preferences_requested.connect(lambda: open_preferences(self.viewer))
        self.opener.refused.connect(self.housekeeping.remember_failure)
        controller.failed.connect(self.housekeeping.remember_failure)
        controller.progressed.connect(panel.set_progress)
        controller.stage_changed.connect(panel.set_stage)
        controller.working_changed.connect(self._on_working_changed)
        controller.failed.connect(self._on_failed)
        self.begin_life()

    # -- living and resting: the eye of napari's title bar hides a dock, the cross takes it out of the window for good

    def _go_live(self) -> None:
        if not self._is_live:
            self._is_live = self.presenter.is_live = True
            self.viewer.events.theme.connect(self._on_theme_changed)
            self.volume_switch.follow()
            self.follower.follow()
            self.opener.listen()
            self.weights_switch.look()
            self.preferences.go_live()
            self.autosave.go_live()
            for tab in self._tabs:
                tab.go_live()

    def _rest(self) -> None:
        """Stop listening, but for layers that go: their voxels must go with them."""
        if self._is_live:
            self._is_live = self.presenter.is_live = False
            self.viewer.events.theme.disconnect(self._on_theme_changed)
            self.follower.rest()
            self.opener.ignore()
            self.presenter.canvas_text.clear()
            self.preferences.rest()
            self.autosave.rest()
            for tab in self._tabs:
                tab.rest()
        self.volume_switch.rest()
        for jobs in self._all_jobs():
            jobs.rest()

    def _stop(self, *, wait: bool = False) -> None:
        """End all work."""
        self.controller.cancel()
        self.fetcher.cancel_all()
        self.opener.cancel()
        self.take_away.cancel_all()
        for jobs in self._all_jobs():
            jobs.stop(wait=wait)

    def _leave(self) -> None:
        """Take everything of ours out of the viewer, and let go of all that belongs to it."""
        if not self._has_left:
            self._has_left = True
            self._rest()
            self._stop()
            for tab in self._tabs:
                tab.leave()
            self.volume_switch.leave()
            self.presenter.clear()
            self._store.release()
            give_back_freed_memory_soon()

    def _all_jobs(self) -> tuple[JobThread, ...]:
        return self.jobs, self.file_jobs, self.download_jobs, self.reading_jobs, self.export_jobs

    def _return(self) -> None:
        if not self._is_live:
            self._has_left = False
            self._go_live()
            self._on_theme_changed()
            self.volume_switch.refresh()
            self.presenter.follow_view()

    def dragEnterEvent(self, event: Any) -> None:  # noqa: N802, D102 (Qt's name)
        event.setAccepted(any(url.isLocalFile() for url in event.mimeData().urls()))

    def dropEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """Open what is dropped on the dock with our reader: napari would ask which one to use."""
        self.opener.open_paths([url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()])
        event.acceptProposedAction()

    # -- wishes

    def _ask(self, wish: Callable[[], object]) -> None:
        """Do what may be refused for a reason that the user can mend."""
        try:
            wish()
        except InputError as error:
            self._on_failed(error)

    def _report_rows(self) -> list[Finding]:
        """The report that is shown, for a take-away."""
        return [row for tab in self._tabs if isinstance(tab, ReportTab) for row in tab.walk_rows()]

    def _open_sample(self) -> None:
        self._ask(partial(self.viewer.open_sample, _PLUGIN, _SAMPLE))

    def _on_series_chosen(self, key: str) -> None:
        """Open another series as a layer of its own; until it is there, the chooser shows the one that is."""
        self.volume_panel.show_series(self.volumes.series()[1])
        self.opener.open_series(key)

    def _on_frame_chosen(self, frame: int) -> None:
        self.volume_panel.set_frames(*self.volumes.frame())
        self.opener.open_frame(frame)

    def _on_sentence_requested(self, text: str) -> None:
        self._ask(partial(self.controller.ground, text))

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
        if isinstance(error, LicenceNeededError) and error.weights:  # the weights are gone from the cache
            self.weights_switch.ask_licence(error.weights, error)
        else:
            (show_warning if isinstance(error, GroundingError) else show_error)(error_text(error))

    def _on_theme_changed(self, _event: object = None) -> None:
        colors = colors_of_theme(self.viewer.theme)
        self.set_colors(colors)
        for tab in self._tabs:
            tab.set_colors(colors)
        self.presenter.show_scan()
