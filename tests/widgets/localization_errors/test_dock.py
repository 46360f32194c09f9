"""The dock as a whole, in a viewer without a window: file, rows, scans, notes."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent
from qtpy.QtWidgets import QApplication

from napari_ct_grounding.core.evaluation_results import EvaluationResults, Figure
from napari_ct_grounding.widgets.localization_errors import dock as dock_module
from napari_ct_grounding.widgets.localization_errors.notes import notes_path, read_notes
from napari_ct_grounding.widgets.localization_errors.table_view import EMPTY_HINT
from tests.core.localization_rows import a_row, results_of
from tests.widgets.localization_errors.conftest import is_idle


def names(viewer):
    return [layer.name for layer in viewer.layers]


def z_of(viewer):
    return viewer.dims.point[0]


def test_a_file_shows_its_rows_the_worst_first_and_says_what_made_it(browser):
    assert browser.table.rows.rowCount() == 6
    assert browser.table.rows.index(0, 1).data() == "finding number 3"
    assert browser.tabs.tabText(0) == "Rows (6)"
    assert "weights bundled (abababab)" in browser.status_line.facts.text()
    assert browser.status_line.facts.text().endswith("Research use only")
    assert browser.file_bar.name.text() == "results.json"


def test_a_row_opens_its_scan_goes_to_the_answer_and_draws_answer_and_truth(browser, viewer, row_named, settled):
    row_named(2)
    settled()
    assert names(viewer) == ["ct", "true range", "true slice", "interval", "predicted slice"]
    assert z_of(viewer) == -300.0
    assert browser.detail.values[0].text() == "40.0 mm, too low"
    assert [mark.kind for mark in browser.detail.strip.marks] == ["peak", "truth"]
    assert browser.detail.strip.position_mm == -300.0
    layers = {layer.name: layer for layer in viewer.layers}
    truth = np.flatnonzero(np.asarray(layers["true range"].data)[:, 0, 0])
    assert (truth[0], truth[-1]) == (35, 38), "-260 to -250 mm are 35 and 37.5 slices of 4 mm above -400"
    assert layers["predicted slice"].visible
    assert not layers["true slice"].visible, "it is seen on its own slice"
    browser.detail.to_truth.click()
    assert abs(z_of(viewer) - -255.0) <= 2
    assert layers["true slice"].visible
    browser.detail.to_answer.click()
    assert z_of(viewer) == -300.0


def test_n_and_p_walk_through_the_rows_shown_and_reuse_the_layers(browser, viewer, settled, qtbot):
    browser.filter_bar.status.setCurrentText("done")
    browser.table.setFocus()
    for key, sentence, scan in (
        (Qt.Key.Key_N, "finding number 3", "b"),
        (Qt.Key.Key_N, "finding number 2", "a"),
        (Qt.Key.Key_N, "finding number 1", "a"),
        (Qt.Key.Key_N, "finding number 1", "a"),
        (Qt.Key.Key_P, "finding number 2", "a"),
    ):
        qtbot.keyClick(browser.table, key)
        settled()
        assert browser.detail.sentence.text() == sentence
        source = browser.walk.view.source
        assert source.volume.fingerprint == browser.session.file.errors.rows[0 if scan == "a" else 2].volume_fingerprint
    assert [name for name in names(viewer) if name.startswith("ct")] == ["ct", "ct [1]"], "each scan was added once"


def test_keys_of_the_canvas_step_too_and_text_keeps_its_letters(browser, viewer, qtbot, settled):
    from napari.utils.key_bindings import coerce_keybinding

    viewer.keymap[coerce_keybinding("n")](viewer)
    settled()
    assert browser.table.current_number() == 2
    browser.filter_bar.text.setFocus()
    qtbot.keyClicks(browser.filter_bar.text, "nap")
    assert browser.filter_bar.text.text() == "nap"
    assert browser.table.current_number() == 2
    browser._rest()
    assert coerce_keybinding("n") not in viewer.keymap


def test_keys_that_somebody_else_has_stay_theirs(qtbot):
    from napari.components import ViewerModel
    from napari.utils.key_bindings import coerce_keybinding

    viewer, n, p = ViewerModel(), coerce_keybinding("n"), coerce_keybinding("p")
    viewer.bind_key("n", print)
    dock = dock_module.LocalizationErrorsDock(viewer)
    qtbot.addWidget(dock)
    assert viewer.keymap[n] is print
    assert p in viewer.keymap
    dock._leave()
    assert viewer.keymap == {n: print}


def test_a_failed_row_goes_to_the_truth_and_says_why(browser, viewer, row_named, settled):
    row_named(5)
    settled()
    assert browser.detail.message.text() == "Failed: The scan cannot be read."
    assert z_of(viewer) == -300.0
    assert names(viewer) == ["ct", "true range", "true slice"]


def test_a_missing_scan_greys_its_row_and_the_folder_can_be_chosen(browser, viewer, study, row_named, settled, qtbot):
    assert browser.notices.text_of("missing").startswith("1 of 3 scans was not found under")
    assert browser.table.rows.is_missing.tolist() == [False] * 5 + [True]
    row_named(6)
    settled()
    assert browser.detail.open_button.text() == "Not found"
    assert names(viewer) == []
    assert browser.detail.values[1].text().startswith("no clear location"), "its answer can be read all the same"
    (study.folder / "b" / "ct.nii.gz").rename(study.folder / "b" / "ct2.nii.gz")
    browser.file_bar.folder_chosen.emit(str(study.folder))
    settled()
    assert browser.table.rows.is_missing.tolist() == [False, False, True, True, True, False]
    row_named(6)
    browser.open_current()
    settled()
    assert names(viewer)[0] == "ct2"
    assert browser.session.memory.folder_of(study.path) == study.folder


def test_a_scan_that_was_exchanged_is_shown_with_a_warning(browser, viewer, study, row_named, settled):
    (study.folder / "a" / "ct.nii.gz").write_bytes((study.folder / "b" / "ct.nii.gz").read_bytes())
    row_named(1)
    settled()
    assert "is not the scan that was asked about" in browser.notices.text_of("other scan")


def test_tags_and_notes_are_saved_beside_the_results_and_come_back(browser, study, row_named, settled, qtbot):
    row_named(2)
    qtbot.keyClick(browser.table, Qt.Key.Key_2)
    browser.detail.note.setText("other side")
    row_named(3)
    browser.detail.tag.setCurrentText("my own tag")
    browser.detail.take_note()
    browser.session.flush()
    settled()
    notes = {key[4]: note for key, note in read_notes(notes_path(study.path)).items()}
    assert (notes["finding number 2"].tag, notes["finding number 2"].text) == ("truth is wrong", "other side")
    assert notes["finding number 3"].tag == "my own tag"
    assert browser.session.num_unsaved_notes == 0
    browser.session.open(study.path)
    settled()
    browser.filter_bar.tag.setCurrentText("my own tag")
    assert browser.table.rows.shown.tolist() == [2]
    browser.filter_bar.clear()
    browser.filter_bar.text.setText("other side")
    browser.filter_bar._tell()
    assert browser.table.rows.shown.tolist() == [1]
    row_named(2)
    assert browser.detail.note.text() == "other side"
    assert browser.detail.tag.currentText() == "truth is wrong"


def test_notes_that_cannot_be_saved_are_told_and_kept_for_the_next_try(browser, study, row_named, settled):
    blocked = notes_path(study.path)
    blocked.mkdir()
    row_named(1)
    browser.table.tag_requested.emit("fine")
    browser.session.flush()
    assert browser.notices.text_of("saving")
    assert browser.session.num_unsaved_notes == 1
    assert browser.table.rows.notes[0].tag == "fine"
    blocked.rmdir()
    browser.notices.press("saving", "Try again")
    assert browser.notices.text_of("saving") is None
    assert len(read_notes(notes_path(study.path))) == 1


def test_a_file_of_notes_that_is_damaged_is_told_and_left_alone(browser, study, row_named, settled):
    notes_path(study.path).write_text("{")
    browser.session.open(study.path)
    settled()
    assert "not valid JSON" in browser.notices.text_of("saving")
    row_named(1)
    browser.table.tag_requested.emit("fine")
    browser.session.flush()
    assert notes_path(study.path).read_text() == "{"


def test_the_rows_shown_go_into_a_csv_in_the_order_shown(browser, study, settled, tmp_path):
    browser.filter_bar.set_category("lung")
    out = tmp_path / "rows.csv"
    browser.file_bar.export_chosen.emit(str(out))
    settled()
    with open(out, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["sentence"] for row in rows] == ["finding number 2", "finding number 1"]
    browser.file_bar.export_chosen.emit(str(tmp_path / "missing" / "rows.csv"))
    settled()
    assert "rows.csv cannot be written" in browser.notices.text_of("failed")


def test_the_summary_follows_the_filter_and_leads_to_rows(browser, settled):
    browser.tabs.setCurrentIndex(1)
    assert browser.summary.rows.text() == "6 rows; errors of 4 sentences in 3 scans"
    browser.summary.category_chosen.emit("lung")
    assert browser.summary.rows.text() == "2 of 6 rows; errors of 2 sentences in 1 scan"
    assert browser.tabs.tabText(0) == "Rows (2 of 6)"
    browser.summary.row_chosen.emit(1)
    settled()
    assert browser.table.current_number() == 1
    assert browser.summary.scatter._current == 1


def test_a_removed_layer_takes_its_drawing_along_and_is_opened_again(browser, viewer, row_named, settled):
    row_named(1)
    settled()
    viewer.layers["ct"].name = "renamed by the user"
    viewer.layers.remove("renamed by the user")
    assert names(viewer) == []
    assert browser.walk.view.source is None
    assert browser.detail.strip.position_mm is None
    browser.open_current()
    settled()
    assert names(viewer)[0] == "ct"


def test_files_that_cannot_be_used_are_told_and_the_open_one_stays(browser, tmp_path, settled):
    damaged = tmp_path / "damaged.json"
    damaged.write_text("{")
    browser.session.open(damaged)
    settled()
    assert "damaged.json is not valid JSON" in browser.notices.text_of("failed")
    assert browser.table.rows.rowCount() == 6


def test_a_file_is_opened_when_it_is_dropped_and_other_files_are_not_taken(browser, tmp_path, settled):
    other = tmp_path / "other.json"
    results_of(a_row(3, 4)).write(other)

    def drop(path):
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path))])
        event = QDropEvent(
            QPointF(5, 5),
            Qt.DropAction.CopyAction,
            data,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
        browser.dropEvent(event)
        return event

    drop(tmp_path / "scan.nii.gz")
    assert browser.session.is_working is False
    drop(other)
    settled()
    assert browser.table.rows.rowCount() == 1
    assert browser.session.memory.files[0] == str(other)


def test_recent_files_stand_in_the_menu(browser, study):
    browser.file_bar._fill_menu()
    again = next(action.menu() for action in browser.file_bar.menu.actions() if action.text() == "Open again")
    assert [action.text() for action in again.actions()] == ["results.json"]
    assert [action.text() for action in browser.file_bar.menu.actions() if action.text()][2] == "Try the demo case"


def test_a_file_of_version_1_says_how_it_was_read_and_its_positions_find_their_place(
    browser, study, viewer, row_named, settled
):
    record = {"volume": "a/ct.nii.gz", "text": "left effusion", "pred": 4, "target": 7}
    path = study.folder / "released.json"
    path.write_text(json.dumps({"schema_version": 1, "results": [record]}))
    browser.session.open(path)
    settled()
    assert "the layout of the released code is not documented" in browser.notices.text_of("about the file")
    row_named(1)
    assert browser.detail.values[1].text() == "depth position 4 from below"
    settled()
    # 240 mm of scan are 80 slices of 3 mm, of which the released chain keeps the middle 64.
    assert abs(z_of(viewer) - (-402 + 8 * 3 + 4.5 * 12)) <= 2.1
    assert browser.detail.values[0].text() == "36.0 mm, too low"


def test_the_figures_of_an_evaluation_are_shown_as_such(browser, tmp_path, settled):
    results = EvaluationResults("localization", "phantoms", "bundled", "ab" * 8, (Figure("mean_mm", 12.5, 10.0, 15.0),))
    browser.session.open(results.write(tmp_path))
    settled()
    assert browser.tabs.currentIndex() == 2
    assert [browser.figures.item(0, column).text() for column in range(5)] == [
        "all",
        "model",
        "mean mm",
        "12.5",
        "10 to 15",
    ]
    assert "holds the figures of a whole evaluation" in browser.notices.text_of("about the file")
    assert browser.tabs.tabText(0) == "Rows"


def test_a_long_list_is_opened_beside_the_window_and_another_wish_ends_the_first(browser, study, tmp_path, settled):
    other = tmp_path / "other.json"
    results_of(a_row(3, 4)).write(other)
    browser.session.open(study.path)
    assert not browser.file_bar.cancel.isHidden()
    browser.session.open(other)
    settled()
    assert browser.table.rows.rowCount() == 1
    browser.session.open(study.path)
    browser.file_bar.cancel.click()
    assert browser.file_bar.cancel.isHidden()
    settled()
    assert browser.table.rows.rowCount() == 1, "a file that was given up does not come"


def test_a_reading_that_was_cancelled_adds_no_layer(browser, viewer, row_named, settled):
    row_named(1)
    browser.open_current()
    browser.walk.opener.cancel()
    settled()
    assert names(viewer) == []


def test_an_empty_browser_says_how_to_begin(qtbot, viewer):
    dock = dock_module.LocalizationErrorsDock(viewer)
    qtbot.addWidget(dock)
    dock.resize(420, 760)
    dock.show()
    assert not dock.filter_bar.isEnabled()
    assert "ct-grounding batch" in EMPTY_HINT
    dock.grab()
    dock._leave()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_panel_can_be_seen_in_both_themes_at_the_smallest_window(browser, viewer, theme, row_named, settled):
    viewer.theme = theme
    row_named(2)
    settled()
    browser.resize(browser.minimumWidth(), 700)
    assert browser.minimumSizeHint().height() <= 700, "the dock must fit into a window of 800 pixels"
    for tab in (0, 1):
        browser.tabs.setCurrentIndex(tab)
        QApplication.processEvents()
        browser.grab()


def test_the_demo_case_is_asked_and_opened(browser, settled, monkeypatch, study):
    from napari_ct_grounding.widgets.localization_errors import file_session

    sample = study.folder / "demo.json"
    results_of(a_row(3, 4, scan="a/ct.nii.gz")).write(sample)

    def made(context):
        context.report_stage("Asking about the demo case")
        context.report_progress(1, 2)
        return sample, study.folder

    monkeypatch.setattr(file_session, "write_sample_results", made)
    browser.file_bar.sample_requested.emit()
    settled()
    assert browser.file_bar.name.text() == "demo.json"
    assert is_idle(browser)
    assert browser.table.rows.is_missing.tolist() == [False]
