"""Which reader opens which file, and the layer that napari gets of it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from napari_ct_grounding import read_volume
from napari_ct_grounding.core.errors import VolumeError
from napari_ct_grounding.readers import get_reader
from napari_ct_grounding.readers.formats.volume_files import VOLUME_ENDINGS, is_volume_file
from tests.readers.volume_writing import body, metaimage, nifti, nrrd, save

AFFINE = np.diag([-1.0, -2.0, 3.0, 1.0])
FILES = {
    "scan.nii": nifti(body(), AFFINE),
    "scan.NII.GZ": nifti(body(), AFFINE, "scan.NII.GZ"),
    "scan.hdr": nifti(body(), AFFINE, "scan.hdr"),
    "scan.nrrd": nrrd(body(), AFFINE, encoding="gzip"),
    "scan.nhdr": nrrd(body(), AFFINE, "scan.nhdr", data_file="scan.raw"),
    "scan.mha": metaimage(body(), AFFINE),
    "scan.mhd": metaimage(body(), AFFINE, "scan.mhd", data_file="scan.raw"),
}


def test_every_format_dropped_on_napari_gives_the_same_layer(tmp_path):
    layers = []
    for files in FILES.values():
        path = str(save(tmp_path, files))
        ((data, meta, kind),) = get_reader(path)(path)
        assert kind == "image"
        layers.append((data, meta))
    for data, meta in layers:
        np.testing.assert_array_equal(data, layers[0][0])
        for key in ("name", "scale", "translate", "units", "axis_labels", "contrast_limits"):
            assert meta[key] == layers[0][1][key]
        assert meta["metadata"]["ct_question"] is None


@pytest.mark.parametrize("name", FILES)
def test_a_format_is_known_by_its_content_where_the_name_says_nothing(name, tmp_path):
    path = save(tmp_path, FILES[name])
    has_mark = name not in ("scan.NII.GZ", "scan.hdr")  # any archive may be gzipped; half a pair needs its name
    nameless = path.rename(tmp_path / "scan")
    assert is_volume_file(nameless) is has_mark
    if has_mark:
        np.testing.assert_array_equal(read_volume(nameless).hu, body().transpose(2, 1, 0)[:, ::-1, ::-1])


@pytest.mark.parametrize("name", ["picture.hdr", "disk.img", "terrain.hdr.gz"])
def test_endings_that_other_programs_use_are_left_to_them(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(b"#?RADIANCE\n" + bytes(500))
    assert not is_volume_file(path)
    assert get_reader(str(path)) is None
    with pytest.raises(VolumeError, match="is neither DICOM nor NIfTI"):
        read_volume(path)


def test_the_manifest_asks_for_every_ending():
    from importlib.resources import files

    manifest = files("napari_ct_grounding").joinpath("napari.yaml").read_text(encoding="utf-8")
    for ending in (*VOLUME_ENDINGS, ".hdr", ".img"):
        assert f'"*{ending}"' in manifest


def test_knowing_the_endings_loads_no_library_of_a_format():
    code = (
        "import sys; import napari_ct_grounding.readers.formats.volume_files; "
        "sys.exit(any(name in sys.modules for name in ('nibabel', 'nrrd', 'isal', 'pydicom')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
