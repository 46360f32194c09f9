"""DICOM objects, read by those who did not write them: pydicom alone walks the content tree, dciodvfy checks the IOD."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.export.dicom_objects import CODING_SCHEME, key_objects, measurement_report, write_dicom
from napari_ct_grounding.export.dicom_source import patient_of
from napari_ct_grounding.export.walk import Finding, Walk
from napari_ct_grounding.phantom.dicom_export import export_study
from napari_ct_grounding.readers import read_volume
from tests.export.walks import FINDINGS, MASS, a_result, a_volume, a_walk

pytest.importorskip("highdicom", reason="the extra dicom-sr is not installed")

KINDS = {"kos": key_objects, "sr": measurement_report}
CLASSES = {"kos": "1.2.840.10008.5.1.4.1.1.88.59", "sr": "1.2.840.10008.5.1.4.1.1.88.33"}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study") / "dicom"
    export_study(SimpleNamespace(volume=a_volume()), folder, thick_mm=20, has_lung_series=False)  # type: ignore[arg-type]
    return folder


@pytest.fixture(scope="module")
def volume(study: Path) -> CTVolume:
    return read_volume(study, 2)


@pytest.fixture(scope="module")
def walk(volume: CTVolume) -> Walk:
    table = volume.slice_table
    findings = [
        replace(finding, result=replace(finding.result, image_number=table[finding.result.slice_index].image_number))
        if finding.result is not None
        else finding
        for finding in FINDINGS
    ]
    return a_walk(*findings, volume=volume)


@pytest.fixture(scope="module")
def written(walk: Walk, study: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("objects")
    for kind, make in KINDS.items():
        write_dicom(folder / f"{kind}.dcm", make(walk, study))
    return {kind: folder / f"{kind}.dcm" for kind in KINDS}


def headers_of(study: Path) -> dict[str, pydicom.Dataset]:
    files = [path for path in study.rglob("*") if path.is_file()]
    return {str(header.SOPInstanceUID): header for header in (pydicom.dcmread(path) for path in files)}


def items_of(dataset: pydicom.Dataset) -> Iterator[pydicom.Dataset]:
    """All items of a content tree, the root first."""
    yield dataset
    for item in dataset.get("ContentSequence", []):
        yield from items_of(item)


def meaning_of(item: pydicom.Dataset) -> str:
    return str(item.ConceptNameCodeSequence[0].CodeMeaning) if "ConceptNameCodeSequence" in item else ""


def referenced(dataset: pydicom.Dataset) -> list[str]:
    return [
        str(item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID)
        for item in items_of(dataset)
        if item.ValueType == "IMAGE"
    ]


def evidence_of(dataset: pydicom.Dataset) -> dict[str, tuple[str, str]]:
    return {
        str(image.ReferencedSOPInstanceUID): (str(study.StudyInstanceUID), str(series.SeriesInstanceUID))
        for study in dataset.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for image in series.ReferencedSOPSequence
    }


@pytest.mark.parametrize("kind", KINDS)
def test_the_images_referred_to_are_those_of_the_predicted_slices(
    kind: str, written: dict[str, Path], walk: Walk, study: Path
) -> None:
    dataset, images = pydicom.dcmread(written[kind]), headers_of(study)
    key_results = [finding.result for _, finding in walk.key_findings]
    assert [float(images[uid].ImagePositionPatient[2]) for uid in referenced(dataset)] == [
        pytest.approx(result.z_mm) for result in key_results if result is not None
    ]
    assert [images[uid].InstanceNumber for uid in referenced(dataset)] == [
        result.image_number for result in key_results if result is not None
    ]
    assert {images[uid].SeriesNumber for uid in referenced(dataset)} == {2}


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_a_new_instance_in_a_series_of_its_own_of_the_same_study(
    kind: str, written: dict[str, Path], study: Path
) -> None:
    dataset, images = pydicom.dcmread(written[kind]), headers_of(study)
    assert dataset.SOPClassUID == CLASSES[kind]
    assert dataset.StudyInstanceUID in {image.StudyInstanceUID for image in images.values()}
    assert dataset.SeriesInstanceUID not in {image.SeriesInstanceUID for image in images.values()}
    assert dataset.SOPInstanceUID not in images
    evidence = evidence_of(dataset)
    assert set(evidence) == set(referenced(dataset))
    for uid, names in evidence.items():
        assert names == (images[uid].StudyInstanceUID, images[uid].SeriesInstanceUID)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_in_it_names_the_patient_unless_asked(
    kind: str, written: dict[str, Path], walk: Walk, study: Path, tmp_path: Path
) -> None:
    image = next(iter(headers_of(study).values()))
    bare = written[kind].read_bytes()
    assert str(image.PatientName).encode() not in bare
    assert str(image.PatientID).encode() not in bare
    assert pydicom.dcmread(written[kind]).PatientName == ""
    write_dicom(tmp_path / "named.dcm", KINDS[kind](walk, study, with_patient=True))
    named = pydicom.dcmread(tmp_path / "named.dcm")
    assert (named.PatientName, named.PatientID) == (image.PatientName, image.PatientID)


def test_the_report_holds_sentence_place_interval_and_similarity_of_every_finding(
    written: dict[str, Path], walk: Walk
) -> None:
    dataset = pydicom.dcmread(written["sr"])
    assert dataset.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    assert (dataset.CompletionFlag, dataset.VerificationFlag, dataset.PreliminaryFlag) == (
        "COMPLETE", "UNVERIFIED", "PRELIMINARY",
    )  # fmt: skip
    groups = [item for item in items_of(dataset) if meaning_of(item) == "Measurement Group"]
    assert len(groups) == len(walk.key_findings)
    first = {meaning_of(item): item for item in groups[0].ContentSequence}
    assert first["Comment"].TextValue == MASS
    numbers = {
        name: (
            float(item.MeasuredValueSequence[0].NumericValue),
            item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue,
        )
        for name, item in first.items()
        if item.ValueType == "NUM"
    }
    assert numbers == {
        "Position along patient z": (-40.0, "mm"),
        "Lower end of interval along patient z": (pytest.approx(-43.3333), "mm"),
        "Upper end of interval along patient z": (-32.0, "mm"),
        "Cosine similarity of sentence and slice": (pytest.approx(1.0, abs=1e-3), "1"),
    }
    assert first["Algorithm Name"].TextValue == "napari-ct-grounding"


def test_own_codes_are_explained_in_the_report(written: dict[str, Path]) -> None:
    dataset = pydicom.dcmread(written["sr"])
    used = {
        item.ConceptNameCodeSequence[0].CodingSchemeDesignator
        for item in items_of(dataset)
        if "ConceptNameCodeSequence" in item
    }
    assert CODING_SCHEME in used
    assert [item.CodingSchemeDesignator for item in dataset.CodingSchemeIdentificationSequence] == [CODING_SCHEME]


def test_the_key_objects_list_the_sentences_and_say_what_made_them(written: dict[str, Path]) -> None:
    dataset = pydicom.dcmread(written["kos"])
    (text,) = [item.TextValue for item in items_of(dataset) if meaning_of(item) == "Key Object Description"]
    assert f"1. {MASS} (Series 2, image" in text
    assert "3. =HYPERLINK(1)" in text
    assert "with the weights bundled" in text
    assert "Research use only" in text
    assert meaning_of(dataset) == "Of Interest"


@pytest.mark.parametrize("kind", KINDS)
def test_an_independent_validator_finds_no_error(kind: str, written: dict[str, Path]) -> None:
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dciodvfy (Debian package dicom3tools) is not installed")
    done = subprocess.run([program, "-new", written[kind]], capture_output=True, text=True, check=False)
    assert [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")] == []
    assert {"kos": "KeyObjectSelectionDocument", "sr": "ComprehensiveSR"}[kind] in done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_two_findings_on_one_slice_refer_to_one_image(kind: str, walk: Walk, study: Path) -> None:
    twice = replace(walk, findings=(walk.findings[0], walk.findings[0]))
    dataset = KINDS[kind](twice, study)
    assert len(set(referenced(dataset))) == 1
    assert len(evidence_of(dataset)) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_scan_that_was_no_dicom_gives_one_clear_sentence(kind: str, tmp_path: Path) -> None:
    from nibabel import Nifti1Image, save

    save(Nifti1Image(np.zeros((4, 4, 4), np.int16), np.eye(4)), tmp_path / "scan.nii.gz")
    bare = a_walk().without_identity()
    for walk, source in ((bare, tmp_path / "scan.nii.gz"), (a_walk(), tmp_path / "scan.nii.gz"), (a_walk(), None)):
        with pytest.raises(InputError, match=r"this scan was not read from any\. Open the DICOM series, or choose"):
            KINDS[kind](walk, source)


@pytest.mark.parametrize("kind", KINDS)
def test_images_that_are_gone_are_told(kind: str, walk: Walk, study: Path, tmp_path: Path) -> None:
    folder = tmp_path / "moved"
    shutil.copytree(study, folder)
    gone = walk.scan.slice_table[12].sop_instance_uid
    for path in [path for path in folder.rglob("I*") if pydicom.dcmread(path).SOPInstanceUID == gone]:
        path.unlink()
    with pytest.raises(InputError, match=r"The DICOM image of series 2, image \d+ is no longer where"):
        KINDS[kind](walk, folder)


@pytest.mark.parametrize("kind", KINDS)
def test_a_walk_without_a_clear_finding_makes_no_object(kind: str, walk: Walk, study: Path) -> None:
    with pytest.raises(InputError, match="no key image"):
        KINDS[kind](replace(walk, findings=walk.findings[1:2]), study)


@pytest.mark.parametrize("kind", KINDS)
def test_a_zip_archive_serves_as_well(kind: str, walk: Walk, study: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "study"), "zip", study)
    assert len(referenced(KINDS[kind](walk, archive))) == len(walk.key_findings)


def test_a_name_in_another_character_set_is_written_rightly(walk: Walk, study: Path, tmp_path: Path) -> None:
    folder = tmp_path / "named"
    shutil.copytree(study, folder)
    for path in folder.rglob("I*"):
        dataset = pydicom.dcmread(path)
        dataset.SpecificCharacterSet = "ISO_IR 100"
        dataset.PatientName, dataset.PatientBirthDate = "Müßig^Jörg", "19640812"
        dataset.save_as(path)
    write_dicom(tmp_path / "ko.dcm", key_objects(walk, folder, with_patient=True))
    assert str(pydicom.dcmread(tmp_path / "ko.dcm").PatientName) == "Müßig^Jörg"
    patient = patient_of(folder, walk)
    assert patient is not None
    assert (patient.name, patient.birth_date) == ("Müßig Jörg", "19640812")


def test_of_an_image_of_several_frames_the_frame_is_named(real_ct: Path) -> None:
    path = next((real_ct / "hard" / "enhanced-multiframe").rglob("mf.dcm"))
    volume = read_volume(path, assume_hu=True)
    slices = [0, 2]
    findings = [
        Finding("Mass.", a_result("Mass.", index, image_number=volume.slice_table[index].image_number))
        for index in slices
    ]
    walk = a_walk(*findings, volume=volume)
    for make in KINDS.values():
        items = [item for item in items_of(make(walk, path)) if item.ValueType == "IMAGE"]
        frames = sorted(
            int(number)
            for item in items
            for number in np.atleast_1d(item.ReferencedSOPSequence[0].ReferencedFrameNumber)
        )
        assert frames == sorted(int(volume.slice_table[index].image_number or 0) for index in slices)


def test_the_page_about_the_take_away_names_every_code_of_our_own(written: dict[str, Path], repository: Path) -> None:
    page = (repository / "docs" / "take-away.md").read_text(encoding="utf-8")
    own = {
        str(item.ConceptNameCodeSequence[0].CodeValue)
        for item in items_of(pydicom.dcmread(written["sr"]))
        if "ConceptNameCodeSequence" in item and item.ConceptNameCodeSequence[0].CodingSchemeDesignator == CODING_SCHEME
    }
    assert own
    assert all(f"`{code}`" in page for code in own)
    assert f"`{CODING_SCHEME}`" in page
