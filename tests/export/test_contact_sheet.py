"""The contact sheet: a tile for every key image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_ct_grounding.core.errors import Cancelled, InputError
from napari_ct_grounding.export.contact_sheet import contact_sheet, write_contact_sheet
from napari_ct_grounding.export.walk import Finding
from tests.export.walks import FINDINGS, a_result, a_volume, a_walk


@pytest.mark.parametrize(("num", "columns", "rows"), [(1, 1, 1), (2, 2, 1), (3, 2, 2), (9, 3, 3), (17, 4, 5)])
def test_the_grid_has_a_place_for_every_key_image(num: int, columns: int, rows: int) -> None:
    walk = a_walk(*(Finding(f"Mass {i}.", a_result(slice_index=12)) for i in range(num)))
    sheet = contact_sheet(walk, a_volume())
    tile, _ = sheet.width // columns, sheet.height // rows
    assert 330 < tile < 400
    # Captions are thin on white paper: where a fifth of a column of pixels is not white, a picture stands.
    is_picture = (np.asarray(sheet.convert("L")) < 200).mean(axis=0) > 0.2
    assert np.count_nonzero(np.diff(is_picture.astype(int)) == 1) == columns


def test_it_is_written_as_png_with_progress(tmp_path: Path) -> None:
    told: list[int] = []
    write_contact_sheet(tmp_path / "sheet.png", a_walk(), a_volume(), lambda done, total: told.append(done))
    assert told == [1, 2, 3]
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.format == "PNG"
        assert not sheet.text  # type: ignore[attr-defined]


def test_nothing_to_show_is_told_in_a_sentence() -> None:
    with pytest.raises(InputError, match="No sentence points at a slice of this scan"):
        contact_sheet(a_walk(FINDINGS[1]), a_volume())


def test_a_cancelled_sheet_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        write_contact_sheet(tmp_path / "sheet.png", a_walk(), a_volume(), cancel=lambda: True)
    assert list(tmp_path.iterdir()) == []
