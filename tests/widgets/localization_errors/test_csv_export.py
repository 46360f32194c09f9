from __future__ import annotations

import csv
import io

from napari_ct_grounding.core.error_rows import error_rows
from napari_ct_grounding.widgets.localization_errors.csv_export import CSV_COLUMNS, csv_text
from napari_ct_grounding.widgets.localization_errors.notes import CaseNote
from tests.core.localization_rows import a_row, results_of


def test_every_row_comes_back_with_its_tag_and_note():
    rows = error_rows(
        results_of(a_row(100.123456789, (90, 95), sentence='a "quoted", sentence\nof two lines'), a_row(None, 3))
    )
    text = csv_text(zip(rows, [CaseNote("fine", "größer; 3"), CaseNote()], strict=True))
    first, second = csv.DictReader(io.StringIO(text, newline=""))
    assert tuple(first) == CSV_COLUMNS
    assert first["sentence"] == rows[0].case.sentence
    assert float(first["z_mm"]) == 100.123456789
    assert float(first["error_mm"]) == rows[0].error_mm
    assert (first["true_lo_mm"], first["true_hi_mm"], first["rank_of_truth"]) == ("90", "95", "2")
    assert (first["tag"], first["note"]) == ("fine", "größer; 3")
    assert (second["status"], second["message"], second["error_mm"], second["z_mm"]) == (
        "failed",
        "The scan cannot be read.",
        "",
        "",
    )
