"""Zip archives leave nothing behind, choose nothing on the disk, and stay the source of their layer."""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from pathlib import Path

import pytest

from napari_ct_grounding import list_series, read_volume
from napari_ct_grounding.core.errors import VolumeError
from napari_ct_grounding.readers import archive
from napari_ct_grounding.readers.napari_reader import get_reader, read_layers

Z = tuple(float(z) for z in range(-20, 20, 4))


@pytest.fixture
def scratch(tmp_path, monkeypatch) -> Path:
    """Folder in which temporary folders are made."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def study(new_series, tmp_path) -> Path:
    """A zip archive of two series, numbers 4 and 5."""
    new_series("study/a").stack(Z, SeriesNumber=4, StudyInstanceUID="1.2.3")
    new_series("study/b").stack(Z[:6], SeriesNumber=5, StudyInstanceUID="1.2.3")
    path = tmp_path / "study.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for file in sorted((tmp_path / "study").rglob("*")):
            packed.write(file, file.relative_to(tmp_path))
    return path


def test_each_series_of_an_archive_opens_by_its_key(study, scratch, assert_voxels_in_place):
    infos = list_series(study)
    assert [info.number for info in infos] == [4, 5]
    for info, num in zip(infos, (10, 6), strict=True):
        volume = read_volume(study, series=info.key)
        assert volume.hu.shape[0] == num
        assert_voxels_in_place(volume)
    assert list(scratch.iterdir()) == []


def test_nothing_stays_behind_when_reading_fails(study, scratch):
    with pytest.raises(VolumeError, match="no series 9"):
        read_volume(study, series=9)
    raw = bytearray(study.read_bytes())
    raw[300:340] = b"\0" * 40
    study.write_bytes(raw)
    with pytest.raises(VolumeError):
        read_volume(study)
    assert list(scratch.iterdir()) == []


def test_the_archive_is_the_source_of_its_layer(study, scratch):
    reader = get_reader(str(study))
    assert reader is not None
    ((_, meta, kind),) = reader(str(study))
    assert kind == "image"
    assert meta["metadata"]["ct_source"] == str(study)
    assert [info.number for info in meta["metadata"]["ct_series"]] == [4, 5]
    assert read_layers([str(study)])


def test_archives_without_a_scan_are_left_to_other_readers(tmp_path):
    path = tmp_path / "letters.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("letter.txt", "dear colleague " * 20)
    assert get_reader(str(path)) is None
    path.write_bytes(b"no archive")
    assert get_reader(str(path)) is None


def test_too_many_members_are_refused_before_anything_is_written(study, scratch, monkeypatch):
    monkeypatch.setattr(archive, "MAX_MEMBERS", 15)
    with pytest.raises(VolumeError, match=r"study\.zip holds 16 files; at most 15 are unpacked"):
        read_volume(study)
    assert list(scratch.iterdir()) == []


def test_sizes_are_counted_while_unpacking(study, scratch, monkeypatch):
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", 5000)
    with zipfile.ZipFile(study) as packed:
        infos = packed.infolist()
    monkeypatch.setattr(zipfile.ZipFile, "infolist", lambda self: [_claiming(info, 1) for info in infos])
    with pytest.raises(VolumeError):
        read_volume(study)
    assert list(scratch.iterdir()) == []


def _claiming(info: zipfile.ZipInfo, size: int) -> zipfile.ZipInfo:
    info.file_size = size
    return info


def test_folders_of_killed_programs_are_removed_after_a_day(study, scratch, tmp_path):
    forgotten, fresh, foreign = (scratch / name for name in ("ct-grounding-zip-a", "ct-grounding-zip-b", "other"))
    for folder in (forgotten, fresh, foreign):
        folder.mkdir()
        (folder / "IM1").write_bytes(b"x")
    kept = tmp_path / "kept"
    kept.mkdir()
    link = scratch / "ct-grounding-zip-link"
    link.symlink_to(kept, target_is_directory=True)
    for folder in (forgotten, foreign, kept):
        os.utime(folder, (0, 0))
    os.utime(link, (0, 0), follow_symlinks=False)
    list_series(study)
    assert not forgotten.exists()
    assert fresh.exists()
    assert foreign.exists()
    assert kept.exists()


def test_a_full_disk_is_told_before_anything_is_written(study, scratch, monkeypatch):
    usage = shutil.disk_usage(scratch)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=1000))
    with pytest.raises(VolumeError, match=r"only 0\.0 GB are free for temporary files"):
        read_volume(study)
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("a/b.dcm", "a/b.dcm"),
        ("a\\b.dcm", "a/b.dcm"),
        ("Über/Ärzte.dcm", "Über/Ärzte.dcm"),
        ("a/<b>|?*.dcm", "a/_b____.dcm"),
        ("con:aux/x", "con_aux/x"),
        (" ./. /x", "_/_/x"),
        ("x" * 300, "x" * 80),
    ],
)
def test_names_are_made_of_plain_characters(tmp_path, name, place):
    assert archive._place(tmp_path, name, 0).relative_to(tmp_path).as_posix() == place


def test_a_taken_place_gets_a_number(tmp_path):
    (tmp_path / "a").write_text("x")
    assert archive._place(tmp_path, "a", 7) == tmp_path / "000007-a"
    assert archive._place(tmp_path, "a/b", 8) == tmp_path / "000008" / "b"
