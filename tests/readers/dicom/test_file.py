"""A DICOM file is opened without believing what it says about its own size."""

from __future__ import annotations

import tracemalloc

import pydicom
import pytest
from pydicom.errors import InvalidDicomError
from pydicom.uid import DeflatedExplicitVRLittleEndian

from napari_ct_grounding.readers.dicom import file as dicom_file
from napari_ct_grounding.readers.dicom.file import DamagedDicomError, looks_lost, open_dataset
from tests.readers.cases_dicom_7_limits import bomb
from tests.readers.dicom_writing import Series, axial_images, dataset_of, save


def test_a_deflated_file_equals_the_plain_one(tmp_path):
    dataset = dataset_of(axial_images()[0], Series())
    save(dataset, tmp_path / "deflated", DeflatedExplicitVRLittleEndian)
    opened = open_dataset(tmp_path / "deflated")
    assert opened.PixelData == dataset.PixelData
    assert opened.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert {element.tag for element in opened} == {element.tag for element in dataset}


def test_a_bomb_is_refused_within_its_limit_of_memory(tmp_path):
    path = bomb(tmp_path).path
    tracemalloc.start()
    try:
        with pytest.raises(DamagedDicomError, match="grows beyond 64 MB"):
            open_dataset(path)
        assert tracemalloc.get_traced_memory()[1] < 2 * dicom_file.MIN_INFLATED_LIMIT + (8 << 20)
    finally:
        tracemalloc.stop()


def test_a_cut_deflated_file_is_refused(tmp_path):
    save(dataset_of(axial_images()[0], Series()), tmp_path / "deflated", DeflatedExplicitVRLittleEndian)
    raw = (tmp_path / "deflated").read_bytes()
    (tmp_path / "deflated").write_bytes(raw[:-50])
    with pytest.raises(InvalidDicomError, match="cut short"):
        open_dataset(tmp_path / "deflated")


@pytest.mark.parametrize("header_bytes", [1 << 16, 512])
def test_a_length_beyond_the_file_asks_for_no_memory(tmp_path, monkeypatch, header_bytes):
    monkeypatch.setattr(dicom_file, "_HEADER_BYTES", header_bytes)
    monkeypatch.setattr(dicom_file, "_MAX_IN_MEMORY", 0)
    dataset = dataset_of(axial_images()[0], Series())
    save(dataset, tmp_path / "long")
    raw = bytearray((tmp_path / "long").read_bytes())
    place = raw.index(b"\xe0\x7f\x10\x00OW") + 8
    raw[place : place + 4] = (0xFFFFFFF0).to_bytes(4, "little")
    (tmp_path / "long").write_bytes(raw)
    tracemalloc.start()
    try:
        opened = open_dataset(tmp_path / "long")
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    assert len(opened.PixelData) == 720


def test_a_header_longer_than_the_first_look_is_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(dicom_file, "_HEADER_BYTES", 400)
    dataset = dataset_of(axial_images()[0], Series())
    save(dataset, tmp_path / "image")
    assert open_dataset(tmp_path / "image", stop_before_pixels=True).HighBit == 15


@pytest.mark.parametrize(
    ("name", "content", "lost"),
    [
        ("IM0001", b"", True),
        ("IM0001.dcm", b"\0" * 5000, True),
        ("1.2.840.113619.2.55.3.123", b"", True),
        ("IM0001.dcm", b"\0" * 128 + b"DICM", False),
        ("notes.txt", b"", False),
        ("__init__.py", b"", False),
    ],
)
def test_only_image_names_without_content_count_as_lost(tmp_path, name, content, lost):
    (tmp_path / name).write_bytes(content)
    assert looks_lost(tmp_path / name) is lost


def test_pydicom_reads_the_same_from_memory_and_from_the_file(tmp_path):
    save(dataset_of(axial_images()[0], Series()), tmp_path / "image")
    assert open_dataset(tmp_path / "image") == pydicom.dcmread(tmp_path / "image")
