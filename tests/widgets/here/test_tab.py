"""The tab "Here": phrases of the slice that is shown, the ruler of landmarks, and the warning of a volume upside down."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QObject, QPoint, Qt, Signal
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLabel

from napari_ct_grounding.readers.napari_reader import layer_of_volume
from napari_ct_grounding.widgets import own_lists
from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.here.phrase_bank import bundled_bank
from napari_ct_grounding.widgets.here.tab import HereTab
from napari_ct_grounding.widgets.panels.colors import colors_of_theme
from napari_ct_grounding.widgets.panels.notice import NoticeBoard
from napari_ct_grounding.widgets.sources import source_of_layer
from napari_ct_grounding.widgets.work import SessionStore

_CARINA_SLICE = 200
_HEIGHTS_MM = {
    landmark.phrase: landmark.height_mm for code in ("en", "de") for landmark in bundled_bank(code).landmarks
}


class _Follower(QObject):
    position_changed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.slice_index: int | None = _CARINA_SLICE

    def go(self, slice_index: int | None) -> None:
        self.slice_index = slice_index
        self.position_changed.emit(slice_index)


@pytest.fixture
def stage(qtbot, inline_jobs, session, volume_maker, monkeypatch, tmp_path):
    """A session that finds each landmark at its height above the carina, times `session.direction`; and nothing else."""
    monkeypatch.setattr(own_lists, "own_lists_path", lambda: tmp_path / "own_lists.json")
    session.direction = 1.0
    plain = session._result

    def result(sentence, encoded):
        height_mm = _HEIGHTS_MM.get(sentence)
        if height_mm is None:
            return plain("flat" if sentence != "Own phrase." else sentence, encoded)
        moved = SimpleNamespace(**{**vars(encoded), "sphere_mm": encoded.sphere_mm + session.direction * height_mm})
        low, high = encoded.geometry.z_extent_mm
        return plain(sentence if low < moved.sphere_mm < high else f"flat {sentence}", moved)

    monkeypatch.setattr(session, "_result", result)
    controller = GroundingController(inline_jobs, SessionStore(lambda *_: session))
    viewer = ViewerModel()
    volume = volume_maker(_CARINA_SLICE, num_slices=300, first_z_mm=-600.0)
    data, meta, _ = layer_of_volume(volume)
    controller.choose_source(source_of_layer(viewer.add_image(data, **meta)))
    follower, notices, jumps, drawn = _Follower(), NoticeBoard(colors_of_theme("dark")), [], []
    presenter = SimpleNamespace(select=drawn.append, jump=jumps.append)
    context = SimpleNamespace(
        viewer=viewer, controller=controller, follower=follower, presenter=presenter, notices=notices
    )
    tab = HereTab(context, colors_of_theme("dark"))
    for widget in (tab.panel, notices):
        qtbot.addWidget(widget)
    tab.go_live()

    def listed() -> list[str]:
        model = tab.panel.list.model()
        return [model.index(row, 0).data() for row in range(model.rowCount())]

    return SimpleNamespace(
        tab=tab, panel=tab.panel, controller=controller, jobs=inline_jobs, session=session, follower=follower,
        notices=notices, jumps=jumps, drawn=drawn, listed=listed, volume=volume,
    )  # fmt: skip


def _encode(stage):
    stage.controller.encode()
    stage.jobs.run_all()


def _phrase_at(height_mm: float) -> str:
    return min(bundled_bank("en").landmarks, key=lambda landmark: abs(landmark.height_mm - height_mm)).phrase


def test_the_phrases_of_the_shown_slice_are_listed_and_follow_the_slider(stage):
    stage.panel.show()
    _encode(stage)
    for phrase in (_phrase_at(0.0), _phrase_at(-200.0)):
        stage.follower.go(round(_CARINA_SLICE + _HEIGHTS_MM[phrase] / 3.0))
        assert stage.listed()[0] == phrase


def test_scrolling_asks_the_model_for_nothing(stage):
    stage.panel.show()
    _encode(stage)
    num_asked, num_jobs = len(stage.session.grounded), stage.jobs.num_submitted
    for slice_index in range(100, 200, 10):
        stage.follower.go(slice_index)
    assert (len(stage.session.grounded), stage.jobs.num_submitted) == (num_asked, num_jobs)


def test_out_of_sight_only_the_landmarks_are_compared(stage):
    stage.controller.ground("bright sphere")
    stage.jobs.run_all()
    landmarks = {landmark.phrase for landmark in stage.tab.bank.landmarks}
    assert landmarks <= set(stage.session.grounded)
    assert not set(stage.session.grounded) & set(stage.tab.bank.phrases)


def test_the_ruler_bears_the_landmarks_that_the_scan_holds_in_their_order(stage):
    stage.panel.show()
    _encode(stage)
    places = [mark.z_mm for mark in stage.panel.ruler.marks]
    low, high = stage.volume.geometry.z_extent_mm
    heights = [landmark.height_mm for landmark in stage.tab.bank.landmarks]
    assert len(places) == len([height for height in heights if low < height < high])  # the carina lies at 0
    assert len(places) >= 6
    assert places == sorted(places, reverse=True)
    assert stage.notices.isHidden()


def test_landmarks_in_the_wrong_order_raise_the_question_once(stage):
    stage.session.direction = -1.0
    stage.panel.show()
    _encode(stage)
    assert "upside down" in _texts(stage.notices)
    stage.notices.remove_notice("upside down")
    stage.follower.go(100)
    stage.tab._show_known()
    assert stage.notices.text_of("upside down") is None


def test_a_phrase_of_ones_own_joins_the_bank_is_compared_and_kept(stage):
    stage.panel.show()
    _encode(stage)
    stage.panel.add_edit.setText("Own phrase.")
    QTest.keyClick(stage.panel.add_edit, Qt.Key.Key_Return)
    stage.jobs.run_all()
    stage.follower.go(_CARINA_SLICE)
    assert "Own phrase." in stage.listed()
    assert own_lists.read_own_lists().phrases == ("Own phrase.",)
    stage.panel.phrase_removed.emit("Own phrase.")
    assert "Own phrase." not in stage.listed()
    assert own_lists.read_own_lists().phrases == ()


def test_a_landmark_stays_in_the_bank(stage, monkeypatch):
    told = []
    monkeypatch.setattr("napari_ct_grounding.widgets.here.tab.show_warning", told.append)
    landmark = stage.tab.bank.landmarks[0].phrase
    stage.panel.phrase_removed.emit(landmark)
    assert landmark in stage.tab.bank.all_phrases
    assert len(told) == 1


def test_the_other_language_brings_its_own_phrases(stage):
    stage.panel.language_chosen.emit("de")
    assert stage.tab.bank.phrases == bundled_bank("de").phrases
    assert own_lists.read_own_lists().phrase_language == "de"
    assert len(bundled_bank("de").landmarks) == len(bundled_bank("en").landmarks)


def test_a_click_draws_a_phrase_and_enter_goes_to_its_slice(stage):
    stage.panel.show()
    _encode(stage)
    stage.follower.go(_CARINA_SLICE)
    row = stage.panel.list.model().index(0, 0)
    QTest.mouseClick(
        stage.panel.list.viewport(), Qt.MouseButton.LeftButton, pos=stage.panel.list.visualRect(row).center()
    )
    assert stage.drawn[-1].sentence == row.data()
    assert stage.jumps == []
    stage.panel.list.setCurrentIndex(row)
    QTest.keyClick(stage.panel.list, Qt.Key.Key_Return)
    assert stage.jumps == [stage.drawn[-1].z_mm]


def test_a_click_on_the_ruler_goes_to_the_landmark(stage):
    stage.panel.resize(300, 400)
    stage.panel.show()
    _encode(stage)
    ruler = stage.panel.ruler
    ruler.grab()  # labels find their places while they are painted
    mark = ruler.marks[2]
    QTest.mouseClick(ruler, Qt.MouseButton.LeftButton, pos=QPoint(4, round(ruler.y_of_z(mark.z_mm))))
    assert stage.jumps == pytest.approx([mark.z_mm])


def test_cancel_stops_and_go_on_takes_it_up(stage):
    stage.panel.show()
    stage.controller.encode()
    stage.jobs.run_next()  # the encoding
    stage.jobs.run_next()
    stage.controller.cancel()
    assert stage.panel.go_on.isVisible()
    assert "Stopped" in stage.panel.state.text()
    stage.panel.go_on.click()
    stage.jobs.run_all()
    assert not stage.panel.go_on.isVisible()
    assert set(stage.tab.bank.all_phrases) <= set(stage.session.grounded)


def test_a_tab_that_rests_hears_nothing(stage):
    stage.tab.rest()
    _encode(stage)
    stage.follower.go(100)
    assert stage.session.grounded == []
    assert stage.listed() == []


def _texts(notices: NoticeBoard) -> str:
    return " ".join(label.text() for label in notices.findChildren(QLabel) if not label.isHidden())
