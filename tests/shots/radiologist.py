"""The pictures of docs/walk-radiologist.md: a DICOM folder, its report, and what is taken away."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_ct_grounding.widgets.orthogonal_views.dock import OrthogonalViews
from napari_ct_grounding.widgets.report.list_view import ReportListView
from tests.shots.material import Study, make_study
from tests.shots.user import User, opened_viewer

__all__ = ["take_radiologist_walk"]

_OWN_DISEASE = "Hiatal hernia of the stomach"


def take_radiologist_walk(out: Path, scratch: Path) -> None:
    """Take them."""
    study = make_study(scratch / "chest CT")
    with opened_viewer() as viewer:
        user = User(viewer, out)
        dock = user.open_dock("CT Grounding")
        _open_and_ask(user, dock, study)
        _read_report(user, dock, study)
        _look_around(user, dock)
        _take_away(user, dock, scratch, out)
    with opened_viewer("light") as viewer:
        user = User(viewer, out)
        dock = user.open_dock("CT Grounding")
        user.wait(lambda: user.has_button("Discard"), "the offer to go on")
        user.shoot("radiologist-go-on")


def _open_and_ask(user: User, dock: Any, study: Study) -> None:
    user.shoot("radiologist-start")
    with user.menu("Open"):
        user.shoot("radiologist-open")
    user.drop(dock, study.folder)
    user.wait(lambda: user.viewer.layers, "the scan")
    user.wait_for_quiet(dock)
    user.type("Report sentence, then Enter", "Mass in the left hilum.")
    user.wait(lambda: dock.controller.answers and dock.controller.answers.diseases, "answer and scores")
    user.wait_for_quiet(dock)
    user.shoot("radiologist-sentence")


def _read_report(user: User, dock: Any, study: Study) -> None:
    user.tab("Report")
    user.shoot("radiologist-report-empty")
    user.paste(user.focused(), study.report)
    rows = user.see(ReportListView)
    user.wait_for_quiet(dock)
    user.give_room_above(dock.lower_tabs)
    for _ in range(2):
        user.key(rows, Qt.Key.Key_Down)
    user.shoot("radiologist-report")
    for line in (2, 3):
        place = rows.visualRect(rows.model().index(_line_of(rows, line), 0)).center()
        QTest.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier, place)
    user.shoot("radiologist-overlay")
    user.check("Localizable only", True)
    user.key(rows, Qt.Key.Key_Home)
    user.key(rows, Qt.Key.Key_Down)
    user.shoot("radiologist-localizable")
    user.check("Localizable only", False)
    user.theme("light")
    user.shoot("radiologist-report-light")
    user.theme("dark")
    user.give_room_above(dock.lower_tabs, share=0.5)


def _line_of(rows: ReportListView, number: int) -> int:
    """Line of the n-th finding that has a place."""
    from napari_ct_grounding.widgets.report.lines import walkable

    return [index for index, line in enumerate(rows.lines.lines) if walkable(line)][number]


def _look_around(user: User, dock: Any) -> None:
    user.type("Add your own disease, then Enter", _OWN_DISEASE)
    user.wait_for_quiet(dock)
    user.shoot("radiologist-diseases")
    user.tab("Here")
    user.wait_for_quiet(dock)
    user.shoot("radiologist-here")
    user.choose("More settings", "Orthogonal views")
    user.wait(lambda: user.see(OrthogonalViews), "the other planes")
    user.viewer.reset_view()  # the button with the house: the canvas has become smaller
    user.pause(0.5)
    user.shoot("radiologist-views")
    user.viewer.window.remove_dock_widget(user.see(OrthogonalViews))
    user.pause()
    user.viewer.reset_view()


def _take_away(user: User, dock: Any, scratch: Path, out: Path) -> None:
    user.tab("Report")
    with user.menu("Take away \u25be"):
        user.shoot("radiologist-take-away")
    (scratch / "away").mkdir()
    for key, name in (("png", "contact-sheet.png"), ("html", "report.html")):
        dock.take_away.save(key, scratch / "away" / name)
        user.wait((scratch / "away" / name).is_file, name)
    user.wait(lambda: user.has_button("Open folder"), "the notice")
    user.shoot("radiologist-saved")
    shutil.copy(scratch / "away" / "contact-sheet.png", out / "radiologist-contact-sheet.png")
