"""The walk as CSV: what stands in which column, and that no sentence runs in a spreadsheet."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from napari_ct_grounding.export.table import COLUMNS, table_csv, write_table
from napari_ct_grounding.export.walk import Finding
from tests.export.walks import FINDINGS, MASS, a_walk


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_every_sentence_has_a_row_with_its_place() -> None:
    rows = rows_of(table_csv(a_walk()))
    assert len(rows) == len(FINDINGS)
    assert tuple(rows[0]) == COLUMNS
    first = rows[0]
    assert first["sentence"] == MASS
    assert (first["series_number"], first["image_number"], first["slice_index"]) == ("4", "8", "12")
    assert float(first["z_mm"]) == -40.0
    assert float(first["interval_lo_mm"]) == pytest.approx(-43.3333)
    assert (first["reference"], first["reference_z_mm"], first["difference_mm"]) == ("(4:8); (9:1)", "-45.0", "5.0")
    assert first["remark"] == "(9:1): no series 9"
    assert [row["negated"] for row in rows][:2] == ["no", "yes"]


def test_a_sentence_without_an_answer_has_empty_cells_and_a_remark() -> None:
    row = rows_of(table_csv(a_walk()))[5]
    assert row["z_mm"] == row["score"] == row["clear_location"] == ""
    assert row["remark"] == "It holds no place."


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_sentence_is_taken_for_a_formula(start: str) -> None:
    row = rows_of(table_csv(a_walk(Finding(f"{start}cmd|' /C calc'!A0"))))[0]
    assert row["sentence"] == f"'{start}cmd|' /C calc'!A0"


def test_numbers_below_zero_stay_numbers() -> None:
    assert rows_of(table_csv(a_walk()))[0]["z_mm"] == "-40.0"


def test_excel_knows_the_file_as_utf_8_and_lines_end_as_it_expects(tmp_path: Path) -> None:
    write_table(tmp_path / "walk.csv", a_walk())
    raw = (tmp_path / "walk.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf" + b"number,")
    assert raw.count(b"\r\n") == len(FINDINGS) + 1
    assert b"\r\r\n" not in raw
    assert "groß".encode() in raw


def test_a_sentence_with_commas_quotes_and_line_ends_stays_one_cell() -> None:
    sentence = 'Mass, "spiculated",\nleft; 3,5 cm'
    assert rows_of(table_csv(a_walk(Finding(sentence))))[0]["sentence"] == sentence
