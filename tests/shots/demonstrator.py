"""The pictures of docs/walk-demonstrator.md, and the one of the README: the bundled case, its sentences and its report."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt

from napari_ct_grounding.widgets.demo import open_demo
from napari_ct_grounding.widgets.report.list_view import ReportListView
from tests.shots.user import User, opened_viewer

__all__ = ["take_demonstrator_walk"]


def take_demonstrator_walk(out: Path, scratch: Path) -> None:
    """Take them."""
    with opened_viewer(title="CT Grounding") as viewer:
        user = User(viewer, out)
        dock = open_demo(viewer)
        user.wait(lambda: dock.controller.answers and dock.controller.answers.diseases, "answer and scores")
        user.wait_for_quiet(dock)
        user.shoot("demo")
        with user.menu("Example sentences"):
            user.shoot("demonstrator-examples")
        user.choose("Example sentences", "Rechtsseitiger Pleuraerguss.")
        user.wait_for_quiet(dock)
        user.shoot("demonstrator-german")
        user.tab("Report")
        user.click("Example report")
        user.wait_for_quiet(dock)
        rows = user.see(ReportListView)
        for _ in range(2):
            user.key(rows, Qt.Key.Key_Down)
        user.shoot("demonstrator-report")
        user.theme("light")
        user.shoot("demonstrator-report-light")
