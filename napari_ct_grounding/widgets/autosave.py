"""Keeps the work in progress on disk, and offers it again at the next start."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_warning
from qtpy.QtCore import QObject, QTimer
from qtpy.QtWidgets import QTabWidget

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.jobs import Continuations, JobContext, Jobs
from napari_ct_grounding.widgets.opening import ScanOpener, ScanOrder
from napari_ct_grounding.widgets.panels.notice import NoticeBoard
from napari_ct_grounding.widgets.panels.weights_chooser import WeightsChooser
from napari_ct_grounding.widgets.requests import AUTO
from napari_ct_grounding.widgets.settings import listen_to_settings, read_settings
from napari_ct_grounding.widgets.volumes import VolumeList
from napari_ct_grounding.widgets.weights_switch import WeightsSwitch
from napari_ct_grounding.widgets.work_in_progress import WorkInProgress, delete_work, read_work, write_work

__all__ = ["Autosave", "offer_text"]

_NOTICE = "go on"
#: From a change to the file (ms): what is killed within it is lost.
_DELAY_MS = 500

_log = logging.getLogger(__name__)


class Autosave(QObject):
    """Writes what a dock is working on whenever that changes, and brings it back when asked to.

    Parameters
    ----------
    controller : GroundingController
    volumes : VolumeList
        Where the chosen volume came from.
    opener : ScanOpener
    weights_switch : WeightsSwitch
    chooser : WeightsChooser
        Shows the weights that are chosen.
    tabs : QTabWidget
    report : ReportTab or None
        Its `report_state` is kept where the user wants that.
    notices : NoticeBoard
    jobs : Jobs
        Where the file is read and written.
    parent : QObject, optional
    """

    def __init__(
        self,
        controller: GroundingController,
        volumes: VolumeList,
        opener: ScanOpener,
        weights_switch: WeightsSwitch,
        chooser: WeightsChooser,
        tabs: QTabWidget,
        report: Any | None,
        notices: NoticeBoard,
        jobs: Jobs,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._controller, self._volumes, self._opener = controller, volumes, opener
        self._weights_switch, self._chooser = weights_switch, chooser
        self._tabs, self._report = tabs, report
        self._notices, self._jobs = notices, jobs
        self._stop_listening: Callable[[], None] | None = None
        self._has_offered = False
        self._written: WorkInProgress | None = None
        self._awaited: WorkInProgress | None = None  # to be brought back once its scan is open
        self._due = QTimer(self)
        self._due.setSingleShot(True)
        self._due.setInterval(_DELAY_MS)
        self._due.timeout.connect(self._save_on_worker)
        self._arrival = QTimer(self)  # the controller first finishes with its change
        self._arrival.setSingleShot(True)
        self._arrival.setInterval(0)
        self._arrival.timeout.connect(self._bring_back)

    # -- life

    def go_live(self) -> None:
        """Follow the work from now on; the first time, look for work that was left."""
        if self._stop_listening is not None:
            return
        self._stop_listening = listen_to_settings(self._on_settings_changed)
        for signal, slot in self._connections():
            signal.connect(slot)
        self._tabs.currentChanged.connect(self._on_changed)
        if not self._has_offered and read_settings().keeps_work:
            self._has_offered = True
            self._jobs.submit(_look, Continuations(on_done=self._offer))

    def rest(self) -> None:
        """Write what is not written yet, and follow nothing."""
        if self._stop_listening is None:
            return
        if self._due.isActive():
            self.save()
        self._due.stop()
        self._arrival.stop()
        self._stop_listening()
        self._stop_listening = None
        for signal, slot in self._connections():
            signal.disconnect(slot)
        self._tabs.currentChanged.disconnect(self._on_changed)

    def _connections(self) -> list[tuple[Any, Callable[..., None]]]:
        controller = self._controller
        return [
            (controller.answered, self._on_answered),
            (controller.scan_changed, self._on_scan_changed),
            (controller.working_changed, self._on_changed),
        ]

    def _on_changed(self, *_: object) -> None:
        if read_settings().keeps_work and not self._due.isActive():
            self._due.start()

    def _on_answered(self, *_: object) -> None:
        self._awaited = None  # somebody went another way
        self._on_changed()

    def _on_scan_changed(self) -> None:
        self._on_changed()
        if self._awaited is not None:
            self._arrival.start()

    def _on_settings_changed(self) -> None:
        settings = read_settings()
        if not settings.keeps_work:
            self._due.stop()
            self._written = None
            self._notices.remove_notice(_NOTICE)
            delete_work()
        else:
            self._on_changed()  # with the report's text or without it

    # -- keeping

    def work(self) -> WorkInProgress | None:
        """What should be kept now; None where there is nothing worth it."""
        intent, answers, path = self._controller.intent, self._controller.answers, self._volumes.source_path()
        if intent.source is None or path is None:
            return None
        report = self._report_state() if read_settings().keeps_report_text else None
        sentences = () if answers is None else tuple(answers.results)
        if not sentences and report is None:
            return None
        frame, num_frames = self._volumes.frame()
        return WorkInProgress(
            path=str(path) if isinstance(path, (str, Path)) else tuple(str(part) for part in path),
            saved_at=time.time(),
            series=self._volumes.series()[1],
            frame=frame if num_frames > 1 else None,
            sentences=sentences,
            weights=str(intent.weights.weights),
            coverage=intent.coverage,
            tab=self._tabs.tabText(self._tabs.currentIndex()),
            report=report,
        )

    def save(self) -> None:
        """Write the work now."""
        self._keep(_write_quietly)

    def _save_on_worker(self) -> None:
        self._keep(lambda work: self._jobs.submit(partial(_write, work), Continuations(on_failed=self._on_failed)))

    def _keep(self, write: Callable[[WorkInProgress], object]) -> None:
        work = self.work()
        if not read_settings().keeps_work or self._awaited is not None:
            return
        if work is None:
            self._forget_emptied()
        elif self._written is None or _differs(work, self._written):
            self._written = work
            self._notices.remove_notice(_NOTICE)  # the work that was left is replaced
            write(work)

    def _forget_emptied(self) -> None:
        """Delete what was written about the open scan, when all its sentences were removed."""
        answers = self._controller.answers
        is_empty = answers is not None and not answers.results
        if self._written is not None and is_empty and self._is_open(self._written):
            self._written = None
            delete_work()

    def _on_failed(self, error: Exception) -> None:
        _log.warning("The work in progress could not be kept (%s).", type(error).__name__)

    def _report_state(self) -> dict[str, Any] | None:
        state = None if self._report is None else self._report.report_state()
        return state if state and state.get("rows") else None

    # -- going on

    def _offer(self, found: tuple[WorkInProgress, bool] | None) -> None:
        if found is None or self._stop_listening is None or not read_settings().keeps_work:
            return
        work, is_there = found
        is_other_open = self._controller.intent.source is not None and not self._is_open(work)
        is_begun = self._controller.answers is not None and self._controller.answers.results
        if is_other_open or is_begun:
            return
        actions = [("Discard", delete_work)]
        if is_there:
            actions.insert(0, ("Open", partial(self.go_on, work)))
        self._notices.show_notice(
            _NOTICE, offer_text(work, is_there, time.time()), actions, is_warning=False, is_closable=True
        )

    def go_on(self, work: WorkInProgress) -> None:
        """Open the scan again, with its weights, sentences and report."""
        self._awaited = work
        folder = Path(work.weights)
        if work.weights != str(self._controller.intent.weights.weights):
            if not folder.is_absolute():
                self._chooser.show_weights(work.weights)
                self._weights_switch.choose(work.weights)
            elif folder.is_dir():
                self._chooser.add_folder(folder)
            else:
                show_warning("The weights of the last time are no longer in their folder. Others answer now.")
        if not self._is_open(work):
            self._opener.open_order(ScanOrder(work.path, work.series, frame=work.frame))
        self._arrival.start()

    def _is_open(self, work: WorkInProgress) -> bool:
        path = self._volumes.source_path()
        frame, num_frames = self._volumes.frame()
        return (
            self._controller.intent.source is not None
            and path is not None
            and ((path,) if isinstance(path, (str, Path)) else tuple(path)) == work.paths
            and (work.series is None or self._volumes.series()[1] == work.series)
            and (frame if num_frames > 1 else None) == work.frame
        )

    def _bring_back(self) -> None:
        """Ask again what was asked, once scan and weights are there."""
        work = self._awaited
        if work is None or not self._is_open(work):
            if self._controller.intent.source is not None:
                self._awaited = None  # another scan was opened instead
            return
        folder = Path(work.weights)
        is_gone = folder.is_absolute() and not folder.is_dir()
        if str(self._controller.intent.weights.weights) != work.weights and not is_gone:
            return  # they are still being fetched, or their licence is being read
        self._awaited = None
        if work.coverage != AUTO:
            self._controller.choose_coverage(work.coverage)
        for sentence in work.sentences:
            try:
                self._controller.ground(sentence)
            except InputError as error:
                show_warning(str(error))
        if work.report is not None and self._report is not None:
            try:
                self._report.restore(work.report)
            except InputError as error:
                show_warning(str(error))
        for index in range(self._tabs.count()):
            if self._tabs.tabText(index) == work.tab:
                self._tabs.setCurrentIndex(index)


def offer_text(work: WorkInProgress, is_there: bool, now: float) -> str:
    """The question whether to go on, or why that cannot be."""
    then = time.localtime(work.saved_at)
    is_today = then[:3] == time.localtime(now)[:3]
    moment = time.strftime("%H:%M" if is_today else "%d %b %Y, %H:%M", then)
    name = ScanOrder(work.path).name
    if not is_there:
        return f"{name} from {moment} is no longer at its place."
    parts = []
    if work.sentences:
        parts.append(f"{len(work.sentences)} sentence{'s' if len(work.sentences) > 1 else ''}")
    if work.report is not None:
        parts.append("a report")
    return f"Go on with {name} from {moment} ({' and '.join(parts)})?"


def _differs(one: WorkInProgress, other: WorkInProgress) -> bool:
    """Whether anything but the time has changed."""
    return any(
        getattr(one, name) != getattr(other, name) for name in WorkInProgress.__dataclass_fields__ if name != "saved_at"
    )


def _look(_context: JobContext) -> tuple[WorkInProgress, bool] | None:
    work = read_work()
    return None if work is None else (work, work.is_there())


def _write(work: WorkInProgress, _context: JobContext) -> None:
    write_work(work)


def _write_quietly(work: WorkInProgress) -> None:
    try:
        write_work(work)
    except OSError as error:
        _log.warning("The work in progress could not be kept (%s).", type(error).__name__)
