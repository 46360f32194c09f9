"""The report reader in a real viewer, by keyboard alone."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QApplication

from napari_ct_grounding.widgets.dock import GroundingDock
from napari_ct_grounding.widgets.view import current_slice

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("no_threads_left")]

REPORT = "Findings: Nodule in the chest (series 4, image 14). No pericardial effusion. Nodule above the other."


def test_a_report_is_pasted_walked_and_taken_back_by_keys(make_napari_viewer_proxy, qtbot, session, add_ct):
    viewer = make_napari_viewer_proxy(show=True)
    layer = add_ct(viewer)
    dock = GroundingDock(viewer, lambda *_: session)
    viewer.window.add_dock_widget(dock, name="CT Grounding", area="right")
    qtbot.waitUntil(lambda: not dock.volume_switch.is_due)
    tab = dock._tabs[0]
    dock.tabs.setCurrentWidget(tab.panel)
    QGuiApplication.clipboard().setText(REPORT)
    # Xvfb has no window manager that gives focus: keys go to the page that asks for it.
    qtbot.keyClick(tab.panel.hint, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: len(tab.walk_rows()) == 3, timeout=20_000)
    qtbot.waitUntil(lambda: all(row.result for row in tab.walk_rows()) and dock.jobs.is_idle, timeout=60_000)
    qtbot.keyClick(tab.panel.list, Qt.Key.Key_Down)
    assert current_slice(viewer, layer) == 30
    assert dock.strip.result.sentence.startswith("Nodule in the chest")
    assert [mark.kind for mark in dock.strip.marks] == ["finding", "finding", "reference"]
    assert not dock.table.results(), "the list of single answers is not flooded"
    qtbot.keyClick(tab.panel.list, Qt.Key.Key_Delete)
    assert len(tab.walk_rows()) == 2
    qtbot.keyClick(tab.panel.list, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert len(tab.walk_rows()) == 3
    QApplication.clipboard().clear()
