from __future__ import annotations

import json
from dataclasses import replace

import pytest

from napari_ct_grounding.core.error_rows import error_rows
from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.widgets.localization_errors.notes import (
    CaseNote,
    note_keys,
    notes_path,
    read_notes,
    save_notes,
)
from tests.core.localization_rows import a_row, results_of

ROWS = error_rows(results_of(a_row(1, 2), a_row(1, 3), a_row(5, 2, sentence="Größe 3 cm")))


def test_notes_come_back_and_lie_beside_the_results(tmp_path):
    path = notes_path(tmp_path / "results.json")
    assert path == tmp_path / "results.json.notes.json"
    assert read_notes(path) == {}
    keys = note_keys(ROWS)
    assert len(set(keys)) == 3, "the same question twice is told apart"
    notes = {keys[0]: CaseNote("fine", ""), keys[2]: CaseNote("", 'größer, "2" Zeilen\nlang')}
    save_notes(path, notes)
    assert read_notes(path) == notes
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_what_another_viewer_saved_meanwhile_stays_and_emptied_notes_go(tmp_path):
    path = notes_path(tmp_path / "results.json")
    keys = note_keys(ROWS)
    save_notes(path, {keys[0]: CaseNote("fine")})
    save_notes(path, {keys[1]: CaseNote("poor scan")})
    assert set(read_notes(path)) == {keys[0], keys[1]}
    save_notes(path, {keys[0]: CaseNote()})
    assert set(read_notes(path)) == {keys[1]}


def test_notes_belong_to_the_question_and_not_to_its_line():
    rows = error_rows(results_of(a_row(9, 1, sentence="new first row"), a_row(7, 2), a_row(1, 3)))
    assert note_keys(rows)[1:] == note_keys(ROWS)[:2]
    other = replace(rows[1], case=replace(rows[1].case, series="4"))
    assert note_keys([other]) != note_keys(ROWS[:1])


@pytest.mark.parametrize("content", ["[]", "{", '{"format": "ct-grounding localization notes", "schema_version": 9}'])
def test_a_file_that_is_not_ours_is_refused_and_never_overwritten(tmp_path, content):
    path = notes_path(tmp_path / "results.json")
    path.write_text(content)
    with pytest.raises(InputError):
        read_notes(path)
    with pytest.raises(InputError):
        save_notes(path, {note_keys(ROWS)[0]: CaseNote("fine")})
    assert path.read_text() == content


def test_a_damaged_note_is_named(tmp_path):
    path = notes_path(tmp_path / "results.json")
    save_notes(path, {note_keys(ROWS)[0]: CaseNote("fine")})
    content = json.loads(path.read_text())
    content["notes"][0]["tag"] = 3
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="tag of note 1 is 3, must be a text"):
        read_notes(path)


def test_a_folder_that_cannot_be_written_to_is_told_with_what_to_do(tmp_path):
    with pytest.raises(InputError, match="cannot be saved beside the results") as caught:
        save_notes(tmp_path / "missing" / "x.notes.json", {note_keys(ROWS)[0]: CaseNote("fine")})
    assert "go into every CSV" in str(caught.value)
