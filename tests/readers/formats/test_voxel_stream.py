"""Packed, spread and written-out voxels come as one stream of bytes, and its damage in words."""

from __future__ import annotations

import bz2
import gzip
import zlib

import numpy as np
import pytest

from napari_ct_grounding.core.errors import VolumeError
from napari_ct_grounding.readers.formats.voxel_stream import drain, fill, open_voxels, reading_errors_of, skip

VALUES = np.random.default_rng(0).integers(-1000, 1000, 200_000).astype("<i2")
PACK = {
    "raw": bytes,
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "bzip2": bz2.compress,
    "text": lambda data: " ".join(map(str, np.frombuffer(data, "<i2"))).encode(),
}


def write(folder, coding: str, num_parts: int, lead: bytes = b"") -> list:
    paths = [folder / f"part {k}" for k in range(num_parts)]
    for path, part in zip(paths, np.array_split(VALUES, num_parts), strict=True):
        path.write_bytes(lead + PACK[coding](part.tobytes()))
    return paths


@pytest.mark.parametrize("coding", PACK)
@pytest.mark.parametrize("num_parts", [1, 3])
def test_every_coding_gives_back_the_bytes_whatever_is_asked_for_at_once(tmp_path, coding, num_parts):
    parts = write(tmp_path, coding, num_parts, lead=b"lead ")
    target = memoryview(bytearray(VALUES.nbytes))
    with open_voxels(parts, [5] * num_parts, coding, VALUES.dtype) as stream:
        skip(stream, 1000, "scan")
        fill(stream, target[1000:1001], "scan")
        fill(stream, target[1001:300_000], "scan")
        fill(stream, target[300_000:], "scan")
        assert stream.read(1) == b""
    np.testing.assert_array_equal(np.frombuffer(target, "<i2")[500:], VALUES[500:])


@pytest.mark.parametrize("coding", PACK)
def test_a_stream_that_ends_early_is_called_cut_short(tmp_path, coding):
    parts = write(tmp_path, coding, 1)
    parts[0].write_bytes(parts[0].read_bytes()[:-2000])
    with (
        pytest.raises(VolumeError, match=r"^scan (is damaged or )?was cut short"),
        reading_errors_of("scan"),
        open_voxels(parts, [0], coding, VALUES.dtype) as stream,
    ):
        fill(stream, memoryview(bytearray(VALUES.nbytes)), "scan")


@pytest.mark.parametrize("coding", ["gzip", "zlib", "bzip2"])
def test_bytes_put_into_packed_data_are_noticed_by_the_end_of_it(tmp_path, coding):
    parts = write(tmp_path, coding, 1)
    raw = parts[0].read_bytes()
    parts[0].write_bytes(raw[:5000] + bytes(3) + raw[5000:])
    with (
        pytest.raises(VolumeError, match=r"^scan is damaged"),
        reading_errors_of("scan"),
        open_voxels(parts, [0], coding, VALUES.dtype) as stream,
    ):
        drain(stream, 10 * VALUES.nbytes)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (b"1 2 x 4", "no number"),
        (b"1 2.5 3 4", "do not fit their type"),
        (b"1 2 40000 4", "do not fit"),
        (b"x" * 500, "else"),
    ],
)
def test_text_that_is_no_row_of_such_numbers_is_refused(tmp_path, text, what):
    (tmp_path / "part").write_bytes(text)
    with (
        pytest.raises(VolumeError, match=what),
        open_voxels([tmp_path / "part"], [0], "text", np.dtype("<i2")) as stream,
    ):
        fill(stream, memoryview(bytearray(8)), "scan")


def test_a_file_that_cannot_be_read_is_named_without_its_folder(tmp_path):
    with (
        pytest.raises(VolumeError, match=r"^scan cannot be read \(No such file or directory\)\.$"),
        reading_errors_of("scan"),
        open_voxels([tmp_path / "gone"], [0], "raw", VALUES.dtype) as stream,
    ):
        stream.read(1)
