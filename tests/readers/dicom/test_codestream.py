"""A compressed frame's own size and end are read without decoding it."""

from __future__ import annotations

import numpy as np
import pytest

from napari_ct_grounding.readers.dicom.codestream import frame_size, is_complete
from tests.readers.cases_dicom_5_compression import _FRAMES


@pytest.fixture(scope="module")
def frames() -> dict[str, bytes]:
    with np.load(_FRAMES, allow_pickle=False) as stored:
        return {name[:-2]: stored[name].tobytes() for name in stored.files if name.endswith("_0")}


def test_every_codec_tells_its_size(frames):
    assert len(frames) == 12
    assert {name: frame_size(frame) for name, frame in frames.items()} == dict.fromkeys(frames, (18, 20))


def test_an_offset_of_jpeg2000_is_no_part_of_its_size(frames):
    moved = bytearray(frames["jpeg2000_lossless"])
    for place, value in ((8, 120), (12, 118), (16, 100), (20, 100)):
        moved[place : place + 4] = value.to_bytes(4, "big")
    assert frame_size(bytes(moved)) == (18, 20)


def test_a_jp2_file_around_the_codestream_is_looked_into(frames):
    boxes = b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0" * 70
    assert frame_size(boxes + frames["jpeg2000_lossless"]) == (18, 20)


def test_fill_bytes_before_a_marker_are_passed_over(frames):
    frame = frames["jpeg_lossless_sv1"]
    assert frame_size(frame[:2] + b"\xff\xff" + frame[2:]) == (18, 20)


@pytest.mark.parametrize(
    "frame", [b"", b"\xff\xd8", b"\xff\xd8\xff\xda\0\0\0\0\0\0\0", b"RLE" * 30, b"\xff\x4f\xff\x51\0\0"]
)
def test_what_names_no_size_gives_none(frame):
    assert frame_size(frame) is None


def test_a_cut_jpeg_has_no_end(frames):
    for name in ("jpeg_baseline", "jpeg_extended", "jpeg_lossless_sv1", "jpeg_ls_near"):
        frame = frames[name]
        assert is_complete(frame)
        assert is_complete(frame + b"\0")  # padded to an even length
        assert not any(is_complete(frame[:length]) for length in range(2, len(frame) - 1, 7))
