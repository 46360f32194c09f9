"""A walk as DICOM: key objects (Key Object Selection, TID 2010) and a measurement report (SR, TID 1500), by highdicom.

Both refer to the very images, by SOPInstanceUID (and frame). They are preliminary, unverified, say which program and weights made
them, and are new instances of series of their own in the study of the scan. Findings without a key image are left out of both.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.export.captions import RESEARCH_ONLY, place_text
from napari_ct_grounding.export.contact_sheet import NO_KEY_IMAGES
from napari_ct_grounding.export.dicom_source import DicomSlices, PathOrPaths, read_slices
from napari_ct_grounding.export.walk import Finding, Walk
from napari_ct_grounding.export.whole_file import whole_file
from napari_ct_grounding.readers.dicom.header import quiet_pydicom

if TYPE_CHECKING:
    import pydicom

__all__ = ["CODING_SCHEME", "key_objects", "measurement_report", "write_dicom"]

#: Designator of the codes that no standard has (DICOM PS3.16 section 8: private ones begin with 99).
CODING_SCHEME = "99CTGROUND"
_MANUFACTURER = "napari-ct-grounding"
_KEY_OBJECTS_SERIES, _REPORT_SERIES = 9801, 9802
_NO_HIGHDICOM = "DICOM objects need the package highdicom. Install it: pip install 'napari-ct-grounding[dicom-sr]'."


def write_dicom(path: Path, dataset: pydicom.Dataset) -> None:
    """Write a DICOM file."""
    with whole_file(path) as partial:
        dataset.save_as(partial, enforce_file_format=True)


@quiet_pydicom()  # highdicom quotes patient names in warnings
def key_objects(walk: Walk, source: PathOrPaths | None, *, with_patient: bool = False) -> pydicom.Dataset:
    """Return the Key Object Selection of a walk's key images.

    Parameters
    ----------
    walk : Walk
        With SOPInstanceUIDs.
    source : path or paths, or None
        Where the scan was read from; its images are looked up there.
    with_patient : bool
        Whether the object names the patient. Without, an archive may not find the study by the patient.

    Raises
    ------
    InputError
        When highdicom is missing, no finding has a key image, or the scan is not DICOM.
    """
    highdicom = _highdicom()
    slices = _key_slices(walk, source, with_patient=with_patient)
    from pydicom.sr.codedict import codes

    lines = [
        f"{number}. {finding.sentence} ({place_text(walk.scan, finding.result)})"
        for number, finding in walk.key_findings
        if finding.result is not None
    ]
    content = highdicom.ko.KeyObjectSelection(
        document_title=codes.DCM.OfInterest,
        referenced_objects=slices.evidence,
        observer_device_context=_observer(highdicom, walk),
        description="\r\n".join([*lines, _made_by(walk), RESEARCH_ONLY]),
    )
    _name_frames(content[0], slices)
    return highdicom.ko.KeyObjectSelectionDocument(
        evidence=slices.evidence, content=content, **_series(highdicom, _KEY_OBJECTS_SERIES, "Key images of the report walk")
    )  # fmt: skip


@quiet_pydicom()
def measurement_report(walk: Walk, source: PathOrPaths | None, *, with_patient: bool = False) -> pydicom.Dataset:
    """Return a Comprehensive SR after TID 1500: for every finding its sentence, slice, height, interval and similarity.

    Parameters and errors as of `key_objects`.
    """
    highdicom = _highdicom()
    slices = _key_slices(walk, source, with_patient=with_patient)
    from pydicom.sr.codedict import codes

    sr = highdicom.sr
    groups = [_group(sr, codes, walk, slices, number, finding) for number, finding in walk.key_findings]
    report = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=_observer(highdicom, walk)),
        procedure_reported=sr.CodedConcept("25045-6", "LN", "CT unspecified body region"),
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )
    document = sr.ComprehensiveSR(
        evidence=slices.evidence, content=report, is_complete=True, is_final=False, is_verified=False,
        **_series(highdicom, _REPORT_SERIES, "Report walk"),
    )  # fmt: skip
    document.CodingSchemeIdentificationSequence = [_coding_scheme()]
    return document


def _highdicom() -> Any:
    try:
        import highdicom
        import highdicom.ko
        import highdicom.sr
    except ImportError as error:
        raise InputError(_NO_HIGHDICOM) from error
    return highdicom


def _key_slices(walk: Walk, source: PathOrPaths | None, *, with_patient: bool) -> DicomSlices:
    indices = [finding.result.slice_index for _, finding in walk.key_findings if finding.result is not None]
    if not indices:
        raise InputError(NO_KEY_IMAGES)
    return read_slices(source, walk, indices, with_patient=with_patient)


def _series(highdicom: Any, number: int, description: str) -> dict[str, Any]:
    """Names of a new series with one instance."""
    uid = highdicom.UID
    return {
        "series_instance_uid": uid(), "series_number": number, "sop_instance_uid": uid(), "instance_number": 1,
        "manufacturer": _MANUFACTURER, "series_description": description, "specific_character_set": "ISO_IR 192",
    }  # fmt: skip


def _observer(highdicom: Any, walk: Walk) -> Any:
    """The program as the device that observed; its UID stands for the weights."""
    from pydicom.sr.codedict import codes
    from pydicom.uid import generate_uid

    return highdicom.sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=highdicom.sr.DeviceObserverIdentifyingAttributes(
            uid=generate_uid(entropy_srcs=[_MANUFACTURER, walk.weights_fingerprint]),
            name=walk.program.name,
            manufacturer_name=_MANUFACTURER,
            model_name=walk.weights_name[:64],
        ),
    )


def _made_by(walk: Walk) -> str:
    return f"Made by {walk.program.name} {walk.program.version} with the weights {walk.weights_name}."


def _name_frames(content: pydicom.Dataset, slices: DicomSlices) -> None:
    """Say which frames are meant, where images hold several."""
    frames: dict[str, list[int]] = {}
    for index, frame in slices.frames.items():
        frames.setdefault(str(slices.datasets[index].SOPInstanceUID), []).append(frame)
    for item in content.ContentSequence:
        if (
            item.ValueType == "IMAGE"
            and (reference := item.ReferencedSOPSequence[0]).ReferencedSOPInstanceUID in frames
        ):
            reference.ReferencedFrameNumber = sorted(frames[reference.ReferencedSOPInstanceUID])


def _group(sr: Any, codes: Any, walk: Walk, slices: DicomSlices, number: int, finding: Finding) -> Any:
    """One finding after TID 1501; the sentence is a comment."""
    from pydicom.uid import generate_uid

    result = finding.result
    assert result is not None  # a key image has an answer; this is for the type checker
    image = slices.datasets[result.slice_index]
    frame = slices.frames.get(result.slice_index)
    values = (
        ("POSITION_Z", "Position along patient z", result.z_mm, codes.UCUM.Millimeter),
        ("INTERVAL_LO_Z", "Lower end of interval along patient z", result.interval_mm[0], codes.UCUM.Millimeter),
        ("INTERVAL_HI_Z", "Upper end of interval along patient z", result.interval_mm[1], codes.UCUM.Millimeter),
        ("SIMILARITY", "Cosine similarity of sentence and slice", result.score, codes.UCUM.NoUnits),
    )
    program = walk.program
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=generate_uid(), identifier=f"Finding {number}"),
        algorithm_id=sr.AlgorithmIdentification(
            name=program.name,
            version=program.version,
            parameters=[f"weights {walk.weights_name} {walk.weights_fingerprint[:16]}", f"coverage {walk.coverage}"],
        ),
        measurements=[
            sr.Measurement(name=sr.CodedConcept(code, CODING_SCHEME, meaning), value=round(float(value), 4), unit=unit)
            for code, meaning, value, unit in values
        ],
        source_images=[
            sr.SourceImageForMeasurementGroup(image.SOPClassUID, image.SOPInstanceUID, [frame] if frame else None)
        ],
    )
    group[0].ContentSequence.append(
        sr.TextContentItem(
            name=codes.DCM.Comment, value=finding.sentence, relationship_type=sr.RelationshipTypeValues.CONTAINS
        )
    )
    return group


def _coding_scheme() -> pydicom.Dataset:
    """Whose our own codes are, as DICOM asks for private ones."""
    import pydicom

    scheme = pydicom.Dataset()
    scheme.CodingSchemeDesignator = CODING_SCHEME
    scheme.CodingSchemeName = "Terms of napari-ct-grounding"
    scheme.CodingSchemeResponsibleOrganization = _MANUFACTURER
    return scheme
