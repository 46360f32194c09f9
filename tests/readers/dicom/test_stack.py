"""Stacks of DICOM images become volumes with every voxel in its place, or a plain refusal."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEG2000Lossless, RLELossless, generate_uid

from napari_ct_grounding import list_series, read_volume
from napari_ct_grounding.core.errors import GeometryError, InputError, NotHounsfieldError, VolumeError

Z = tuple(float(z) for z in range(-20, 20, 4))


def test_a_shuffled_folder_gives_every_voxel_its_place(series, assert_voxels_in_place):
    series.stack(Z)
    volume = read_volume(series.folder)
    assert volume.hu.dtype == np.int16
    assert volume.hu.flags.c_contiguous
    assert volume.geometry.spacing_mm == (4.0, 2.0, 3.0)
    assert volume.geometry.z_extent_mm == (-20.0, 16.0)
    assert volume.notes == ()
    assert_voxels_in_place(volume)


def test_instance_numbers_that_run_downwards_stay_with_their_slices(series, assert_voxels_in_place):
    for place, z in enumerate(Z):
        series.image(f"{place}", (-6, -10, z), number=100 - place)
    volume = read_volume(series.folder)
    assert [record.image_number for record in volume.slice_table] == list(range(100, 90, -1))
    assert [record.file_index for record in volume.slice_table] == list(range(9, -1, -1))
    assert {record.series_number for record in volume.slice_table} == {4}
    uids = {
        pydicom.dcmread(path).SOPInstanceUID: pydicom.dcmread(path).InstanceNumber for path in series.folder.iterdir()
    }
    assert all(uids[record.sop_instance_uid] == record.image_number for record in volume.slice_table)
    assert_voxels_in_place(volume)


@pytest.mark.parametrize("number", [None, 7])
def test_equal_or_missing_instance_numbers_are_no_obstacle(series, assert_voxels_in_place, number):
    for place, z in enumerate(Z):
        series.image(f"{place}", (-6, -10, z), number=number)
    volume = read_volume(series.folder)
    assert [record.image_number for record in volume.slice_table] == [number] * len(Z)
    assert sorted(record.file_index for record in volume.slice_table) == list(range(len(Z)))
    assert_voxels_in_place(volume)


def test_one_file_opens_its_whole_series_and_nothing_else(new_series):
    wanted, other = new_series("both"), new_series("both")
    wanted.stack(Z, prefix="a", SeriesNumber=4)
    other.stack(tuple(float(z) for z in range(0, 60, 2)), prefix="b", SeriesNumber=5)
    path = next(path for path in wanted.folder.iterdir() if path.name.startswith("a"))
    assert read_volume(path).slice_table[0].series_number == 4
    assert [info.number for info in list_series(path)] == [4]


def test_a_list_of_files_opens_as_one_series(series, assert_voxels_in_place):
    series.stack(Z)
    paths = sorted(series.folder.iterdir())
    assert_voxels_in_place(read_volume(paths))


def test_a_missing_slice_is_named_by_its_neighbours(series):
    series.stack(Z)
    for path in list(series.folder.iterdir()):
        if pydicom.dcmread(path).InstanceNumber == 4:
            path.unlink()
    with pytest.raises(GeometryError, match=r"1 slice missing: 1 between images 3 and 5 \(8 mm instead of 4 mm\)"):
        read_volume(series.folder)
    (info,) = list_series(series.folder)
    assert not info.is_usable
    assert "images 3 and 5" in info.reason


def test_a_gap_is_filled_linearly_only_on_request(series, assert_voxels_in_place):
    series.stack(Z)
    for path in list(series.folder.iterdir()):
        if pydicom.dcmread(path).InstanceNumber == 4:
            path.unlink()
    volume = read_volume(series.folder, uneven="resample")
    assert volume.hu.shape[0] == len(Z)
    assert volume.hu.dtype == np.int16
    assert any("interpolated" in note and "images 3 and 5" in note for note in volume.notes)
    assert_voxels_in_place(volume)  # the values are linear along z, so interpolation is exact


def test_steps_that_change_are_told_as_a_range(series):
    series.stack((0, 4, 8, 12, 18, 24, 30))
    with pytest.raises(GeometryError, match="steps run from 4 to 6 mm"):
        read_volume(series.folder)


def test_rounding_of_positions_by_a_hundredth_is_even(series):
    series.stack((0.0, 4.005, 8.0, 11.995, 16.0))
    assert read_volume(series.folder).geometry.spacing_mm[0] == pytest.approx(4.0, abs=0.01)


def test_a_tilted_gantry_gives_a_sheared_volume_and_says_so(series, assert_voxels_in_place):
    # A 3-4-5 tilt keeps all positions whole: the column direction runs (0, 0.8, -0.6).
    for place, z in enumerate(range(0, 60, 10)):
        series.image(str(place), (-5, -10, z), place + 1, orientation=(1, 0, 0, 0, 0.8, -0.6), PixelSpacing=[2.0, 3.0])
    volume = read_volume(series.folder, assume_hu=True)
    assert volume.geometry.shear_deg == pytest.approx(36.87, abs=0.01)
    assert any("Gantry tilt" in note and "36.9" in note for note in volume.notes)
    index = np.argwhere(np.ones(volume.hu.shape))
    x, y, z = volume.geometry.world_of_voxel(index).T
    expected = -x - 10 * y - 3 * z + 40
    np.testing.assert_allclose(volume.hu.ravel(), expected, atol=0.51)


def test_slices_that_jump_sideways_are_refused(series):
    for place, z in enumerate(Z):
        series.image(str(place), (-6 + (2.0 if place == 5 else 0.0), -10, z), place + 1)
    with pytest.raises(GeometryError, match=r"sideways against each other by up to 2\.00 mm"):
        read_volume(series.folder)


@pytest.mark.parametrize(
    ("orientation", "step"),
    [
        ((1, 0, 0, 0, 0, -1), (0, 4, 0)),  # coronal
        ((0, 1, 0, 0, 0, -1), (4, 0, 0)),  # sagittal
        ((-1, 0, 0, 0, 1, 0), (0, 0, 4)),  # feet-first like, columns to the right
        ((0, 1, 0, 1, 0, 0), (0, 0, 4)),  # transposed rows and columns
    ],
)
def test_any_scan_plane_becomes_canonical(series, assert_voxels_in_place, orientation, step):
    for place in range(7):
        series.image(str(place), np.array([-6.0, -10, 2]) + place * np.array(step), place + 1, orientation=orientation)
    volume = read_volume(series.folder, assume_hu=True)
    assert_voxels_in_place(volume)
    if step[2]:
        assert volume.slice_table[0].image_number == 1
        assert list_series(series.folder)[0].is_axial
    else:
        assert volume.slice_table[0].image_number is None
        assert any("not axial" in note for note in volume.notes)
        assert not list_series(series.folder)[0].is_axial


def test_a_localizer_and_a_screenshot_are_left_out_and_told(series, assert_voxels_in_place):
    series.stack(Z)
    series.image("loc", (0, 0, 100), 0, orientation=(1, 0, 0, 0, 0, -1), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    series.image("shot", (0, 0, 104), 99, SOPClassUID="1.2.840.10008.5.1.4.1.1.7")
    series.image("unnamed localizer", (0, 0, 0), 98, orientation=(0, 1, 0, 0, 0, -1))
    volume = read_volume(series.folder)
    assert volume.hu.shape[0] == len(Z)
    (note,) = volume.notes
    assert "1 x localizer" in note
    assert "1 x secondary capture" in note
    assert "1 x image of another orientation" in note
    assert_voxels_in_place(volume)


def test_the_file_of_a_localizer_opens_the_rest_of_its_series(series):
    series.stack(Z)
    series.image("loc", (0, 0, 100), 0, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    assert read_volume(series.folder / "loc").hu.shape[0] == len(Z)


def test_a_series_of_localizers_alone_is_refused(series):
    series.stack(Z, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    with pytest.raises(VolumeError, match=r"no CT slices.*10 x localizer"):
        read_volume(series.folder)


def test_magnetic_resonance_is_refused_by_name(series):
    series.stack(Z, Modality="MR", SOPClassUID="1.2.840.10008.5.1.4.1.1.4")
    with pytest.raises(VolumeError, match="The series is MR, not CT"):
        read_volume(series.folder)


def test_copies_of_the_same_image_count_once(series, assert_voxels_in_place):
    series.stack(Z)
    for path in list(series.folder.iterdir())[:3]:
        (series.folder / f"copy of {path.name}").write_bytes(path.read_bytes())
    volume = read_volume(series.folder)
    assert any("3 x copy" in note for note in volume.notes)
    assert_voxels_in_place(volume)


def test_two_phases_in_one_series_become_two_stacks(series, assert_voxels_in_place):
    series.stack(Z, prefix="a", AcquisitionNumber=1)
    series.stack(Z, prefix="b", AcquisitionNumber=2, first_number=50)
    infos = list_series(series.folder)
    assert [info.key for info in infos] == [series.series_uid, f"{series.series_uid}#2"]
    volumes = [read_volume(series.folder, series=info.key) for info in infos]
    assert {volume.slice_table[0].image_number for volume in volumes} == {1, 50}
    for volume in volumes:
        assert_voxels_in_place(volume)


def test_repeated_positions_without_a_reason_are_refused(series):
    series.stack(Z, prefix="a")
    for place, z in enumerate(Z[:3]):
        series.image(f"b{place}", (-6, -10, z), 50 + place, stored=np.full((6, 5), 77 * place, np.uint16))
    with pytest.raises(GeometryError, match="3 of 13 images lie at a position where another image already lies"):
        read_volume(series.folder)


def test_images_at_one_position_are_no_volume(series):
    for place in range(4):
        series.image(str(place), (0, 0, 5), place, stored=np.full((6, 5), 77 * place, np.uint16))
    with pytest.raises(GeometryError, match="All 4 images lie at one position"):
        read_volume(series.folder)


def test_a_single_image_is_no_volume(series):
    series.stack((5.0,))
    with pytest.raises(VolumeError, match="single image"):
        read_volume(series.folder)


@pytest.mark.parametrize("keyword", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
def test_a_missing_place_in_space_is_named(series, keyword):
    series.stack(Z, **{keyword: None})
    with pytest.raises(GeometryError, match=keyword):
        read_volume(series.folder)


def test_the_likeliest_series_is_axial_long_thin_and_soft(new_series):
    for number, kernel, z in (
        (2, "B70f", np.arange(0, 90, 1.0)),  # thin and sharp
        (3, "B30f", np.arange(0, 90, 5.0)),  # soft and thick
        (4, "B30f", np.arange(0, 90, 2.0)),  # soft and thin: this one
        (5, "B30f", np.arange(0, 6, 1.0)),  # too short
    ):
        new_series("many").stack(z, prefix=f"s{number}-", SeriesNumber=number, ConvolutionKernel=kernel)
    folder = new_series("many").folder
    assert [info.number for info in list_series(folder)] == [4, 2, 3, 5]
    assert read_volume(folder).slice_table[0].series_number == 4
    assert read_volume(folder, series=3).geometry.spacing_mm[0] == 5.0
    assert read_volume(folder, series="3").geometry.spacing_mm[0] == 5.0
    with pytest.raises(VolumeError, match=r"no series 9 here; series numbers found: 2, 3, 4, 5"):
        read_volume(folder, series=9)


def test_declared_padding_becomes_air(series):
    stored = np.full((6, 5), 1100, np.int16)
    stored[0, 0] = stored[3, 3] = -2000
    for place in range(5):
        series.image(str(place), (0, 0, place * 3.0), place + 1, stored=stored, PixelPaddingValue=-2000)
    volume = read_volume(series.folder, assume_hu=True)
    assert sorted(np.unique(volume.hu)) == [-1000, 76]
    assert "-3024" in volume.modality_facts["padding"]


def test_padding_nobody_declared_becomes_air_too(series):
    stored = np.full((6, 5), 1100, np.int16)
    stored[0, 0] = -2000
    for place in range(5):
        series.image(str(place), (0, 0, place * 3.0), place + 1, stored=stored)
    assert read_volume(series.folder, assume_hu=True).hu.min() == -1000


def test_padding_that_could_be_tissue_is_air_only_from_the_border_inwards(series):
    stored = np.full((6, 5), 100, np.int16)
    stored[0, :2] = 0
    stored[3, 2] = 0  # a voxel of water, not padding
    for place in range(5):
        elements = {"PixelPaddingValue": 0, "RescaleIntercept": 0}
        series.image(str(place), (0, 0, place * 3.0), place + 1, stored=stored, **elements)
    volume = read_volume(series.folder, assume_hu=True)
    assert (volume.hu == -1000).sum() == 2 * 5
    assert (volume.hu == 0).sum() == 5


def test_rescale_is_taken_from_each_slice(series):
    stored = np.full((6, 5), 500, np.uint16)
    for place in range(4):
        series.image(
            str(place), (0, 0, place * 3.0), place + 1, stored=stored, RescaleIntercept=-1000 - place, RescaleSlope=2
        )
    assert read_volume(series.folder, assume_hu=True).hu[:, 0, 0].tolist() == [0, -1, -2, -3]


def test_fractions_are_kept_as_float32(series):
    stored = np.full((6, 5), 501, np.uint16)
    for place in range(4):
        series.image(str(place), (0, 0, place * 3.0), place + 1, stored=stored, RescaleIntercept=0, RescaleSlope=0.5)
    volume = read_volume(series.folder, assume_hu=True)
    assert volume.hu.dtype == np.float32
    assert volume.hu[0, 0, 0] == 250.5


def test_bits_above_the_stored_ones_are_ignored(series):
    hu = np.full((6, 5), -3, np.int16)
    stored = ((hu + 1024) & 0x0FFF).astype(np.uint16) | 0x3000  # an overlay hides in bits 12 and 13
    for place in range(4):
        series.image(str(place), (0, 0, place * 3.0), place + 1, stored=stored, BitsStored=12, HighBit=11)
    assert (read_volume(series.folder, assume_hu=True).hu == -3).all()


def test_an_iodine_map_is_refused_unless_insisted(series):
    series.stack(Z, RescaleType="MGML")
    with pytest.raises(NotHounsfieldError, match="MGML"):
        read_volume(series.folder)
    assert read_volume(series.folder, assume_hu=True).hu.shape[0] == len(Z)


def test_values_without_air_are_questioned(series):
    stored = np.full((6, 5), 1100, np.uint16)
    for place in range(4):
        series.image(str(place), (0, 0, place * 3.0), place + 1, stored=stored)
    with pytest.raises(NotHounsfieldError, match="assume-hu"):
        read_volume(series.folder)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless], ids=["RLE", "JPEG 2000"])
def test_compressed_images_open_like_plain_ones(series, assert_voxels_in_place, syntax):
    series.rows, series.columns = 48, 64  # JPEG 2000 needs room for its resolutions
    series.stack(Z)
    for path in series.folder.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.compress(syntax)
        dataset.save_as(path)
    assert_voxels_in_place(read_volume(series.folder))


def test_a_damaged_picture_is_named_by_its_file_alone(series, tmp_path):
    series.stack(Z)
    path = sorted(series.folder.iterdir())[0]
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(VolumeError, match=f"{path.name}.*cut short") as caught:
        read_volume(series.folder)
    assert str(tmp_path) not in str(caught.value)


def test_a_damaged_header_is_told_and_nothing_is_logged(series, caplog):
    series.stack(Z)
    (series.folder / "broken").write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 40)
    volume = read_volume(series.folder)
    assert volume.notes == ("1 damaged DICOM file was left out.",)
    assert caplog.records == []  # pydicom would log the path of the patient's folder
    assert volume.hu.shape[0] == len(Z)


def test_names_of_patients_never_leave_the_reader(series):
    series.stack(Z)
    volume = read_volume(series.folder)
    told = (
        repr(volume)
        + repr(volume.slice_table)
        + repr(volume.modality_facts)
        + volume.name
        + repr(list_series(series.folder))
    )
    assert "SECRET" not in told


def test_folders_below_are_searched_and_hidden_ones_are_not(new_series):
    new_series("study/a/b").stack(Z)
    new_series("study/.trash").stack(Z)
    folder = new_series("study").folder
    (folder / "notes.txt").write_text("not DICOM")
    assert len(list_series(folder)) == 1


def test_files_without_preamble_are_read(series, assert_voxels_in_place):
    series.stack(Z)
    for path in list(series.folder.iterdir()):
        dataset = pydicom.dcmread(path)
        bare = pydicom.Dataset({tag: dataset[tag] for tag in dataset.keys()})  # noqa: SIM118 - tags, not elements
        bare.save_as(path, implicit_vr=True, little_endian=True, enforce_file_format=False)
        assert path.read_bytes()[128:132] != b"DICM"
    assert_voxels_in_place(read_volume(series.folder))


def test_an_enhanced_object_equals_the_classic_images(series, tmp_path, assert_voxels_in_place):
    series.stack(Z)
    classic = [pydicom.dcmread(path) for path in series.folder.iterdir()]
    enhanced = pydicom.dcmread(next(series.folder.iterdir()))
    enhanced.SOPClassUID = enhanced.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    enhanced.SOPInstanceUID = enhanced.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    enhanced.NumberOfFrames = len(classic)
    enhanced.PixelData = b"".join(dataset.PixelData for dataset in classic)
    shared, frames = pydicom.Dataset(), []
    for keyword, sequence in (
        ("PixelSpacing", "PixelMeasuresSequence"),
        ("ImageOrientationPatient", "PlaneOrientationSequence"),
        ("RescaleIntercept", "PixelValueTransformationSequence"),
    ):
        item = pydicom.Dataset()
        setattr(item, keyword, enhanced[keyword].value)
        if keyword == "RescaleIntercept":
            item.RescaleSlope = 1
            del enhanced.RescaleSlope
        delattr(enhanced, keyword)
        setattr(shared, sequence, [item])
    del enhanced.ImagePositionPatient
    for dataset in classic:
        place, frame = pydicom.Dataset(), pydicom.Dataset()
        place.ImagePositionPatient = dataset.ImagePositionPatient
        frame.PlanePositionSequence = [place]
        frames.append(frame)
    enhanced.SharedFunctionalGroupsSequence = [shared]
    enhanced.PerFrameFunctionalGroupsSequence = frames
    path = tmp_path / "enhanced.dcm"
    enhanced.save_as(path)
    volume = read_volume(path)
    assert_voxels_in_place(volume)
    order = np.argsort([float(dataset.ImagePositionPatient[2]) for dataset in classic])
    assert [record.image_number for record in volume.slice_table] == (order + 1).tolist()


def test_a_folder_without_images_says_what_it_holds(tmp_path):
    with pytest.raises(VolumeError, match="holds no DICOM images"):
        read_volume(tmp_path)
    (tmp_path / "scan.nii.gz").write_bytes(b"x")
    with pytest.raises(VolumeError, match="It holds 1 file of NIfTI, NRRD or MetaImage; open one"):
        read_volume(tmp_path)


def test_unknown_options_are_refused(series):
    series.stack(Z)
    with pytest.raises(InputError, match="uneven='stretch'"):
        read_volume(series.folder, uneven="stretch")
    with pytest.raises(InputError, match="frame="):
        read_volume(series.folder, frame=1)
    with pytest.raises(VolumeError, match="no file or folder named nothing"):
        read_volume(series.folder / "nothing")


def test_a_dicomdir_is_passed_over(series):
    series.stack(Z)
    directory = pydicom.Dataset()
    directory.file_meta = pydicom.dataset.FileMetaDataset()
    directory.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    directory.file_meta.MediaStorageSOPClassUID = pydicom.uid.MediaStorageDirectoryStorage
    directory.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    directory.FileSetID = "DISC"
    directory.save_as(series.folder / "DICOMDIR", enforce_file_format=True)
    assert read_volume(series.folder).notes == ()
