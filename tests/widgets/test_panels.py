from __future__ import annotations

from dataclasses import replace

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QGuiApplication, QImage, QWheelEvent
from qtpy.QtWidgets import QLabel, QToolButton

from napari_ct_grounding.widgets.panels.badges import BadgeRow
from napari_ct_grounding.widgets.panels.colors import colors_of_theme
from napari_ct_grounding.widgets.panels.notice import NoticeBoard
from napari_ct_grounding.widgets.panels.orientation_question import OrientationQuestion
from napari_ct_grounding.widgets.panels.profile_strip import ProfileStrip, tick_positions
from napari_ct_grounding.widgets.panels.result_table import NO_LOCATION, ResultTable, table_text
from napari_ct_grounding.widgets.panels.sentence_panel import SentencePanel
from napari_ct_grounding.widgets.panels.status_line import RESEARCH_USE, StatusLine
from napari_ct_grounding.widgets.panels.volume_panel import SeriesEntry, VolumeEntry, VolumePanel
from napari_ct_grounding.widgets.panels.weights_chooser import WeightsChooser, WeightsEntry
from napari_ct_grounding.widgets.sources import Orientation

THEMES = ("dark", "light")


@pytest.fixture
def colors():
    return colors_of_theme("dark")


@pytest.fixture
def strip(qtbot, colors, result):
    strip = ProfileStrip(colors)
    qtbot.addWidget(strip)
    strip.resize(86, 500)
    strip.set_extent((-400.0, -259.0), (-391.0, -259.0))
    strip.set_result(result)
    return strip


@pytest.fixture
def table(qtbot, colors):
    table = ResultTable(colors)
    qtbot.addWidget(table)
    table.resize(290, 300)
    return table


def _names(z_mm):
    return round((z_mm + 400) / 3), 48 - round((z_mm + 400) / 3)


def _picture(widget):
    image = QImage(widget.size(), QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.black)
    widget.render(image)
    return image


# -- sentence


def test_enter_asks_for_the_sentence(qtbot):
    panel = SentencePanel()
    qtbot.addWidget(panel)
    qtbot.keyClicks(panel.edit, "left hilar mass")
    with qtbot.waitSignal(panel.sentence_requested) as asked:
        qtbot.keyClick(panel.edit, Qt.Key.Key_Return)
    assert asked.args == ["left hilar mass"]


def test_up_and_down_walk_through_the_history_and_come_back_to_the_draft(qtbot):
    panel = SentencePanel()
    qtbot.addWidget(panel)
    for text in ("first", "second", "first"):
        panel.submit(text)
    panel.edit.setText("draft")
    seen = []
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Down):
        qtbot.keyClick(panel.edit, key)
        seen.append(panel.edit.text())
    assert seen == ["first", "second", "second", "first", "draft"]


# -- table


def test_an_answer_shows_slice_image_place_interval_and_score(table, result):
    table.add_result(result, _names)
    head = table.topLevelItem(0)
    assert head.text(0) == "a bright sphere"
    row = [head.child(0).text(column) for column in range(5)]
    assert row[:3] == ["30", "18", "\u2212310"]
    assert row[3] == "\u2212322\u2026\u2212298".replace("322", f"{-result.interval_mm[0]:.0f}").replace(
        "298", f"{-result.interval_mm[1]:.0f}"
    )
    assert row[4] == f"{result.score:.2f}"


def test_other_peaks_are_listed_below_and_a_click_asks_for_their_place(qtbot, table, result):
    table.add_result(replace(result, peaks_mm=(-310.0, -280.0, -352.0)), _names)
    head = table.topLevelItem(0)
    assert [head.child(i).text(2) for i in range(head.childCount())] == ["\u2212310", "\u2212280", "\u2212352"]
    with qtbot.waitSignal(table.place_requested) as asked:
        table.setCurrentItem(head.child(1))
    assert asked.args[1] == -280.0


def test_arrow_keys_jump_from_row_to_row(qtbot, table, result):
    table.add_result(result, _names)
    table.add_result(replace(result, sentence="another"), _names)
    table.select("another")
    asked = []
    table.place_requested.connect(lambda result, z_mm: asked.append(result.sentence))
    for _ in range(2):
        qtbot.keyClick(table, Qt.Key.Key_Down)
    assert asked == ["a bright sphere"] * 2


