from __future__ import annotations

import pytest

from napari_ct_grounding.core.whole_file import write_whole


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "a.json"
    for text in ("first\r\nline", "zweite Größe"):
        write_whole(path, text)
        assert path.read_bytes().decode() == text
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_to_leaves_the_old_file(tmp_path):
    folder = tmp_path / "a.json"
    folder.mkdir()
    (folder / "kept").write_text("x")
    with pytest.raises(OSError, match=r"a\.json"):
        write_whole(folder, "text")
    assert list(tmp_path.iterdir()) == [folder]
    assert (folder / "kept").read_text() == "x"
