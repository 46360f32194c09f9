"""What all volume files share: limits before memory, one copy of the scan, and the voxels of one frame."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from napari_ct_grounding import list_series, read_volume
from napari_ct_grounding.core.errors import NotHounsfieldError, VolumeError
from napari_ct_grounding.readers.canonical_buffer import MAX_VOXELS, check_num_voxels
from tests.readers.volume_writing import body, metaimage, nifti, nrrd, save

AFFINE = np.diag([-0.8, -0.8, 3.0, 1.0])
NOISE = np.random.default_rng(0).integers(-1000, 1000, (96, 96, 60)).astype(np.int16)
FRAMES = np.stack([NOISE, NOISE + 1, NOISE + 2])
FILES = {
    "NIfTI": lambda: nifti(NOISE, AFFINE, "scan.nii.gz"),
    "NRRD, gzip": lambda: nrrd(NOISE, AFFINE, encoding="gzip"),
    "NRRD, bzip2": lambda: nrrd(NOISE, AFFINE, encoding="bzip2"),
    "NRRD, text": lambda: nrrd(NOISE, AFFINE, encoding="text"),
    "MetaImage, zlib": lambda: metaimage(NOISE, AFFINE, packing="zlib"),
    "MetaImage, raw": lambda: metaimage(NOISE, AFFINE, "scan.mhd", data_file="scan.raw"),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_scan_of_many_pieces_comes_out_whole_and_is_held_once(kind, tmp_path):
    path = save(tmp_path, FILES[kind]())
    read_volume(path)  # imports out of the way
    tracemalloc.start()
    volume = read_volume(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(volume.hu, NOISE.transpose(2, 1, 0)[:, ::-1, ::-1])
    # A text of numbers is taken apart in pieces of 256 kB, whose words are Python objects.
    allowance = 12e6 if kind == "NRRD, text" else 1.6e6
    assert peak < NOISE.nbytes + allowance


@pytest.mark.parametrize("kind", ["vector", "list"])
def test_one_frame_of_several_is_read_without_the_others(kind, tmp_path):
    files = nrrd(FRAMES, AFFINE, encoding="gzip", frames_at=0, kinds=f"{kind} domain domain domain")
    path = save(tmp_path, files)
    read_volume(path, frame=1)
    tracemalloc.start()
    volume = read_volume(path, frame=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(volume.hu, (NOISE + 1).transpose(2, 1, 0)[:, ::-1, ::-1])
    assert peak < NOISE.nbytes + 1.6e6


@pytest.mark.parametrize(
    "files",
    [
        nifti(body(), AFFINE, "scan.nii", dim=[3, 30000, 30000, 30000, 1, 1, 1, 1]),
        nifti(body(), AFFINE, "scan.nii.gz", dim=[3, 30000, 30000, 30000, 1, 1, 1, 1]),
        nifti(body(), AFFINE, version=2, dim=[3, 1 << 40, 1 << 40, 1 << 40, 1, 1, 1, 1]),
        nrrd(body(), AFFINE, encoding="bzip2", sizes="30000 30000 30000"),
        nrrd(body(), AFFINE, sizes="999999999999999999 999999999999999999 999999999999999999"),
        metaimage(body(), AFFINE, packing="zlib", DimSize="30000 30000 30000"),
        metaimage(body(), AFFINE, packing="text", DimSize="30000 30000 30000"),
    ],
    ids=["NIfTI", "NIfTI, gzip", "NIfTI-2", "NRRD, bzip2", "NRRD, raw", "MetaImage, zlib", "MetaImage, text"],
)
def test_a_header_that_promises_too_much_costs_no_memory(files, tmp_path):
    path = save(tmp_path, files)
    tracemalloc.start()
    with pytest.raises(VolumeError, match=r"do not fit into the file|would unpack to"):
        read_volume(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5e6


def test_more_voxels_than_any_scan_has_are_refused_by_their_number():
    check_num_voxels((8192, 512, 512))
    with pytest.raises(VolumeError, match=r"8,193 x 512 x 512 voxels \(z, y, x\); at most 2,147,483,648"):
        check_num_voxels((8193, 512, 512))
    assert MAX_VOXELS == 8192 * 512 * 512


@pytest.mark.parametrize("write", [nifti, nrrd, metaimage])
def test_a_list_needs_the_header_alone(write, tmp_path):
    path = save(tmp_path, write(body(), np.diag([1.0, 2.0, 3.0, 1.0])))
    path.write_bytes(path.read_bytes()[:-300])
    (info,) = list_series(path)
    assert (info.key, info.num_images, info.spacing_mm) == (path.name, 7, (3.0, 2.0, 1.0))
    with pytest.raises(VolumeError, match="cut short"):
        read_volume(path)


@pytest.mark.parametrize("write", [nifti, nrrd, metaimage])
def test_values_that_only_float64_can_hold_are_refused(write, tmp_path):
    array = body(dtype=np.float64)
    array[1, 2, 3] = 1e300
    with pytest.raises(NotHounsfieldError, match="Slice 3 of the file holds NaN or infinite values"):
        read_volume(save(tmp_path, write(array, AFFINE)), assume_hu=True)


@pytest.mark.parametrize("write", [nifti, nrrd, metaimage])
def test_fractions_are_kept(write, tmp_path):
    array = body(dtype=np.float32)
    array[1, 2, 3] += 0.25
    volume = read_volume(save(tmp_path, write(array, np.diag([1.0, 1.0, 1.0, 1.0]))))
    assert volume.hu.dtype == np.float32
    np.testing.assert_array_equal(volume.hu, array.transpose(2, 1, 0))
