"""Headers in text are read strictly, and name no files but those beside them."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_ct_grounding.core.errors import VolumeError
from napari_ct_grounding.readers.formats.text_header import (
    MAX_HEADER_BYTES,
    MAX_PARTS,
    files_beside,
    next_line,
    numbered_names,
    numbers_of,
    whole_number_of,
)


@given(st.lists(st.floats(-1e9, 1e9), max_size=9))
def test_numbers_come_back_as_they_were_written(numbers):
    assert numbers_of(" ".join(map(repr, numbers)), "Offset", "scan.mha", len(numbers)) == numbers


@pytest.mark.parametrize(
    "text", ["1 2", "1 2 3 4", "1 2 x", "1 2 nan", "1 2 inf", "1 2 1_0", "1 2 0x1", "1 2 1e300", "1 2 ٣"]
)
def test_anything_else_than_three_numbers_is_damage(text):
    with pytest.raises(VolumeError, match=r"scan.mha has a damaged header: Offset is .*, but must be 3 numbers"):
        numbers_of(text, "Offset", "scan.mha", 3)


@pytest.mark.parametrize("text", ["", "1.5", "1e3", "ten", "1_0", "9" * 30])
def test_a_count_is_a_whole_number(text):
    with pytest.raises(VolumeError, match="must be a whole number"):
        whole_number_of(text, "NDims", "scan.mha")


def test_a_message_quotes_damage_short_and_printable():
    with pytest.raises(VolumeError) as caught:
        numbers_of("\x00\x1b" * 5000, "Offset", "scan.mha")
    assert len(str(caught.value)) < 200
    assert "\x00" not in str(caught.value)


def test_a_header_without_line_ends_is_not_read_to_its_end():
    with pytest.raises(VolumeError, match="does not end within 1 MB"):
        next_line(io.BytesIO(b"x" * (MAX_HEADER_BYTES + 5)), "scan.mha")


@pytest.mark.parametrize(
    "name",
    ["../other.raw", "below/../../other.raw", "/etc/passwd", "C:\\scan.raw", "\\\\server\\scan.raw", "..\\other.raw"],
)
def test_files_elsewhere_are_refused_whether_or_not_they_exist(tmp_path, name):
    (tmp_path / "scan").mkdir()
    (tmp_path / "other.raw").write_bytes(b"x")
    header = tmp_path / "scan" / "scan.mhd"
    header.touch()
    with pytest.raises(VolumeError, match=r"scan.mhd names a data file outside its own folder"):
        files_beside(header, [name])


@pytest.mark.parametrize("name", ["", "gone.raw", "a\0b", "x" * 5000, "."])
def test_what_is_no_file_is_missing(tmp_path, name):
    (tmp_path / "scan.mhd").touch()
    with pytest.raises(VolumeError, match=r"which is not beside it. Copy that file, too"):
        files_beside(tmp_path / "scan.mhd", [name])


def test_files_in_a_folder_below_are_found(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "scan 1.raw").touch()
    (tmp_path / "scan.mhd").touch()
    assert files_beside(tmp_path / "scan.mhd", ["data/scan 1.raw"]) == (tmp_path / "data" / "scan 1.raw",)


def test_numbered_names_count_in_both_directions_and_to_a_limit():
    assert numbered_names("s%03d.raw", 9, 11, 1) == ["s009.raw", "s010.raw", "s011.raw"]
    assert numbered_names("s%d.raw", 3, 1, -1) == ["s3.raw", "s2.raw", "s1.raw"]
    assert numbered_names("s%d.raw", 1, 6, 2) == ["s1.raw", "s3.raw", "s5.raw"]
    assert len(numbered_names("%d", 1, MAX_PARTS, 1)) == MAX_PARTS
    for pattern, first, last, step in (
        ("s%d.raw", 0, MAX_PARTS, 1),
        ("s%d.raw", 0, 5, 0),
        ("s%s.raw", 0, 5, 1),
        ("%d%d", 0, 5, 1),
    ):
        assert numbered_names(pattern, first, last, step) == []
