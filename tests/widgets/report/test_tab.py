"""The tab "Report" in a dock without a window: viewer model, panels, session, strip."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtGui import QGuiApplication

from napari_ct_grounding.core.slice_table import ImageRecord, SeriesTable, table_of_volume
from napari_ct_grounding.readers.napari_reader import layer_of_volume
from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.navigation import SliceFollower
from napari_ct_grounding.widgets.panels.colors import colors_of_theme
from napari_ct_grounding.widgets.panels.dock_panels import DockPanels
from napari_ct_grounding.widgets.presenter import Presenter
from napari_ct_grounding.widgets.report.tab import ReportTab
from napari_ct_grounding.widgets.sources import source_of_layer
from napari_ct_grounding.widgets.tabs import TabContext
from napari_ct_grounding.widgets.view import current_slice
from napari_ct_grounding.widgets.volumes import VolumeList
from napari_ct_grounding.widgets.work import SessionStore

#: The fake session sees a sphere in slice 30 (z -310 mm), image 18; "above" and "flat" move and flatten the profile.
REPORT = """Findings: Bright sphere in the chest (series 4, image 14). No pericardial effusion.
Nodule above the sphere. A flat scar in the lung.
Impression: Sphere, see series 9, image 3."""
SPHERE_SLICE = 30


class Dock(SimpleNamespace):
    """What a tab meets in the dock."""

    def choose(self, layer):
        source = None if layer is None else source_of_layer(layer)
        self.volumes.chosen_id = None if layer is None else layer.unique_id
        self.follower.set_source(source)
        self.controller.choose_source(source)

    def add(self, volume, **metadata):
        data, meta, _ = layer_of_volume(volume, **metadata)
        return self.viewer.add_image(data, **meta)


@pytest.fixture
def dock(qtbot, inline_jobs, session):
    viewer = ViewerModel()
    colors = colors_of_theme("dark")
    panels = DockPanels(colors)
    qtbot.addWidget(panels)
    controller = GroundingController(inline_jobs, SessionStore(lambda *_: session))
    follower, volumes = SliceFollower(viewer), VolumeList(viewer)
    presenter = Presenter(viewer, controller, follower, volumes, panels)
    presenter.is_live = True
    panels.strip.z_requested.connect(follower.go_to_z)
    context = TabContext(viewer, controller, follower, presenter, volumes, panels.notices, panels.strip, inline_jobs)
    follower.follow()
    failures = []
    controller.failed.connect(failures.append)
    dock = Dock(
        viewer=viewer, panels=panels, controller=controller, follower=follower, volumes=volumes, presenter=presenter,
        strip=panels.strip, jobs=inline_jobs, failures=failures, tab=ReportTab(context, colors),
    )  # fmt: skip
    panels.tabs.insertTab(0, dock.tab.panel, "Report")
    panels.tabs.setCurrentIndex(0)
    panels.resize(420, 760)
    panels.show()
    dock.tab.go_live()
    yield dock
    dock.tab.leave()
    follower.rest()


@pytest.fixture
def walked(dock, volume):
    """The report grounded in an open volume."""
    dock.layer = dock.add(volume)
    dock.choose(dock.layer)
    dock.tab.set_report(REPORT)
    dock.jobs.run_all()
    return dock


def _view(dock):
    return dock.tab.panel.list


def _lines(dock):
    return {line.row: line for line in _view(dock).lines.lines if line.row is not None}


def test_a_pasted_report_is_encoded_and_grounded_at_once(dock, volume, session):
    dock.choose(dock.add(volume))
    QGuiApplication.clipboard().setText(REPORT)
    dock.tab.panel.hint.paste.click()
    dock.jobs.run_all()
    assert session.num_encoded == 1
    assert len(session.grounded) == 5
    assert all(line.result is not None for line in _lines(dock).values())
    assert dock.tab.panel.status.text() == "3 findings"
    assert not dock.failures


def test_what_is_no_report_is_told(dock):
    QGuiApplication.clipboard().setText("")
    dock.tab.panel.hint.paste.click()
    assert [str(error)[:11] for error in dock.failures] == ["No sentence"]


def test_a_report_pasted_before_a_volume_is_open_waits_for_it(dock, volume, session):
    dock.tab.set_report(REPORT)
    assert not dock.failures
    assert len(_lines(dock)) == 5
    dock.choose(dock.add(volume))
    dock.controller.encode()
    dock.jobs.run_all()
    assert len(session.grounded) == 5


def test_walking_jumps_draws_and_marks(walked):
    _view(walked).walk(1)
    assert current_slice(walked.viewer, walked.layer) == SPHERE_SLICE
    assert walked.strip.result is _lines(walked)[0].result
    kinds = [mark.kind for mark in walked.strip.marks]
    assert kinds == ["finding"] * 3 + ["reference"]


def test_the_reference_stands_beside_the_prediction_with_its_difference(walked):
    line = _lines(walked)[0]
    # Image 14 is slice 34, four slices of 3 mm above the sphere.
    assert line.reference == "\u221212 mm"
    assert _lines(walked)[4].reference == "other series"
    assert "series 4" in _lines(walked)[4].tool_tip, "the tooltip says which series is open"
    _view(walked).walk(1)
    reference = walked.strip.marks[-1]
    assert reference.z_mm == pytest.approx(_lines(walked)[0].result.z_mm + 12, abs=0.6)


def test_a_reference_into_another_series_is_looked_up_in_the_study_once(dock, volume, monkeypatch):
    own = table_of_volume(volume)
    other = SeriesTable("k9", "", 9, "", True, tuple(ImageRecord(n, -400.0 + n, -400.0 + n) for n in range(1, 40)))
    asked = []

    def read(path, key):
        asked.append((path, key))
        return own, other

    monkeypatch.setattr("napari_ct_grounding.widgets.report.volume_reports.read_study_tables", read)
    dock.choose(dock.add(volume, ct_source="folder", ct_series_key="k4"))
    dock.tab.set_report(REPORT)
    dock.jobs.run_all()
    assert asked == [("folder", "k4")]
    line = _lines(dock)[4]
    assert line.reference == f"+{line.result.z_mm + 397:.0f} mm"


def test_several_selected_sentences_lie_over_each_other_on_the_strip(walked):
    view = _view(walked)
    view.walk(1)
    view.selectAll()
    assert walked.strip.result is _lines(walked)[0].result
    assert len(walked.strip.overlays) == 4
    assert set(view.painter.strokes) == set(range(5)), "the list shows whose stroke is whose"


def test_clicking_a_mark_selects_its_row_and_goes_there(walked):
    view = _view(walked)
    view.walk(1)
    number = next(n for n, mark in enumerate(walked.strip.marks) if "Nodule above" in mark.label)
    walked.strip.mark_clicked.emit(number)
    assert view.current_row() == 2
    assert walked.strip.result is _lines(walked)[2].result


def test_clicking_a_curve_selects_its_row_without_leaving_the_place(walked):
    view = _view(walked)
    view.walk(1)
    view.selectAll()
    walked.follower.go_to(5)
    walked.strip.profile_clicked.emit(_lines(walked)[2].result)
    assert view.current_row() == 2
    assert walked.follower.slice_index == 5


def test_scrolling_marks_the_rows_of_the_shown_slice(walked):
    walked.follower.go_to(SPHERE_SLICE)
    is_here = _view(walked).lines._is_here
    assert is_here.any()
    walked.follower.go_to(0)
    assert not _view(walked).lines._is_here.any()


def test_an_edited_sentence_alone_is_computed_again_and_undo_brings_all_back(walked, session):
    before = len(session.grounded)
    walked.tab.panel.list.lines.edited.emit(3, "Another nodule in the lung.")
    walked.jobs.run_all()
    assert session.grounded[before:] == ["Another nodule in the lung."]
    assert _lines(walked)[3].place is not None
    walked.tab.panel.undo_requested.emit()
    assert _lines(walked)[3].text == "A flat scar in the lung."
    assert _lines(walked)[3].remark == "no clear location"
    walked.tab.panel.redo_requested.emit()
    assert _lines(walked)[3].text == "Another nodule in the lung."
    assert not walked.jobs.queued, "answers once known are not asked again"


def test_removal_and_clearing_are_undone(walked):
    _view(walked).removal_requested.emit([1, 3])
    assert len(_lines(walked)) == 3
    walked.tab.panel.clearing_requested.emit()
    assert not _lines(walked)
    for _ in range(2):
        walked.tab.panel.undo_requested.emit()
    assert len(_lines(walked)) == 5


def test_stop_keeps_what_is_found_and_an_edit_does_not_start_the_rest(dock, volume, session):
    dock.choose(dock.add(volume))
    dock.controller.encode()
    dock.jobs.run_all()
    dock.tab.set_report(" ".join(f"Nodule {i} in the lung." for i in range(12)))
    dock.jobs.run_next()
    dock.tab.panel.find_button.click()
    dock.jobs.run_all()
    assert len(session.grounded) == 5
    dock.tab.panel.list.lines.edited.emit(11, "Another nodule in the lung.")
    dock.jobs.run_all()
    assert session.grounded[5:] == ["Another nodule in the lung."]


def test_each_volume_has_its_report_and_answers_survive_the_way_there_and_back(walked, volume_maker, session):
    first = walked.layer
    other = walked.add(volume_maker(10, first_z_mm=-390.0, name="other"))
    walked.choose(other)
    assert not _lines(walked)
    walked.choose(first)
    assert all(line.result is not None for line in _lines(walked).values())
    assert len(session.grounded) == 5
    walked.choose(other)
    walked.tab.panel.other_report_requested.emit(0)
    assert [line.text for line in _lines(walked).values()][1] == "No pericardial effusion."


def test_a_removed_volume_takes_its_report_with_it(walked, volume_maker):
    walked.viewer.layers.remove(walked.layer)
    walked.controller.forget_layer(walked.layer.unique_id)
    walked.choose(walked.add(volume_maker(10)))
    assert not _lines(walked)


def test_the_filter_hides_and_the_table_is_copied(walked):
    walked.tab.panel.only_localizable.setChecked(True)
    assert 1 not in _lines(walked)
    walked.tab.panel.copy_requested.emit()
    lines = QGuiApplication.clipboard().text().split("\n")
    assert len(lines) == 1 + len(_lines(walked))


def test_a_text_file_is_opened_and_a_guessed_encoding_is_told(dock, volume, tmp_path):
    path = tmp_path / "report.txt"
    path.write_bytes("Befund: Pleuraerguß rechts.".encode("cp1252"))
    dock.tab.open_file(path)
    dock.jobs.run_all()
    assert _lines(dock)[0].text == "Pleuraerguß rechts."
    assert "Windows-1252" in dock.panels.notices.text_of("report encoding")


def test_the_example_is_offered_with_the_sample_only(dock, volume):
    assert dock.tab.panel.hint.example.isHidden()
    dock.choose(dock.add(volume, ct_report=REPORT))
    assert not dock.tab.panel.hint.example.isHidden()
    dock.tab.panel.hint.example.click()
    assert len(_lines(dock)) == 5


def test_the_state_is_plain_json_and_comes_back(walked):
    walked.tab.panel.only_localizable.setChecked(True)
    state = json.loads(json.dumps(walked.tab.report_state()))
    walked.tab.panel.clearing_requested.emit()
    walked.tab.panel.only_localizable.setChecked(False)
    walked.tab.restore(state)
    assert walked.tab.report_state() == state
    assert all(line.result is not None for line in _lines(walked).values())


def test_a_take_away_gets_sentences_answers_and_references(walked):
    findings = walked.tab.walk_rows()
    assert [finding.sentence for finding in findings] == [line.text for line in _lines(walked).values()]
    (mark,) = findings[0].references
    assert mark.difference_mm == pytest.approx(-12, abs=0.6)
    assert findings[4].references[0].reason
    assert findings[1].is_negated
    assert not findings[3].result.has_location


def test_a_hidden_dock_hears_nothing_and_goes_on_where_it_was(walked, session):
    walked.tab.rest()
    position = _view(walked).lines._position_mm
    walked.follower.go_to(3)
    assert _view(walked).lines._position_mm == position
    walked.tab._reports.shown.edit(0, "Another sphere in the chest.")
    walked.tab.go_live()
    walked.jobs.run_all()
    assert session.grounded[-1] == "Another sphere in the chest."


def test_nothing_of_a_report_is_logged(walked, caplog):
    caplog.set_level(0)
    walked.tab.set_report(REPORT)
    walked.tab.panel.list.lines.edited.emit(0, "Secret words in the lung.")
    walked.jobs.run_all()
    assert not any("sphere" in text or "Secret" in text for text in caplog.messages)


def test_profiles_of_the_report_stay_on_the_strip_when_the_scan_is_shown_again(walked):
    view = _view(walked)
    view.walk(1)
    view.selectAll()
    overlays = walked.strip.overlays
    walked.presenter.show_scan()
    assert walked.strip.overlays == overlays
    assert walked.strip.result is _lines(walked)[0].result
    assert np.isfinite(walked.strip.result.profile).any()
