"""Take away, and bring back: what was found is written, copied and read on a thread of its own, and notices tell of it.

Nothing is remembered but the folder that was chosen last, for as long as the dock lives.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices, QGuiApplication, QImage
from qtpy.QtWidgets import QFileDialog

from napari_ct_grounding.core.errors import GroundingError, InputError
from napari_ct_grounding.export.captions import date_text
from napari_ct_grounding.export.formats import FORMATS, TakeAway, write_take_away
from napari_ct_grounding.export.walk import Finding, Walk
from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.jobs import Continuations, JobContext, Jobs
from napari_ct_grounding.widgets.panels.notice import NoticeBoard
from napari_ct_grounding.widgets.panels.take_away_menu import TakeAwayEntry, TakeAwayMenu
from napari_ct_grounding.widgets.sources import LayerSource

if TYPE_CHECKING:
    from napari_ct_grounding.widgets.presenter import Presenter
    from napari_ct_grounding.widgets.volumes import VolumeList

__all__ = ["TakeAwayDesk", "menu_entries", "take_away_of"]

#: Files for which every system has a program.
_SHOWN_BY_OTHERS = (".html", ".csv", ".png", ".gif", ".mp4")

_NOTHING = "There is nothing to take away yet. Ask for a sentence, or paste a report."


def menu_entries() -> list[TakeAwayEntry]:
    """The forms as the menu shows them."""
    return [TakeAwayEntry(form.key, form.title, form.tool_tip) for form in FORMATS.values()]


def take_away_of(
    controller: GroundingController, volumes: VolumeList, report_rows: Callable[[], Iterable[Finding]]
) -> TakeAway | None:
    """Return what is known of the chosen scan: the sentences of its report, then those that were typed; None without any.

    Parameters
    ----------
    controller : GroundingController
    volumes : VolumeList
        Knows where the scan was read from.
    report_rows : callable
        Gives the sentences of the report that is shown.
    """
    source, answers, facts = controller.intent.source, controller.answers, controller.facts
    if source is None or answers is None or facts is None:
        return None
    findings = list(report_rows())
    told = {id(finding.result) for finding in findings}
    findings += [Finding(result.sentence, result) for result in answers.results.values() if id(result) not in told]
    if all(finding.result is None for finding in findings):
        return None
    walk = Walk.from_encoded(
        answers.scan.encoded,
        findings,
        weights_name=facts.weights_name,
        precision=facts.precision,
        diseases=answers.diseases or (),
    )
    return TakeAway(walk, source.load, volumes.source_path())


class TakeAwayDesk:
    """Does what the menu asks for. Lives on the GUI thread; files are written and read on that of `jobs`.

    Parameters
    ----------
    menu : TakeAwayMenu
    jobs : Jobs
    notices : NoticeBoard
    controller : GroundingController
    volumes : VolumeList
    presenter : Presenter
        Shows answers that were read from a file.
    report_rows : callable
        Gives the sentences of the report that is shown.
    """

    def __init__(
        self,
        menu: TakeAwayMenu,
        jobs: Jobs,
        notices: NoticeBoard,
        controller: GroundingController,
        volumes: VolumeList,
        presenter: Presenter,
        report_rows: Callable[[], Iterable[Finding]],
    ) -> None:
        self.menu = menu
        self._jobs = jobs
        self._notices = notices
        self._controller = controller
        self._volumes = volumes
        self._presenter = presenter
        self._report_rows = report_rows
        self._folder = Path.home()
        self._running: dict[str, int] = {}
        menu.saving_requested.connect(self._on_saving_requested)
        menu.table_copy_requested.connect(self._on_table_copy_requested)
        menu.picture_copy_requested.connect(self._on_picture_copy_requested)
        menu.opening_requested.connect(self._on_opening_requested)

    # -- wishes

    def save(self, key: str, path: Path) -> None:
        """Write one form in the background; the notice shows progress with Cancel, then where the file is."""
        take_away = self._take_away()
        if take_away is not None:
            self._folder = path.parent
            self._start(
                key, f"Writing {path.name}", partial(_write, path, key, take_away), partial(self._on_saved, path)
            )

    def open(self, path: Path) -> None:
        """Read a walk in the background and show it, when it was made on the chosen scan."""
        source = self._controller.intent.source
        if source is None:
            self._tell("open", "Open the scan first: saved results are shown on the scan that they were made on.")
            return
        self._folder = path.parent
        self._start(
            "open", f"Reading {path.name}", partial(_read, path, source), partial(self._show_read, path.name, source)
        )

    def cancel_all(self) -> None:
        """Stop all work; nothing half written is left."""
        for job_id in list(self._running.values()):
            self._jobs.cancel(job_id)

    def _take_away(self) -> TakeAway | None:
        """What is to be taken away; a notice where there is nothing."""
        take_away = take_away_of(self._controller, self._volumes, self._report_rows)
        if take_away is None:
            self._tell("nothing", _NOTHING)
            return None
        self._notices.remove_notice(_notice_key("nothing"))
        return TakeAway(take_away.walk, take_away.load_volume, take_away.source, self.menu.with_patient)

    def _on_saving_requested(self, key: str) -> None:
        form = FORMATS[key]
        if self._take_away() is None:
            return
        path, _ = QFileDialog.getSaveFileName(
            self.menu, f"Take away: {form.title}", str(self._folder / form.file_name), f"{form.title} (*{form.suffix})"
        )
        if path:
            named = Path(path)
            self.save(key, named if named.suffix else named.with_name(named.name + form.suffix))

    def _on_opening_requested(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self.menu, "Open saved results", str(self._folder), "Saved results (*.json);;All files (*)"
        )
        if path:
            self.open(Path(path))

    def _on_table_copy_requested(self) -> None:
        take_away = self._take_away()
        if take_away is not None:
            self._start("copy", "Copying the table", partial(_table, take_away), self._on_table_made)

    def _on_picture_copy_requested(self) -> None:
        take_away = self._take_away()
        if take_away is not None:
            self._start("copy", "Making the contact sheet", partial(_sheet, take_away), self._on_sheet_made)

    # -- work and what comes of it

    def _start(self, kind: str, text: str, task: Callable[[JobContext], Any], on_done: Callable[[Any], None]) -> None:
        """Run one piece of work of a kind; an older one of the same kind is stopped."""
        if kind in self._running:
            self._jobs.cancel(self._running[kind])
        key = _notice_key(kind)
        self._notices.show_notice(key, f"{text}\u2026", [("Cancel", partial(self._cancel, kind))], is_warning=False)
        continuations = Continuations(
            on_done=partial(self._end, kind, on_done),
            on_failed=partial(self._end, kind, partial(self._on_failed, kind)),
            on_cancelled=partial(self._end, kind, lambda _: None, None),
            on_progress=lambda done, total: self._notices.set_text(key, f"{text}\u2026 {done} of {total}"),
        )
        self._running[kind] = self._jobs.submit(task, continuations)

    def _cancel(self, kind: str) -> None:
        if kind in self._running:
            self._jobs.cancel(self._running[kind])

    def _end(self, kind: str, tell: Callable[[Any], None], answer: Any) -> None:
        self._running.pop(kind, None)
        self._notices.remove_notice(_notice_key(kind))
        tell(answer)

    def _on_failed(self, kind: str, error: Exception) -> None:
        text = str(error)
        if not isinstance(error, GroundingError):
            text = f"Something went wrong while the file was made ({type(error).__name__}); the log holds the details."
        self._tell(kind, text, is_warning=True)

    def _on_saved(self, path: Path, _: None) -> None:
        actions = [("Open folder", partial(_show, path.parent))]
        if path.suffix in _SHOWN_BY_OTHERS:
            actions.insert(0, ("Open", partial(_show, path)))
        key = _notice_key("saved")
        self._notices.show_notice(key, f"Saved {path.name}.", actions, is_warning=False, is_closable=True)

    def _on_table_made(self, text: str) -> None:
        QGuiApplication.clipboard().setText(text)
        self._tell("copy", "The table is on the clipboard.")

    def _on_sheet_made(self, png: bytes) -> None:
        QGuiApplication.clipboard().setImage(QImage.fromData(png))
        self._tell("copy", "The contact sheet is on the clipboard.")

    def _show_read(self, name: str, source: LayerSource, walk: Walk) -> None:
        """Show answers of a file, if the scan that they are about is still the chosen one."""
        if self._controller.intent.source != source:
            self._tell(
                "open",
                f"{name} was read, but another scan was chosen meanwhile. Choose the first one and open it again.",
            )
            return
        if not walk.results:
            self._tell("open", f"{name} holds no answers.", is_warning=True)
            return
        results = walk.results[::-1]  # the list shows the newest first, and a report begins at the top
        answers = self._controller.answers
        if answers is not None and _is_same_model(answers.scan.encoded, walk):
            for result in results:  # as if they had been asked for here
                answers.results.setdefault(" ".join(result.sentence.split()), result)
            self._controller.scan_changed.emit()
        firsts = [finding.result for _, finding in walk.key_findings if finding.result is not None]
        self._presenter.show_saved(results, (firsts or walk.results)[0])
        number = f"{len(walk.results)} answer{'s' * (len(walk.results) > 1)}"
        self._tell(
            "open", f"{number} of {name}: weights {walk.weights_name}, {date_text(walk.created)}. Nothing was computed."
        )

    def _tell(self, kind: str, text: str, *, is_warning: bool = False) -> None:
        self._notices.show_notice(_notice_key(kind), text, is_warning=is_warning, is_closable=True)


def _is_same_model(encoded: Any, walk: Walk) -> bool:
    """Whether answers of a walk are those that the encoded scan would give."""
    return (encoded.weights_fingerprint, encoded.coverage) == (walk.weights_fingerprint, walk.coverage)


def _notice_key(kind: str) -> str:
    return f"take away {kind}"


def _show(path: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))


# -- on the worker: plain values in, plain values out


def _write(path: Path, key: str, take_away: TakeAway, context: JobContext) -> None:
    write_take_away(path, key, take_away, context.report_progress, context.is_cancelled)


def _table(take_away: TakeAway, _: JobContext) -> str:
    from napari_ct_grounding.export.table import table_csv

    return table_csv(take_away.shown_walk, delimiter="\t")


def _sheet(take_away: TakeAway, context: JobContext) -> bytes:
    from napari_ct_grounding.export.contact_sheet import contact_sheet

    stream = io.BytesIO()
    sheet = contact_sheet(take_away.shown_walk, take_away.load_volume(), context.report_progress, context.is_cancelled)
    sheet.save(stream, "PNG")
    return stream.getvalue()


def _read(path: Path, source: LayerSource, _: JobContext) -> Walk:
    from napari_ct_grounding.export.walk_file import read_walk

    walk = read_walk(path)
    if not walk.is_of(source.load()):
        raise InputError(
            f"{path.name} was made on another scan (fingerprint {walk.scan.fingerprint[:8]}\u2026). Open that scan, choose it, "
            "and open the file again."
        )
    return walk
