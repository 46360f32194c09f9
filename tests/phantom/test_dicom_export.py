"""A phantom as a DICOM study: read back voxel for voxel, images that a report names hold the finding."""

from __future__ import annotations

import re

import numpy as np
import pydicom
import pytest

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.phantom.dicom_export import export_study
from napari_ct_grounding.phantom.report import write_report
from napari_ct_grounding.phantom.scan import generate_scan
from napari_ct_grounding.readers.reading import list_series, read_volume


@pytest.fixture(scope="module")
def scan():
    return generate_scan(
        4,
        spacing_mm=(2.5, 9.0, 9.0),
        z_range=(-90.0, 20.0),
        findings=("lung_mass@right_upper_lobe", "pleural_plaque@left"),
    )


@pytest.fixture(scope="module")
def study(scan, tmp_path_factory):
    return export_study(scan, tmp_path_factory.mktemp("dicom") / "study", seed=3)


def test_thin_series_reads_back_voxel_for_voxel_with_its_image_numbers(scan, study):
    thin = study.series[0]
    volume = read_volume(study.folder, series=thin.number)
    assert np.array_equal(volume.hu, np.maximum(scan.volume.hu, -1024))
    assert np.allclose(volume.geometry.affine, scan.volume.geometry.affine, atol=1e-4)
    assert tuple(record.image_number for record in volume.slice_table) == thin.image_numbers
    assert {record.series_number for record in volume.slice_table} == {thin.number}


def test_every_axial_series_reads_back_as_written_in_one_frame(study):
    for series in study.series:
        volume = read_volume(study.folder, series=series.number)
        assert np.array_equal(volume.hu, series.hu)
        assert np.allclose([volume.geometry.z_of_slice(k) for k in range(len(series.z_mm))], series.z_mm, atol=1e-4)
    frames = {pydicom.dcmread(path).FrameOfReferenceUID for path in study.folder.rglob("I*")}
    assert len(frames) == 1


def test_study_has_thin_thick_and_lung_series_and_the_localizer_is_not_offered(study):
    infos = {info.number: info for info in list_series(study.folder)}
    assert [series.number for series in study.series] == [2, 3, 4]
    assert not (infos.keys() >= {1} and infos[1].is_usable)
    assert infos[3].spacing_mm[0] == pytest.approx(5.0)
    assert infos[4].kernel == "Bl57"


def test_headers_are_complete_and_name_nobody(study):
    uids = set()
    for path in study.folder.rglob("I*"):
        dataset = pydicom.dcmread(path)
        assert str(dataset.PatientName).startswith("PHANTOM^")
        assert dataset.PatientBirthDate == ""
        assert dataset.PatientIdentityRemoved == "YES"
        assert dataset.StudyInstanceUID == study.uid
        assert pydicom.uid.UID(dataset.SOPInstanceUID).is_valid
        uids.add(dataset.SOPInstanceUID)
    assert len(uids) == 1 + sum(len(series.z_mm) for series in study.series)


def test_same_scan_and_seed_give_the_same_files_and_another_seed_other_uids(scan, study, tmp_path):
    again = export_study(scan, tmp_path / "again", seed=3, has_lung_series=False)
    other = export_study(scan, tmp_path / "other", seed=4, has_lung_series=False)
    assert again.uid == study.uid
    assert again.series[0].image_numbers == study.series[0].image_numbers
    assert other.uid != study.uid
    first, second = (sorted((one.folder / "S0002").iterdir()) for one in (again, study))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_image_numbers_run_downwards_or_upwards_without_gaps(scan, tmp_path):
    directions = set()
    for seed in range(8):
        numbers = (
            export_study(scan, tmp_path / str(seed), seed=seed, thick_mm=99, has_lung_series=False)
            .series[0]
            .image_numbers
        )
        steps = set(np.diff(numbers))
        assert steps in ({1}, {-1})
        directions |= steps
    assert directions == {1, -1}


@pytest.mark.parametrize("language", ["en", "de"])
def test_images_that_a_report_names_exist_and_hold_the_finding(scan, study, language):
    named = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        targets = scan.findings
        said = {}

        def refer(target, rng=rng, said=said):
            phrase = study.reference(target, language, rng)
            said[phrase] = target
            return phrase

        report = write_report(targets, (), np.random.default_rng(seed), language, refer=refer)
        for phrase, target in said.items():
            assert phrase in report
            series_first = re.search(r"^\W*(?:s|#|\d)", phrase.lower())
            first, second = map(int, re.findall(r"\d+", phrase))
            number, image = (first, second) if series_first else (second, first)
            series = next(one for one in study.series if one.number == number)
            z = series.z_mm[series.image_numbers.index(image)]
            assert target.z_lo_mm - 2.6 <= z <= target.z_hi_mm + 2.6
            named += 1
    assert named > 8


def test_a_folder_that_holds_something_is_refused(scan, tmp_path):
    (tmp_path / "x.txt").write_text("here")
    with pytest.raises(InputError, match="not empty"):
        export_study(scan, tmp_path)
