"""A report as rows, and every change to them taken back."""

from __future__ import annotations

import json

import pytest

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.widgets.report.document import MAX_STEPS, MAX_TEXT, ReportDocument
from napari_ct_grounding.widgets.report.rows import rows_of

REPORT = """Technique: Contrast-enhanced CT of the chest.
Findings: Mass in the left hilum (series 4, image 38). No pericardial effusion.
The liver is unremarkable. Possible scar in the right apex on image 12.
Impression: Left hilar mass, unchanged."""


@pytest.fixture
def document():
    document = ReportDocument()
    document.set_text(REPORT)
    return document


def _texts(document):
    return [row.sentence.text for row in document.rows]


def test_rows_keep_sections_and_say_what_was_recognised(document):
    sections = [row.sentence.section for row in document.rows]
    assert sections == ["technique", "findings", "findings", "findings", "findings", "impression"]
    words = {row.sentence.text.split()[0]: row.words for row in document.rows}
    assert words["No"] == ("negated",)
    assert words["The"] == ("normal",)
    assert words["Possible"] == ("uncertain",)
    assert words["Contrast-enhanced"] == ("no place",)
    assert words["Mass"] == ()


def test_what_is_faded_always_says_why(document):
    for row in document.rows:
        assert row.words if row.is_faded else True
    assert [row.is_faded for row in document.rows] == [True, False, True, True, False, False]


def test_references_stand_in_the_rows_of_their_sentences_and_series_are_carried_on(document):
    references = [[(entry.series, entry.images) for entry in row.references] for row in document.rows]
    assert references[1] == [(4, (38,))]
    assert references[4] == [(4, (12,))]
    assert not any(references[i] for i in (0, 2, 3, 5))


def test_a_sentence_that_names_images_of_this_study_has_a_place_whatever_its_words():
    here, before, none = rows_of("Thing (series 4, image 38). Thing (prior study, series 4, image 38). Thing.")
    assert here.has_place
    assert not before.has_place
    assert not none.has_place


def test_a_sentence_that_is_too_long_cannot_be_asked():
    (row,) = rows_of(" ".join(["nodule"] * 400))
    assert row.prompt is None


def test_an_edit_puts_other_words_in_place_and_keeps_the_section(document):
    document.edit(1, "Mass in the right hilum.")
    assert _texts(document)[1] == "Mass in the right hilum."
    assert document.rows[1].sentence.section == "findings"
    assert document.rows[1].references == ()
    assert len(document.rows) == 6


def test_an_edit_may_split_or_remove_a_sentence(document):
    document.edit(1, "Mass in the left hilum. Small effusion.")
    assert _texts(document)[1:3] == ["Mass in the left hilum.", "Small effusion."]
    document.edit(2, "   ")
    assert len(document.rows) == 6
    assert _texts(document)[1] == "Mass in the left hilum."


def test_an_edit_without_a_change_is_no_step(document):
    document.edit(1, f"  {document.rows[1].sentence.text} ")
    assert document.undo_text == "new report"


def test_every_change_is_taken_back_and_done_again_in_order(document):
    states = [document.rows]
    for change in (
        lambda: document.edit(0, "CT."),
        lambda: document.remove([2, 4]),
        document.clear,
        lambda: document.set_text("Cyst of the liver."),
    ):
        change()
        states.append(document.rows)
    assert [len(rows) for rows in states] == [6, 6, 4, 0, 1]
    for rows in reversed(states[:-1]):
        document.undo()
        assert document.rows == rows
    for rows in states[1:]:
        document.redo()
        assert document.rows == rows
    assert document.redo_text is None


def test_a_change_after_steps_back_forgets_what_was_undone(document):
    document.clear()
    document.undo()
    document.remove([0])
    document.redo()
    assert len(document.rows) == 5
    assert document.redo_text is None


def test_steps_back_have_an_end(document):
    for number in range(MAX_STEPS + 5):
        document.edit(0, f"Nodule {number} in the lung.")
    for _ in range(MAX_STEPS + 5):
        document.undo()
    assert _texts(document)[0] == "Nodule 4 in the lung."


@pytest.mark.parametrize(("text", "message"), [("  \n ", "No sentence"), ("a " * MAX_TEXT, "characters")])
def test_what_is_no_report_is_refused_and_the_old_one_stays(document, text, message):
    with pytest.raises(InputError, match=message):
        document.set_text(text)
    assert len(document.rows) == 6


def test_a_report_travels_as_plain_json_with_its_edits(document):
    document.edit(1, "Mass in the right hilum (4:40).")
    other = ReportDocument()
    other.set_record(json.loads(json.dumps(document.to_record())))
    assert other.rows == document.rows
    other.undo()
    assert other.rows == ()


@pytest.mark.parametrize(
    "record",
    [
        None,
        {},
        {"version": 2, "rows": []},
        {"version": 1, "rows": [{}]},
        {"version": 1, "rows": [{"sentence": {"text": 1}}]},
    ],
)
def test_a_damaged_record_is_refused_and_the_report_stays(document, record):
    with pytest.raises(InputError, match="Paste the report again"):
        document.set_record(record)
    assert len(document.rows) == 6
