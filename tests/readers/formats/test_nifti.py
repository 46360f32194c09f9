"""NIfTI files become canonical volumes without a float copy; bad ones are refused in plain words."""

from __future__ import annotations

import gzip
import itertools
import tracemalloc
from pathlib import Path

import nibabel
import numpy as np
import pytest

from napari_ct_grounding import list_series, read_volume
from napari_ct_grounding.core.errors import GeometryError, InputError, NotHounsfieldError, VolumeError


def body(shape=(5, 6, 7), dtype=np.int16) -> np.ndarray:
    """Return values like those of a body in air, every one different."""
    return (np.arange(np.prod(shape)).reshape(shape) - 100).astype(dtype)


def save(path: Path, array: np.ndarray, affine=None, edit=None, image_class=nibabel.Nifti1Image) -> Path:
    image = image_class(array, np.diag([1.0, 2.0, 3.0, 1.0]) if affine is None else affine)
    if edit is not None:
        edit(image)
    nibabel.save(image, path)
    return path


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("image_class", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_voxels_scale_and_name_come_out_right(tmp_path, ending, image_class):
    array = body()
    volume = read_volume(save(tmp_path / f"case 7{ending}", array, image_class=image_class))
    np.testing.assert_array_equal(volume.hu, array.transpose(2, 1, 0))
    assert volume.hu.dtype == np.int16
    assert volume.geometry.spacing_mm == (3.0, 2.0, 1.0)
    assert volume.name == "case 7"
    assert volume.notes == ()
    assert [record.file_index for record in volume.slice_table] == list(range(7))
    assert volume.slice_table[0].image_number is None


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("signs", list(itertools.product((1, -1), repeat=3)))
def test_all_48_orientations_read_as_nibabel_orients_them(tmp_path, order, signs):
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis in range(3):
        affine[order[axis], axis] = signs[axis] * (axis + 1.5)
    affine[:3, 3] = (-10, 20, -300)
    path = save(tmp_path / "scan.nii.gz", body(), affine)
    volume = read_volume(path)
    reference = nibabel.as_closest_canonical(nibabel.load(path))
    np.testing.assert_array_equal(volume.hu, np.asarray(reference.dataobj).transpose(2, 1, 0))
    np.testing.assert_allclose(volume.geometry.affine, reference.affine, atol=1e-4)
    assert volume.hu.flags.c_contiguous
    stored = np.asarray(nibabel.load(path).dataobj)
    slice_axis = int(np.argmax(np.abs(affine[2, :3])))
    first = stored.take(volume.slice_table[0].file_index, axis=slice_axis)
    assert set(first.ravel()) == set(volume.hu[0].ravel())


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("swapped", [False, True], ids=["little endian", "big endian"])
def test_whole_numbers_of_any_type_become_int16(tmp_path, dtype, swapped):
    array = (body((3, 4, 5)) % 100).astype(dtype)
    header = nibabel.Nifti1Header(endianness=">" if swapped else "<")
    image = nibabel.Nifti1Image(array, np.eye(4), header)
    image.header.set_data_dtype(dtype)
    nibabel.save(image, tmp_path / "scan.nii")
    volume = read_volume(tmp_path / "scan.nii", assume_hu=True)
    assert volume.hu.dtype == np.int16
    np.testing.assert_array_equal(volume.hu, array.transpose(2, 1, 0))


@pytest.mark.parametrize(
    ("slope", "intercept", "dtype"),
    [(1, -1024, np.int16), (2, 0, np.int16), (0.5, 0, np.float32), (1, 0.25, np.float32)],
)
def test_slope_and_intercept_are_applied_exactly(tmp_path, slope, intercept, dtype):
    stored = np.arange(2, 62).reshape(3, 4, 5).astype(np.int16) * 21 + 1
    path = save(tmp_path / "scan.nii.gz", stored, edit=lambda image: image.header.set_slope_inter(slope, intercept))
    # nibabel resets the scale while saving; write it into the file itself
    raw = bytearray(gzip.decompress(path.read_bytes()))
    raw[112:120] = np.array([slope, intercept], "<f4").tobytes()
    path.write_bytes(gzip.compress(bytes(raw)))
    volume = read_volume(path, assume_hu=True)
    assert volume.hu.dtype == dtype
    np.testing.assert_array_equal(volume.hu, nibabel.load(path).get_fdata().transpose(2, 1, 0))


def test_one_large_value_late_in_the_file_turns_the_volume_to_float_without_loss(tmp_path):
    array = body(dtype=np.int32)
    array[4, 5, 6] = 60_000
    volume = read_volume(save(tmp_path / "scan.nii.gz", array))
    assert volume.hu.dtype == np.float32
    np.testing.assert_array_equal(volume.hu, array.transpose(2, 1, 0))


def test_reading_holds_the_scan_once(tmp_path):
    array = np.random.default_rng(0).integers(-1000, 1000, (96, 96, 120)).astype(np.int16)
    path = save(tmp_path / "scan.nii.gz", array, np.diag([-1.0, -1.0, -3.0, 1.0]))
    read_volume(path)  # imports out of the way
    tracemalloc.start()
    volume = read_volume(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert volume.hu.nbytes == array.nbytes
    assert peak < 1.6 * array.nbytes


def test_the_sform_wins_and_a_quarrel_is_told(tmp_path):
    def edit(image):
        image.header.set_sform(np.diag([1.0, 2.0, 3.0, 1.0]), 1)
        other = np.diag([1.0, 2.0, 3.0, 1.0])
        other[2, 3] = 5
        image.header.set_qform(other, 1)

    volume = read_volume(save(tmp_path / "scan.nii", body(), edit=edit))
    assert volume.geometry.origin_mm[0] == 0
    assert any("differ by up to 5" in note for note in volume.notes)


def test_the_qform_is_taken_when_there_is_no_sform(tmp_path):
    def edit(image):
        image.header.set_qform(np.array([[-1.0, 0, 0, 7], [0, -2, 0, 8], [0, 0, 3, 9], [0, 0, 0, 1]]), 1)
        image.header.set_sform(None, 0)

    path = tmp_path / "scan.nii"
    image = nibabel.Nifti1Image(body(), None)
    edit(image)
    nibabel.save(image, path)
    volume = read_volume(path)
    np.testing.assert_allclose(volume.stored_affine[:3, 3], (7, 8, 9))
    np.testing.assert_array_equal(volume.hu, body().transpose(2, 1, 0)[:, ::-1, ::-1])
    assert volume.notes == ()


def patched(path: Path, offset: int, data: bytes) -> Path:
    raw = bytearray(path.read_bytes())
    raw[offset : offset + len(data)] = data
    path.write_bytes(raw)
    return path


def codes_zero(path: Path) -> Path:
    return patched(path, 252, b"\0\0\0\0")  # qform_code, sform_code


def test_no_orientation_at_all_is_a_note(tmp_path):
    volume = read_volume(codes_zero(save(tmp_path / "scan.nii", body())))
    assert any("assumed, not known" in note for note in volume.notes)


def test_a_zero_pixel_size_is_refused_and_a_negative_one_is_told(tmp_path):
    path = codes_zero(save(tmp_path / "scan.nii", body()))
    with pytest.raises(GeometryError, match=r"voxel size in the header is 0 x 2 x 3 mm"):
        read_volume(patched(path, 80, np.float32(0).tobytes()))
    volume = read_volume(patched(path, 80, np.float32(-1).tobytes()))
    assert volume.geometry.spacing_mm == (3.0, 2.0, 1.0)
    assert any("negative voxel size" in note for note in volume.notes)


def test_an_affine_of_nan_is_refused(tmp_path):
    with pytest.raises(GeometryError, match="NaN"):
        read_volume(patched(save(tmp_path / "scan.nii", body()), 280, np.float32(np.nan).tobytes()))


def test_oblique_and_skewed_axes_are_told(tmp_path):
    oblique = np.eye(4)
    angle = np.radians(10)
    oblique[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    assert any(
        "10.0 degrees off axial" in note for note in read_volume(save(tmp_path / "a.nii", body(), oblique)).notes
    )
    skewed = np.eye(4)
    skewed[0, 1] = 0.1
    notes = read_volume(save(tmp_path / "b.nii", body(), skewed)).notes
    assert any("off a right angle" in note for note in notes)


def test_metres_become_millimetres_only_where_they_must(tmp_path):
    metres = save(
        tmp_path / "m.nii", body(), np.diag([1e-3, 2e-3, 3e-3, 1]), lambda image: image.header.set_xyzt_units("meter")
    )
    volume = read_volume(metres)
    assert volume.geometry.spacing_mm == pytest.approx((3.0, 2.0, 1.0))
    assert any("metres" in note for note in volume.notes)
    careless = save(tmp_path / "c.nii", body(), None, lambda image: image.header.set_xyzt_units("micron"))
    assert read_volume(careless).geometry.spacing_mm == (3.0, 2.0, 1.0)


def test_4d_of_one_volume_is_opened_and_of_more_is_asked_about(tmp_path):
    one = save(tmp_path / "one.nii.gz", body((5, 6, 7, 1)))
    assert read_volume(one).hu.shape == (7, 6, 5)
    array = np.stack([body(), body() + 1, body() + 2], axis=-1)
    three = save(tmp_path / "three.nii.gz", array)
    with pytest.raises(VolumeError, match=r"three.nii.gz holds 3 volumes \(4D\).*frame=0 to frame=2"):
        read_volume(three)
    for frame in range(3):
        volume = read_volume(three, frame=frame)
        np.testing.assert_array_equal(volume.hu, array[..., frame].transpose(2, 1, 0))
    with pytest.raises(VolumeError, match="frame=3 does not exist"):
        read_volume(three, frame=3)


@pytest.mark.parametrize("shape", [(5, 6), (5, 6, 1), (5, 6, 1, 4)])
def test_a_picture_is_not_a_volume(tmp_path, shape):
    with pytest.raises(VolumeError, match="a picture, not a volume"):
        read_volume(save(tmp_path / "scan.nii", body(shape)))


def test_a_png_named_nii_is_called_a_png(tmp_path):
    path = tmp_path / "scan.nii"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(400))
    with pytest.raises(VolumeError, match=r"scan.nii is not a NIfTI file: it is a PNG picture") as caught:
        read_volume(path)
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("content", [b"hello", bytes(1000), bytes(range(256)) * 4])
def test_any_other_content_is_refused(tmp_path, content):
    for name, data in (("scan.nii", content), ("scan.nii.gz", gzip.compress(content))):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(VolumeError, match=f"{name} is not a"):
            read_volume(tmp_path / name)


@pytest.mark.parametrize("keep", [1, 10, 200, 400, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_truncated_file_is_refused_wherever_it_was_cut(tmp_path, ending, keep):
    array = np.random.default_rng(0).integers(-1000, 1000, (20, 20, 20)).astype(np.int16)
    path = save(tmp_path / f"scan{ending}", array)
    whole = path.read_bytes()
    path.write_bytes(whole[: keep if isinstance(keep, int) else int(len(whole) * keep)])
    with pytest.raises(VolumeError, match=r"cut short|does not begin with a NIfTI header"):
        read_volume(path)


def test_a_flipped_bit_in_the_compressed_data_is_noticed(tmp_path):
    array = np.random.default_rng(0).integers(-1000, 1000, (20, 20, 20)).astype(np.int16)
    path = save(tmp_path / "scan.nii.gz", array)
    raw = bytearray(path.read_bytes())
    raw[-6] ^= 0x40  # in the checksum and length at the end
    path.write_bytes(raw)
    with pytest.raises(VolumeError, match="checksum"):
        read_volume(path)


def test_an_empty_file_is_called_empty(tmp_path):
    path = tmp_path / "scan.nii.gz"
    path.touch()
    with pytest.raises(VolumeError, match="is empty"):
        read_volume(path)


def test_a_header_that_promises_more_than_the_file_can_hold_costs_no_memory(tmp_path):
    path = patched(save(tmp_path / "scan.nii", body()), 42, np.array([30000, 30000, 30000], "<i2").tobytes())
    packed = tmp_path / "scan.nii.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    for case in (path, packed):
        with pytest.raises(VolumeError, match="do not fit into the file"):
            read_volume(case)


def test_colours_are_refused(tmp_path):
    rgb = np.zeros((4, 5, 6), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    with pytest.raises(VolumeError, match="colours"):
        read_volume(save(tmp_path / "scan.nii", rgb))


def test_a_windowed_export_is_questioned_and_opens_on_insistence(tmp_path):
    path = save(tmp_path / "scan.nii", (body() % 256).astype(np.uint8))
    with pytest.raises(NotHounsfieldError, match="windowed export"):
        read_volume(path)
    assert read_volume(path, assume_hu=True).hu.dtype == np.int16


def test_nan_voxels_are_refused_even_on_insistence(tmp_path):
    array = body(dtype=np.float32)
    array[1, 1, 1] = np.nan
    with pytest.raises(NotHounsfieldError, match="NaN"):
        read_volume(save(tmp_path / "scan.nii", array), assume_hu=True)


def test_the_content_decides_whether_a_file_is_compressed(tmp_path):
    plain = save(tmp_path / "plain.nii", body())
    (tmp_path / "mislabelled.nii.gz").write_bytes(plain.read_bytes())
    (tmp_path / "packed.nii").write_bytes(gzip.compress(plain.read_bytes()))
    (tmp_path / "two members.nii.gz").write_bytes(
        gzip.compress(plain.read_bytes()[:500]) + gzip.compress(plain.read_bytes()[500:])
    )
    for name in ("mislabelled.nii.gz", "packed.nii", "two members.nii.gz"):
        np.testing.assert_array_equal(read_volume(tmp_path / name).hu, body().transpose(2, 1, 0))


def test_other_formats_are_refused_by_name(tmp_path):
    (tmp_path / "scan.tif").write_bytes(b"II*\0" + bytes(200))
    with pytest.raises(VolumeError, match=r"scan\.tif is neither DICOM nor NIfTI"):
        read_volume(tmp_path / "scan.tif")
    with pytest.raises(InputError, match="No file"):
        read_volume([])


def test_the_list_of_a_nifti_file_reads_the_header_alone(tmp_path):
    path = save(tmp_path / "scan.nii", body())
    path.write_bytes(path.read_bytes()[:400])
    (info,) = list_series(path)
    assert (info.key, info.num_images, info.spacing_mm) == ("scan.nii", 7, (3.0, 2.0, 1.0))
