from __future__ import annotations

import numpy as np
import pytest

from napari_ct_grounding.core.error_rows import error_rows
from napari_ct_grounding.core.localization_error import NO_CATEGORY
from napari_ct_grounding.widgets.localization_errors.notes import CaseNote
from napari_ct_grounding.widgets.localization_errors.row_filter import MISSING_SCAN, NO_TAG, RowFilter, accepted_rows
from tests.core.localization_rows import a_row, results_of

ROWS = error_rows(
    results_of(
        a_row(100, 100, sentence="Left hilar mass", category="lung", scan="a.nii"),
        a_row(160, 100, sentence="Mass in the liver", category="liver", scan="b.nii"),
        a_row(100, None, sentence="no truth"),
        a_row(None, 100, sentence="failed one"),
        a_row(110, 100, sentence="vague", has_location=False),
    )
)
NOTES = [CaseNote(), CaseNote("fine", "Rechts?"), CaseNote(), CaseNote("own tag"), CaseNote()]
MISSING = np.array([False, True, False, False, False])


@pytest.mark.parametrize(
    ("wish", "passing"),
    [
        (RowFilter(), [0, 1, 2, 3, 4]),
        (RowFilter(text="  "), [0, 1, 2, 3, 4]),
        (RowFilter(text="mass LEFT"), [0]),
        (RowFilter(text="rechts"), [1]),
        (RowFilter(text="cannot be read"), [3]),
        (RowFilter(text="b.nii"), [1]),
        (RowFilter(category="lung"), [0]),
        (RowFilter(category=NO_CATEGORY), [2, 3, 4]),
        (RowFilter(scan="b.nii"), [1]),
        (RowFilter(status="done"), [0, 1]),
        (RowFilter(status="no truth"), [2]),
        (RowFilter(status="failed"), [3]),
        (RowFilter(status="no clear location"), [4]),
        (RowFilter(status=MISSING_SCAN), [1]),
        (RowFilter(tag="fine"), [1]),
        (RowFilter(tag=NO_TAG), [0, 2, 4]),
        (RowFilter(low_mm=0.0), [0, 1, 4]),
        (RowFilter(low_mm=5.0), [1, 4]),
        (RowFilter(high_mm=10.0), [0, 4]),
        (RowFilter(low_mm=5.0, high_mm=10.0, text="vague"), [4]),
    ],
)
def test_rows_pass_that_fit_every_part_of_the_wish(wish, passing):
    assert np.flatnonzero(accepted_rows(ROWS, NOTES, MISSING, wish)).tolist() == passing


def test_a_wish_of_blanks_asks_for_nothing():
    assert RowFilter(text=" ").is_empty
    assert not RowFilter(low_mm=1.0).is_empty
