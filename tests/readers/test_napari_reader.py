"""What napari gets when a scan is dropped on it."""

from __future__ import annotations

import subprocess
import sys

import nibabel
import numpy as np
import pytest

from napari_ct_grounding import read_volume
from napari_ct_grounding.core.errors import VolumeError
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.readers import get_reader
from napari_ct_grounding.readers.napari_reader import layer_placement

Z = tuple(float(z) for z in range(-20, 20, 4))


def test_a_folder_a_file_and_a_list_of_files_give_the_same_layer(series):
    series.stack(Z)
    paths = sorted(str(path) for path in series.folder.iterdir())
    layers = [get_reader(what)(what) for what in (str(series.folder), paths[0], paths, [str(series.folder)])]
    for [(data, meta, kind)] in layers:
        assert kind == "image"
        assert data.shape == (10, 6, 5)
        assert meta["scale"] == (4.0, 2.0, 3.0)
        assert meta["translate"] == meta["metadata"]["ct_volume"].geometry.origin_mm
        assert meta["units"] == ("mm", "mm", "mm")
        assert meta["axis_labels"] == ("z", "y", "x")
        assert meta["contrast_limits"] == (-160, 240)
        assert meta["colormap"] == "gray"
        assert np.shares_memory(data, meta["metadata"]["ct_volume"].hu)
        assert meta["metadata"]["ct_question"] is None
    assert layers[0][0][1]["metadata"]["ct_source"] == str(series.folder)


def test_many_files_dropped_together_give_one_layer_and_the_same_file_later_gives_it_again(series, monkeypatch):
    series.stack(Z)
    now = 100.0
    monkeypatch.setattr("napari_ct_grounding.readers.napari_reader.time.monotonic", lambda: now)
    first, *others = sorted(str(path) for path in series.folder.iterdir())
    ((data, _, _),) = get_reader(first)(first)
    assert data.shape == (10, 6, 5)
    for path in others:  # each within the time after the one before
        now += 1.5
        assert get_reader(path)(path) == [(None,)]
    now += 3.0
    ((data, _, _),) = get_reader(first)(first)
    assert data.shape == (10, 6, 5)


def test_of_several_series_the_likeliest_is_opened_and_the_others_are_named(new_series):
    new_series("two").stack(np.arange(0, 90, 5.0), prefix="a", SeriesNumber=3)
    new_series("two").stack(np.arange(0, 90, 2.0), prefix="b", SeriesNumber=2)
    folder = str(new_series("two").folder)
    ((_, meta, _),) = get_reader(folder)(folder)
    assert [info.number for info in meta["metadata"]["ct_series"]] == [2, 3]
    assert meta["metadata"]["ct_series_key"] == meta["metadata"]["ct_series"][0].key
    assert meta["name"] == "CT series 2"


def test_values_that_are_not_hounsfield_are_shown_with_a_question(tmp_path):
    path = str(tmp_path / "windowed.nii.gz")
    nibabel.save(nibabel.Nifti1Image(np.arange(120, dtype=np.uint8).reshape(4, 5, 6), np.eye(4)), path)
    ((data, meta, _),) = get_reader(path)(path)
    assert "windowed export" in meta["metadata"]["ct_question"]
    assert meta["contrast_limits"] == (0, 119)
    assert data.max() == 119


@pytest.mark.parametrize("name", ["picture.png", "table.csv", "header.hdr", "disk.img"])
def test_other_files_are_left_to_other_readers(tmp_path, name):
    (tmp_path / name).write_bytes(b"something else" * 20)
    assert get_reader(str(tmp_path / name)) is None
    assert get_reader(str(tmp_path)) is None
    assert get_reader([str(tmp_path / name)] * 2) is None
    assert get_reader(str(tmp_path / "missing")) is None
    assert get_reader([]) is None


def test_a_bad_file_raises_words_and_not_a_traceback_of_another_library(tmp_path):
    path = str(tmp_path / "scan.nii")
    (tmp_path / "scan.nii").write_bytes(b"\x89PNG")
    with pytest.raises(VolumeError, match="PNG picture"):
        get_reader(path)(path)


def test_layer_depth_is_the_depth_of_results_whatever_the_tilt():
    angle = np.radians(18.5)
    sheared = np.eye(4)
    sheared[:3, 1] = (0, 0.5 * np.cos(angle), 0.5 * np.sin(angle))
    sheared[:3, 2] = (0, 0, 5)
    turned = np.eye(4)
    turned[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    for affine in (sheared, turned, np.diag([0.7, 0.8, 3.0, 1.0])):
        geometry = VolumeGeometry(affine, (9, 20, 30))
        scale, translate = layer_placement(geometry)
        assert min(scale) > 0
        for index in range(9):
            assert translate[0] + index * scale[0] == pytest.approx(geometry.z_of_slice(index))
        middle = (np.array(geometry.shape) - 1) / 2
        x, y, _ = geometry.world_of_voxel(middle)
        assert np.array(translate[1:]) + middle[1:] * scale[1:] == pytest.approx([y, x])


def test_asking_for_a_reader_loads_neither_dicom_nor_nifti_libraries():
    code = (
        "import sys; from napari_ct_grounding.readers import get_reader; get_reader('nothing.nii.gz'); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'napari', 'nibabel', 'pydicom', 'scipy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.real
def test_real_scans_stand_upright_in_the_layer(real_ct):
    path = str(real_ct / "crlm-ct-1006")
    ((data, meta, _),) = get_reader(path)(path)
    volume = read_volume(path)
    assert meta["scale"] == volume.geometry.spacing_mm
    assert meta["translate"] == volume.geometry.origin_mm
    assert data.shape == (51, 512, 512)
