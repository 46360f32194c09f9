"""The file of the user's own phrases and prompts."""

from __future__ import annotations

import pytest

from napari_ct_grounding.widgets import own_lists
from napari_ct_grounding.widgets.own_lists import OwnLists, change_own_lists, read_own_lists


@pytest.fixture(autouse=True)
def path(tmp_path, monkeypatch):
    path = tmp_path / "folder" / "own_lists.json"
    monkeypatch.setattr(own_lists, "own_lists_path", lambda: path)
    return path


def test_what_is_written_is_read_again_and_one_change_leaves_the_rest():
    change_own_lists(diseases=("Rippenfraktur", "Gallstones"))
    change_own_lists(phrase_language="de", phrases=("Struma.",))
    assert read_own_lists() == OwnLists(("Rippenfraktur", "Gallstones"), ("Struma.",), (), "de")


@pytest.mark.parametrize("text", ["", "[]", "null", '{"diseases": "x", "phrases": [1], "phrase_language": 3}', "\x00"])
def test_what_makes_no_sense_is_empty(path, text):
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    assert read_own_lists() == OwnLists()
