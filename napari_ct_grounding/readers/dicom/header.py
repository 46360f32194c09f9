"""The header of one DICOM image, reduced to what stacking needs.

Patient data is never read: the parser is told which elements to keep. A frame of an enhanced multi-frame object gives one header,
as a classic single image does, so that nothing behind this module needs to know the difference.
"""

from __future__ import annotations

import logging
import struct
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.errors import BytesLengthException, InvalidDicomError

from napari_ct_grounding.readers.dicom.file import DamagedDicomError, open_dataset
from napari_ct_grounding.readers.notes import MAX_COORDINATE_MM

__all__ = ["MAX_SIDE", "PYDICOM_ERRORS", "TRAITS", "ImageHeader", "quiet_pydicom", "read_headers"]

#: What pydicom raises on damaged files (there is no common base).
PYDICOM_ERRORS = (
    InvalidDicomError,
    BytesLengthException,
    OSError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    MemoryError,
    struct.error,
)

#: No scanner writes slices with more rows or columns; a header that does is damaged or hostile.
MAX_SIDE = 8192
#: A frame costs its file at least this many bytes (the header of one item), however well it is compressed.
MIN_FRAME_BYTES = 8

#: The logger and the warning filters belong to the process: one thread at a time may change and restore them.
_QUIET = threading.RLock()

#: What may tell apart images that lie at the same places: attribute, and its name for a reader. In the order of trust.
TRAITS = (
    ("ConvolutionKernel", "kernel"),
    ("AcquisitionNumber", "acquisition"),
    ("ImageType", "image type"),
    ("TemporalPositionIdentifier", "phase"),
    ("TemporalPositionIndex", "phase"),
    ("NominalPercentageOfCardiacPhase", "cardiac phase"),
    ("TriggerTime", "trigger time"),
    ("KVP", "kV"),
    ("StackID", "stack"),
    ("SliceThickness", "slice thickness"),
    ("FilterType", "filter"),
    ("AcquisitionTime", "acquisition time"),
)

