"""The walk as JSON: there and back bit for bit, and plain words for whatever is wrong with a file."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.export.walk import Patient, Walk
from napari_ct_grounding.export.walk_file import SCHEMA_VERSION, read_walk, walk_json, write_walk
from tests.export.walks import SECRET, a_walk


def assert_same(before: Any, after: Any) -> None:
    """Compare dataclasses of arrays field by field."""
    assert type(before) is type(after)
    if isinstance(before, np.ndarray):
        assert before.dtype == after.dtype
        np.testing.assert_array_equal(before, after)
    elif isinstance(before, (tuple, list)):
        assert len(before) == len(after)
        for one, other in zip(before, after, strict=True):
            assert_same(one, other)
    elif hasattr(before, "__dataclass_fields__"):
        for field in fields(before):
            assert_same(getattr(before, field.name), getattr(after, field.name))
    else:
        assert before == after


@pytest.mark.parametrize("walk", [a_walk(), a_walk().without_identity(), a_walk(patient=Patient("E", "1", ""))])
def test_what_was_written_is_read_back_bit_for_bit(walk: Walk, tmp_path: Path) -> None:
    write_walk(tmp_path / "walk.json", walk)
    assert_same(walk, read_walk(tmp_path / "walk.json"))


def test_the_file_says_what_it_is_and_can_be_read_by_any_json_parser() -> None:
    content = json.loads(walk_json(a_walk()))
    assert content["format"] == "ct-grounding walk"
    assert content["schema_version"] == SCHEMA_VERSION
    assert content["program"]["name"] == "napari-ct-grounding"
    assert content["is_for_research_only"] is True
    assert content["findings"][0]["result"]["profile"][:3] == [None, None, pytest.approx(0.0021, abs=1e-4)]


def test_fields_of_a_later_version_are_left_aside(tmp_path: Path) -> None:
    content = json.loads(walk_json(a_walk()))
    content["mood"] = "good"
    content["findings"][0]["mood"] = "good"
    (tmp_path / "walk.json").write_text(json.dumps(content), encoding="utf-8")
    assert len(read_walk(tmp_path / "walk.json").findings) == len(a_walk().findings)


def _without(*names: str) -> Callable[[dict], None]:
    def change(content: dict) -> None:
        for name in names[:-1]:
            content = content[name]
        del content[names[-1]]

    return change


def _with(name: str, value: Any) -> Callable[[dict], None]:
    return lambda content: content.__setitem__(name, value)


DAMAGE: dict[str, tuple[Callable[[dict], None], str]] = {
    "of another program": (_with("format", "x"), r"walk\.json is not a walk: its format is not 'ct-grounding walk'"),
    "newer": (_with("schema_version", 2), "schema_version 2; this program reads versions up to 1. Update the program"),
    "of no version": (_with("schema_version", "1"), "schema_version '1', which is no version"),
    "version true": (_with("schema_version", True), "schema_version True, which is no version"),
    "without weights": (_without("weights"), "weights of the file is None, must be an object"),
    "without a sentence": (lambda c: _without("sentence")(c["findings"][0]), "finding 1 has no sentence"),
    "without a flag": (lambda c: c["findings"][1].__setitem__("is_negated", 1), "is_negated of finding 2 is 1, must be true"),
    "profile cut": (lambda c: c["findings"][0]["result"]["profile"].pop(), "profile has 19 values for 20 depths"),
    "slice out of the scan": (
        lambda c: c["findings"][0]["result"].__setitem__("slice_index", 20),
        "finding 1: slice_index is 20, but the scan has slices 0 to 19",
    ),
    "negative slice": (lambda c: c["findings"][0]["result"].__setitem__("slice_index", -1), "slice_index is -1"),
    "table cut": (lambda c: c["slice_table"].pop(), "has 20 slices, but slice_table holds 19"),
    "affine cut": (lambda c: c["scan"]["affine"].pop(), "affine has 15 numbers"),
    "affine of zeros": (lambda c: c["scan"].__setitem__("affine", [0] * 16), "last row of the affine"),
    "notes no texts": (lambda c: c["scan"].__setitem__("notes", [1]), "notes must be a list of texts"),
    "a list": (lambda c: c.clear(), "is not a walk"),
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_file_is_refused_with_the_reason(kind: str, tmp_path: Path) -> None:
    change, message = DAMAGE[kind]
    content = json.loads(walk_json(a_walk()))
    change(content)
    (tmp_path / "walk.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_walk(tmp_path / "walk.json")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[" * 100_000, b'{"format": "ct-grou'])
def test_a_file_cut_short_or_no_json_at_all_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "walk.json").write_bytes(content)
    with pytest.raises(InputError, match=r"walk\.json is not valid JSON"):
        read_walk(tmp_path / "walk.json")


def test_a_missing_file_is_told_without_its_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^walk\.json cannot be read \(No such file or directory\)"):
        read_walk(tmp_path / "walk.json")


def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "walk.json"
    write_walk(path, a_walk())
    before = path.read_bytes()

    def full(self: Path, text: str, **_: Any) -> None:
        self.write_bytes(text[:100].encode())
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(InputError, match=r"walk\.json cannot be written \(No space left on device\)"):
        write_walk(path, replace(a_walk(), coverage="paper"))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_the_name_of_the_scan_and_its_uids_are_in_the_file_only_when_asked_for() -> None:
    assert SECRET in walk_json(a_walk())
    bare = walk_json(a_walk().without_identity())
    assert SECRET not in bare
    assert "1.2.3." not in bare


def test_the_page_about_the_take_away_names_every_field_and_no_other(repository: Path) -> None:
    page = (repository / "docs" / "take-away.md").read_text(encoding="utf-8")
    part = page[page.index("## JSON") : page.index("```python")]
    named = {name for row in re.findall(r"^\| (.*)$", part, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    written: set[str] = set()

    def collect(value: Any) -> None:
        if isinstance(value, dict):
            written.update(value)
            for item in value.values():
                collect(item)
        elif isinstance(value, list):
            for item in value:
                collect(item)

    collect(json.loads(walk_json(a_walk(patient=Patient("E", "1", "")))))
    assert named - {"GroundingResult"} == written
