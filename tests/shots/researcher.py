"""The pictures of docs/walk-researcher.md: the error browser, then what moves an answer, and two weights side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QTreeWidget

from napari_ct_grounding.widgets.here.ruler import Ruler
from napari_ct_grounding.widgets.localization_errors.table_view import ErrorTable
from napari_ct_grounding.widgets.panels.weights_chooser import WeightsChooser
from tests.shots.material import make_other_weights
from tests.shots.user import User, opened_viewer

__all__ = ["take_researcher_walk"]

_SENTENCES = (
    "Mass in the left hilum.",
    "Right pleural effusion.",
    "Calcified plaques in the aortic arch.",
    "Cyst in the right lobe of the liver.",
    "Scarring at the right lung apex.",
    "Level of the carina.",
)


def take_researcher_walk(out: Path, scratch: Path) -> None:
    """Take them."""
    with opened_viewer() as viewer:
        _browse_errors(User(viewer, out))
    with opened_viewer() as viewer:
        _ask_why_and_compare(User(viewer, out), make_other_weights(scratch / "with noise"))


def _browse_errors(user: User) -> None:
    dock = user.open_dock("Localization errors")
    user.shoot("researcher-errors-empty")
    user.choose("File", "Try the demo case")
    user.wait(lambda: dock.session.file is not None and dock.session.found is not None, "the demo case")
    user.shoot("researcher-errors")
    user.click("\u00d7", inside=dock.notices)  # the notice of the scan that is missing on purpose
    rows = user.see(ErrorTable)
    for _ in range(2):
        user.key(rows, Qt.Key.Key_N)
    user.wait(lambda: dock.walk.placed is not None, "the scan of the row")
    user.pause(0.5)
    user.shoot("researcher-case")
    user.tab("Summary")
    user.give_room_above(dock.tabs, share=0.72)
    user.shoot("researcher-summary")
    user.theme("light")
    user.shoot("researcher-summary-light")


def _ask_why_and_compare(user: User, other: Path) -> None:
    dock = user.open_dock("CT Grounding")
    user.click("Open the sample")
    user.wait(lambda: user.viewer.layers, "the sample")
    for sentence in _SENTENCES:
        user.type("Report sentence, then Enter", sentence)
        user.wait_for_quiet(dock)
    user.key(user.line("Report sentence, then Enter"), Qt.Key.Key_Up)
    user.type("Report sentence, then Enter", _SENTENCES[1])
    user.tab("Why")
    user.wait_for_quiet(dock)
    user.shoot("researcher-why")
    user.tab("Compare")
    user.shoot("researcher-compare-empty")
    _compare(user, dock, other)
    user.shoot("researcher-compare")
    user.tab("Here")
    user.wait_for_quiet(dock)
    user.see(Ruler)
    user.theme("light")
    user.shoot("researcher-here-light")


def _compare(user: User, dock: Any, other: Path) -> None:
    """Choose a folder of weights, as the file dialog of the last row would, and compare."""
    choosers = [box for box in user.window.findChildren(WeightsChooser) if box.accessibleName() == "Second weights"]
    choosers[0].add_folder(other)
    user.click("Compare")
    user.wait_for_quiet(dock)
    table = user.see(QTreeWidget)
    user.key(table, Qt.Key.Key_Down)