_TAGS = [
    *("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID"),
    *("Modality", "SeriesNumber", "SeriesDescription", "InstanceNumber", "StudyDate", "GantryDetectorTilt"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns", "SamplesPerPixel"),
    *("RescaleSlope", "RescaleIntercept", "RescaleType", "ModalityLUTSequence", "PhotometricInterpretation"),
    *("PixelPaddingValue", "PixelPaddingRangeLimit", "PixelRepresentation", "BitsAllocated"),
    *(
        "ConcatenationFrameOffsetNumber",
        "NumberOfFrames",
        "SharedFunctionalGroupsSequence",
        "PerFrameFunctionalGroupsSequence",
        "SpecificCharacterSet",
    ),
    *(name for name, _ in TRAITS),
]
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_CT_CLASSES = tuple(f"1.2.840.10008.5.1.4.1.1.2{end}" for end in ("", ".1", ".2"))
_REPORTS = ("1.2.840.10008.5.1.4.1.1.88",)
_LOCALIZER_WORDS = {"LOCALIZER", "SCOUT", "SURVIEW", "REF_SURVIEW", "TOPOGRAM"}
_SHEET_WORDS = {"DOSE_INFO", "DOSE", "SCREEN SAVE", "SCREENSAVE", "GSPS"}


@dataclass(frozen=True)
class ImageHeader:
    """One image (or one frame): where it lies, how its numbers become HU, what it is called. DICOM's LPS frame, mm.

    `traits` holds the values of `TRAITS`. `rescale` is "given", "missing", or "table" where a look-up table takes its place.
    """

    path: Path
    frame: int | None
    sop_uid: str
    series_uid: str
    study_uid: str
    study_date: str
    frame_of_reference_uid: str
    modality: str
    series_number: int | None
    instance_number: int | None
    description: str
    traits: tuple[str, ...]
    image_type: tuple[str, ...]
    rows: int
    columns: int
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    pixel_spacing: tuple[float, ...] | None
    gantry_tilt_deg: float
    slope: float
    intercept: float
    rescale: str
    rescale_type: str
    padding: tuple[int, int] | None
    is_colour: bool
    is_secondary_capture: bool

    @property
    def kernel(self) -> str:
        """ConvolutionKernel; empty where unknown."""
        return self.traits[0]

    @property
    def other_than_ct(self) -> str:
        """What this object is when it is no slice of a CT ("localizer", "dose sheet" ...); empty for a slice."""
        words = {word.upper() for word in self.image_type}
        if words & _LOCALIZER_WORDS:
            return "localizer"
        if words & _SHEET_WORDS:
            return "dose sheet"
        if self.is_secondary_capture or self.is_colour:
            return "secondary capture"
        return ""

    @property
    def normal(self) -> np.ndarray:
        """Unit normal of the image plane (row direction x column direction), LPS; 0 where the directions span no plane.

        Only for images with an orientation.
        """
        assert self.orientation is not None  # callers filter first; this is for the type checker
        normal = np.cross(self.orientation[:3], self.orientation[3:])
        return normal / (np.linalg.norm(normal) or 1.0)


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Silence what pydicom warns and logs: it quotes file paths and header values, which may name a patient."""
    logger = logging.getLogger("pydicom")
    with _QUIET:
        was_disabled, logger.disabled = logger.disabled, True
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        finally:
            logger.disabled = was_disabled


def read_headers(path: Path) -> list[ImageHeader]:
    """Return the images of a DICOM file: one, several for multi-frame, none for objects without pictures (plans, reports).

    Raises
    ------
    PYDICOM_ERRORS
        When the file is damaged; the caller counts it.
    """
    with quiet_pydicom():
        dataset = open_dataset(path, stop_before_pixels=True, specific_tags=_TAGS)
        headers = list(_headers_of(dataset, path))
    if not headers and path.name.upper() != "DICOMDIR":
        sop_class = _text(dataset, "SOPClassUID")
        if not sop_class or sop_class in _CT_CLASSES:
            raise DamagedDicomError("the header ends before it names the kind and size of the image")
    return headers


def _headers_of(dataset: pydicom.Dataset, path: Path) -> Iterator[ImageHeader]:
    rows, columns = _integer(dataset, "Rows"), _integer(dataset, "Columns")
    sop_class = _text(dataset, "SOPClassUID")
    if not rows or not columns:
        return
    modality = _text(dataset, "Modality") or ("CT" if sop_class in _CT_CLASSES else "")
    common: dict[str, Any] = {
        "path": path,
        "sop_uid": _text(dataset, "SOPInstanceUID"),
        "series_uid": _text(dataset, "SeriesInstanceUID"),
        "study_uid": _text(dataset, "StudyInstanceUID"),
        "study_date": _text(dataset, "StudyDate"),
        "frame_of_reference_uid": _text(dataset, "FrameOfReferenceUID"),
        "modality": modality.upper(),
        "series_number": _integer(dataset, "SeriesNumber"),
        "description": _text(dataset, "SeriesDescription"),
        "rows": rows,
        "columns": columns,
        "padding": _padding(dataset),
        "is_colour": (_integer(dataset, "SamplesPerPixel") or 1) > 1
        or _text(dataset, "PhotometricInterpretation").upper() == "PALETTE COLOR",
        "is_secondary_capture": sop_class.startswith(_SECONDARY_CAPTURE) or sop_class.startswith(_REPORTS),
    }
    per_frame = list(dataset.get("PerFrameFunctionalGroupsSequence") or [])
    num_frames = _integer(dataset, "NumberOfFrames") or 1
    if per_frame and num_frames != len(per_frame):
        raise DamagedDicomError(f"the header claims {num_frames:,} frames and describes {len(per_frame):,}")
    if num_frames < 1 or num_frames * MIN_FRAME_BYTES > path.stat().st_size:
        raise DamagedDicomError(f"the header claims {num_frames:,} frames, which do not fit into the file")
    if num_frames == 1 and not per_frame:
        yield ImageHeader(
            frame=None, instance_number=_integer(dataset, "InstanceNumber"), **common, **_place_and_scale([dataset])
        )
        return
    shared = list(dataset.get("SharedFunctionalGroupsSequence") or [])[:1]
    # A concatenation is one object in several files; its frames are counted through.
    offset = _integer(dataset, "ConcatenationFrameOffsetNumber") or 0
    for frame in range(num_frames):
        groups = [per_frame[frame], *shared] if per_frame else shared
        header = _place_and_scale(list(_layers(groups, dataset)))
        if not per_frame:
            header["position"] = None  # one position for many frames says nothing of theirs
        # The radiologist's "image 38" of a multi-frame object is its 38th frame.
        yield ImageHeader(frame=frame, instance_number=offset + frame + 1, **common, **header)


def _layers(groups: list[pydicom.Dataset], dataset: pydicom.Dataset) -> Iterator[pydicom.Dataset]:
    """The data sets in which an attribute of a frame may stand: its functional groups, the shared ones, the object itself."""
    for group in groups:
        for element in group:
            if element.VR == "SQ" and element.value:
                yield element.value[0]
    yield dataset


def _place_and_scale(layers: list[pydicom.Dataset]) -> dict[str, Any]:
    def first(read: Any, *names: str) -> Any:
        for name in names:
            for layer in layers:
                value = read(layer, name)
                if value not in (None, "", ()):
                    return value
        return None

    slope, intercept = first(_rescale, "RescaleSlope"), first(_rescale, "RescaleIntercept")
    tilt = first(_numbers, "GantryDetectorTilt")
    has_table = any("ModalityLUTSequence" in layer for layer in layers)
    return {
        "position": _of_length(first(_numbers, "ImagePositionPatient"), 3),
        "orientation": _of_length(first(_numbers, "ImageOrientationPatient"), 6),
        "pixel_spacing": _of_length(first(_numbers, "PixelSpacing"), 2),
        "gantry_tilt_deg": tilt[0] if tilt and np.isfinite(tilt[0]) else 0.0,
        "slope": 1.0 if slope is None else slope,
        "intercept": 0.0 if intercept is None else intercept,
        "rescale": "given" if None not in (slope, intercept) else "table" if has_table else "missing",
        "rescale_type": (first(_text, "RescaleType") or "").upper(),
        "image_type": first(_words, "FrameType", "ImageType") or (),
        "traits": tuple(_trait(first, name) for name, _ in TRAITS),
    }


def _trait(first: Callable[..., Any], name: str) -> str:
    if name == "ImageType":
        return "\\".join(first(_words, "FrameType", name) or ())
    if name == "AcquisitionNumber":
        name_of_frame = "FrameAcquisitionNumber"
        return str(first(_text, name, name_of_frame) or "")
    return first(_text, name) or ""


def _of_length(values: tuple[float, ...] | None, length: int) -> tuple[float, ...] | None:
    if (
        values is None
        or len(values) != length
        or not np.isfinite(values).all()
        or max(map(abs, values)) > MAX_COORDINATE_MM
    ):
        return None
    return values


@cache
def _tag(name: str) -> pydicom.tag.BaseTag:
    return pydicom.tag.Tag(name)


def _value(dataset: pydicom.Dataset, name: str) -> Any:
    # By tag: pydicom's access by name takes most of the time of reading a header.
    tag = _tag(name)
    try:
        return dataset[tag].value if tag in dataset else None
    except PYDICOM_ERRORS:
        return None  # an element that cannot be parsed counts as absent


def _words(dataset: pydicom.Dataset, name: str) -> tuple[str, ...]:
    value = _value(dataset, name)
    if value is None:
        return ()
    return tuple(str(word).strip() for word in ([value] if isinstance(value, str) else value))


def _text(dataset: pydicom.Dataset, name: str) -> str:
    value = _value(dataset, name)
    if value is None:
        return ""
    # A kernel may have two values ("Br38f", "3"); the first names it.
    return str(value[0] if isinstance(value, (list, pydicom.multival.MultiValue)) and len(value) else value).strip()


def _integer(dataset: pydicom.Dataset, name: str) -> int | None:
    numbers = _numbers(dataset, name)
    return int(numbers[0]) if numbers and np.isfinite(numbers[0]) else None


def _numbers(dataset: pydicom.Dataset, name: str) -> tuple[float, ...]:
    value = _value(dataset, name)
    if value is None or value == "":
        return ()
    try:
        return tuple(float(number) for number in ([value] if isinstance(value, (str, int, float)) else value))
    except (TypeError, ValueError):
        return ()


def _rescale(dataset: pydicom.Dataset, name: str) -> float | None:
    """Return a number; None for an element that is absent or empty, NaN for one that is anything but one number."""
    numbers = _numbers(dataset, name)
    if len(numbers) == 1:
        return numbers[0]
    return float("nan") if name in dataset and dataset.get_item(name).value else None


def _padding(dataset: pydicom.Dataset) -> tuple[int, int] | None:
    """Return the lowest and highest stored value that means "no data", in the type of the pixels."""
    value = _integer(dataset, "PixelPaddingValue")
    if value is None:
        return None
    limit = _integer(dataset, "PixelPaddingRangeLimit")
    bits = _integer(dataset, "BitsAllocated") or 16
    is_signed = bool(_integer(dataset, "PixelRepresentation"))

    def as_stored(number: int) -> int:
        # Writers mix up the signed and the unsigned reading of this element (-2000 stands as 63536).
        number %= 1 << bits
        return number - (1 << bits) if is_signed and number >= 1 << (bits - 1) else number

    ends = as_stored(value), as_stored(value if limit is None else limit)
    return min(ends), max(ends)