def test_a_click_on_the_row_that_is_selected_jumps_again(qtbot, table, result):
    table.show()
    table.add_result(result, _names)
    table.select(result.sentence)
    asked = []
    table.place_requested.connect(lambda result, z_mm: asked.append(z_mm))
    place = table.visualItemRect(table.topLevelItem(0).child(0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert asked == [result.z_mm]


def test_selecting_by_program_tells_nobody(table, result):
    asked = []
    table.place_requested.connect(lambda *wish: asked.append(wish))
    table.add_result(result, _names)
    table.select(result.sentence)
    table.set_results([result], _names)
    assert asked == []


def test_a_flat_profile_reads_no_clear_location_instead_of_a_place(table, result):
    flat = replace(result, has_location=False, peaks_mm=(-310.0,))
    table.add_result(flat, _names)
    assert table.topLevelItem(0).text(0).startswith(NO_LOCATION)
    assert table.topLevelItem(0).child(0).text(3) == ""
    cells = table_text([flat]).splitlines()[1].split("\t")
    assert cells[:6] == ["a bright sphere", NO_LOCATION, "", "", "", ""]


def test_the_same_sentence_stands_in_the_table_once_and_the_newest_at_the_top(table, result):
    for sentence in ("a", "b", "a"):
        table.add_result(replace(result, sentence=sentence), _names)
    assert [entry.sentence for entry in table.results()] == ["a", "b"]


def test_copy_puts_a_table_for_spreadsheets_on_the_clipboard(qtbot, table, result):
    table.add_result(result, _names)
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    head, row = QGuiApplication.clipboard().text().splitlines()
    assert head.split("\t")[:4] == ["sentence", "slice", "image number", "z mm"]
    assert row.split("\t")[:4] == ["a bright sphere", "30", "18", "-310.0"]


def test_delete_asks_to_remove_the_sentence(qtbot, table, result):
    table.add_result(result, _names)
    table.select(result.sentence)
    with qtbot.waitSignal(table.removal_requested) as asked:
        qtbot.keyClick(table, Qt.Key.Key_Delete)
    assert asked.args == [result.sentence]


# -- strip


def test_heights_and_places_are_inverse_with_the_head_on_top(strip):
    for z_mm in (-400.0, -333.3, -259.0):
        assert strip.z_of_y(strip.y_of_z(z_mm)) == pytest.approx(z_mm)
    assert strip.y_of_z(-259.0) < strip.y_of_z(-400.0)
    assert strip.z_of_y(-50) == -259.0, "above the plot means the top slice"


def test_dragging_asks_for_places(qtbot, strip):
    asked = []
    strip.z_requested.connect(asked.append)
    start, end = (QPoint(60, round(strip.y_of_z(z_mm))) for z_mm in (-300.0, -350.0))
    qtbot.mousePress(strip, Qt.MouseButton.LeftButton, pos=start)
    from qtpy.QtCore import QEvent
    from qtpy.QtGui import QMouseEvent

    left = Qt.MouseButton.LeftButton
    strip.mouseMoveEvent(
        QMouseEvent(QEvent.Type.MouseMove, QPointF(end), QPointF(end), left, left, Qt.KeyboardModifier.NoModifier)
    )
    assert asked == [pytest.approx(-300.0, abs=1), pytest.approx(-350.0, abs=1)]


def test_the_wheel_steps_and_small_turns_of_a_touchpad_add_up(strip):
    steps = []
    strip.step_requested.connect(steps.append)

    def turn(amount):
        none = Qt.KeyboardModifier.NoModifier
        place, phase = QPointF(60, 200), Qt.ScrollPhase.NoScrollPhase
        strip.wheelEvent(
            QWheelEvent(place, place, QPoint(), QPoint(0, amount), Qt.MouseButton.NoButton, none, phase, False)
        )

    turn(120)
    turn(-240)
    for _ in range(4):
        turn(30)
    assert steps == [1, -2, 1]


@pytest.mark.parametrize("theme", THEMES)
def test_what_the_model_did_not_see_is_hatched_and_the_slider_line_is_drawn(strip, theme):
    colors = colors_of_theme(theme)
    strip.set_colors(colors)
    strip.set_position(-300.0)
    image = _picture(strip)

    def colors_at(z_mm):
        y = round(strip.y_of_z(z_mm))
        return {image.pixelColor(x, row).name() for x in range(60, 76) for row in range(y - 3, y + 4)}

    assert colors.position.name() in colors_at(-300.0)
    assert colors.faded.name() in colors_at(-396.0), "hatching below the covered range"
    assert colors.faded.name() not in colors_at(-380.0)


def test_moving_the_line_does_not_paint_the_profile_again(strip):
    _picture(strip)
    picture = strip._picture
    strip.set_position(-310.0)
    _picture(strip)
    assert strip._picture is picture


def test_ticks_are_round_and_not_too_many():
    assert tick_positions(-681.5, -282.0, 9) == [-650.0, -600.0, -550.0, -500.0, -450.0, -400.0, -350.0, -300.0]
    assert tick_positions(5.0, 5.0, 4) == [5.0]


# -- the rest


def test_a_volume_that_cannot_be_chosen_is_greyed_with_its_reason(qtbot, colors):
    panel = VolumePanel(colors)
    qtbot.addWidget(panel)
    panel.set_volumes([VolumeEntry(1, "ct"), VolumeEntry(2, "photo", "It has 2 axes.")], 1)
    assert panel.volume.currentText() == "ct"
    assert not panel.volume.model().item(1).isEnabled()
    assert panel.volume.itemData(1, Qt.ItemDataRole.ToolTipRole) == "It has 2 axes."


def test_the_series_row_appears_with_the_second_series(qtbot, colors):
    panel = VolumePanel(colors)
    qtbot.addWidget(panel)
    panel.show()
    panel.set_series([SeriesEntry("a", "Series 2", "")], "a")
    assert not panel.series.isVisible()
    panel.set_series(
        [SeriesEntry("a", "Series 2", ""), SeriesEntry("b", "Series 3", "too few images", is_enabled=False)], "a"
    )
    assert panel.series.isVisible()
    assert panel.series.currentText() == "Series 2"
    assert not panel.series.model().item(1).isEnabled()


def test_progress_counts_windows_and_offers_cancel(qtbot, colors):
    panel = VolumePanel(colors)
    qtbot.addWidget(panel)
    panel.show()
    panel.set_encoding(True, False, True)
    panel.set_stage("Encoding")
    panel.set_progress(18, 27)
    assert panel.cancel.isVisible()
    assert panel.progress.text() == "Encoding 18 of 27"
    with qtbot.waitSignal(panel.cancel_requested):
        panel.cancel.click()
    panel.set_encoding(False, True, True)
    assert not panel.cancel.isVisible()
    assert not panel.encode.isEnabled()


def test_a_folder_of_weights_is_offered_above_the_chooser_and_told(qtbot, tmp_path, colors):
    panel = VolumePanel(colors)
    qtbot.addWidget(panel)
    with qtbot.waitSignal(panel.weights.weights_chosen) as chosen:
        panel.weights.add_folder(tmp_path)
    assert chosen.args == [tmp_path]
    assert panel.weights.currentText() == tmp_path.name
    assert panel.weights.itemText(panel.weights.count() - 1) == "Folder\u2026"


def test_weights_that_cannot_be_used_here_are_greyed_with_the_reason_and_a_choice_outlives_a_new_list(qtbot, tmp_path):
    chooser = WeightsChooser()
    qtbot.addWidget(chooser)
    chooser.show_weights("one")
    usable, lacking = WeightsEntry("one", "One", "MIT"), WeightsEntry("two", "Two", "4 GB", "It needs a package.")
    chooser.set_entries([usable, lacking])
    assert [chooser.itemText(row) for row in range(chooser.count())] == ["One", "Two", "Folder\u2026"]
    assert chooser.model().item(0).isEnabled()
    assert chooser.toolTip() == "Which trained model answers.\nMIT"
    assert not chooser.model().item(1).isEnabled()
    assert chooser.itemData(1, Qt.ItemDataRole.ToolTipRole) == "It needs a package.\n4 GB"
    chooser.add_folder(tmp_path)
    chooser.set_entries([usable])
    assert chooser.currentData() == tmp_path
    with qtbot.waitSignal(chooser.weights_chosen) as chosen:
        chooser.activated.emit(0)
    assert chosen.args == ["one"]


def test_the_last_row_asks_for_a_folder_and_no_answer_leaves_what_was_chosen(qtbot, monkeypatch):
    chooser = WeightsChooser()
    qtbot.addWidget(chooser)
    chooser.set_entries([WeightsEntry("one", "One", "MIT")])
    chooser.show_weights("one")
    monkeypatch.setattr("qtpy.QtWidgets.QFileDialog.getExistingDirectory", lambda *_: "")
    chooser.setCurrentIndex(1)
    chooser.activated.emit(1)
    assert chooser.currentData() == "one"


def test_a_notice_goes_away_with_its_button(qtbot, colors):
    board = NoticeBoard(colors)
    qtbot.addWidget(board)
    done = []
    board.show_notice("hu", "Old text")
    board.show_notice("hu", "The values may not be HU.", [("Use", lambda: done.append(1))])
    assert board.text_of("hu") == "The values may not be HU."
    board.press("hu", "Use")
    assert done == [1]
    assert board.text_of("hu") is None


def test_the_status_line_always_says_research_use_only(qtbot, colors):
    line = StatusLine(colors)
    qtbot.addWidget(line)
    assert line.facts.text() == RESEARCH_USE
    line.set_facts(["bundled", "cpu"], "no GPU found")
    assert line.facts.text().endswith(RESEARCH_USE)
    assert line.facts.toolTip() == "no GPU found"


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", ["text", "faded", "warning", "accent", "position"])
def test_painted_colours_stand_out_from_their_ground(theme, name):
    colors = colors_of_theme(theme)

    def luminance(color):
        parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in color.getRgbF()[:3]]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    bright, dark = sorted((luminance(getattr(colors, name)), luminance(colors.field)), reverse=True)
    assert (bright + 0.05) / (dark + 0.05) >= (4.5 if name in ("text", "warning") else 2.7)


def test_badges_wrap_within_a_narrow_dock_and_grow_and_shrink_with_their_number(qtbot, colors):
    row = BadgeRow(colors)
    qtbot.addWidget(row)
    row.resize(286, 10)
    row.show()
    heights = []
    for num in (1, 7, 2):
        row.set_badges([(f"number {i}: shorter than a window", f"Full sentence <{i}> & more.") for i in range(num)])
        labels = [label for label in row.findChildren(QLabel) if label.isVisible()]
        assert len(labels) == num
        qtbot.waitUntil(lambda labels=labels: all(label.height() > 5 for label in labels))
        assert all(label.x() + label.width() <= row.width() for label in labels)
        assert all(label.y() + label.height() <= row.height() for label in labels)
        assert "&lt;0&gt; &amp; more" in labels[0].toolTip()
        heights.append(row.height())
    assert heights[1] > heights[2] > heights[0]
    row.set_badges([])
    assert row.isHidden()


def test_a_notice_can_be_closed_with_its_cross_when_it_may(qtbot, colors):
    board = NoticeBoard(colors)
    qtbot.addWidget(board)
    board.show_notice("question", "Needs an answer.", [("Yes", lambda: None)])
    assert board.findChildren(QToolButton) == []
    board.show_notice("refused", "Was not opened.", is_closable=True)
    board.findChild(QToolButton).click()
    assert board.text_of("refused") is None
    assert board.text_of("question") is not None


def test_frames_are_counted_from_one_on_screen_and_from_zero_inside(qtbot, colors):
    panel = VolumePanel(colors)
    qtbot.addWidget(panel)
    panel.show()
    panel.set_frames(0, 1)
    assert not panel.frame.isVisible()
    panel.set_frames(2, 5)
    assert panel.frame.isVisible()
    assert panel.frame.currentText() == "volume 3 of 5"
    with qtbot.waitSignal(panel.frame_chosen) as asked:
        panel.frame.activated.emit(4)
    assert asked.args == [4]


def test_the_voxel_size_is_asked_only_where_the_units_do_not_say(qtbot):
    question = OrientationQuestion()
    qtbot.addWidget(question)
    question.ask((3.0, 0.7, 0.8))
    assert question.orientation() == Orientation(False, True, True, (3.0, 0.7, 0.8))
    assert "voxel size" in question.text.text()
    question.ask(None)
    assert question.orientation() == Orientation(False, True, True, None)
    assert "voxel size" not in question.text.text()
