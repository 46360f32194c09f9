"""What the package answers: grounding results and disease scores, and their JSON form.

A result travels as a plain object whose keys are the field names; files of many results, and their version, are
described in `core.localization_results`.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.json_object import JsonObject

__all__ = ["DiseaseScore", "GroundingResult", "grounding_result_from", "to_jsonable"]


@dataclass(frozen=True, eq=False)
class GroundingResult:
    """Where in a scan a sentence points.

    Parameters
    ----------
    sentence : str
        As given by the caller.
    z_mm : float
        World z of the predicted place (RAS+ mm), decoded from the profile as the weights' card says.
    slice_index : int
        Index in `CTVolume.hu` of the slice nearest to `z_mm`; 0 is the most inferior.
    image_number : int or None
        DICOM InstanceNumber of that slice; None where the format keeps none.
    score : float
        Cosine at the best depth position, -1 to 1.
    interval_mm : tuple of float
        (lo, hi) world z of the smallest contiguous range around the peak that holds 80 % of the profile's softmax, widened by the
        conformal radius of the weights' card; never narrower than one depth position.
    covered_mm : tuple of float
        (lo, hi) world z of the range that the model saw.
    depths_mm : NDArray[float64], (d,)
        World z of the centre of each depth position, growing.
    profile : NDArray[float32], (d,)
        Cosine between the sentence and each depth position; NaN where the position lies outside the scan.
    peaks_mm : tuple of float
        Up to three depths of local maxima, best first.
    has_location : bool
        False when the sentence names no place, or none in this scan ("no clear location"): by the learned rule of the weights'
        card, or, where it holds none, when the profile is too flat or its best place too unlike the sentence.
    is_calibrated : bool
        Whether the interval's temperature was calibrated on held-out cases.
    depth_width_mm : float
        Thickness of one depth position: the precision that the model can have at best.
    file_index : int
        Index of the slice in the file as stored.
    """

    sentence: str
    z_mm: float
    slice_index: int
    image_number: int | None
    score: float
    interval_mm: tuple[float, float]
    covered_mm: tuple[float, float]
    depths_mm: NDArray[np.float64]
    profile: NDArray[np.float32]
    peaks_mm: tuple[float, ...]
    has_location: bool
    is_calibrated: bool
    depth_width_mm: float
    file_index: int


@dataclass(frozen=True)
class DiseaseScore:
    """How much a scan looks like a disease.

    Parameters
    ----------
    name : str
        One of the 18 CT-RATE abnormalities, or the caller's own term.
    score : float
        Mean softmax over the prompt pairs ("mean7" of the released evaluation), 0 to 1. Not a probability.
    probability : float or None
        Calibrated probability; None while the weights hold no calibration.
    percentile : float or None
        Share (0 to 100) of the weights' reference scans that score lower for this disease; None where the weights hold no
        reference of it.
    """

    name: str
    score: float
    probability: float | None = None
    percentile: float | None = None


def grounding_result_from(record: JsonObject) -> GroundingResult:
    """Return the result of which `record` is the JSON form, bit for bit; what does not fit is told to `record`."""
    result = GroundingResult(
        sentence=record.text("sentence"),
        z_mm=record.number("z_mm"),
        slice_index=record.whole("slice_index"),
        image_number=record.optional_whole("image_number"),
        score=record.number("score"),
        interval_mm=record.pair("interval_mm"),
        covered_mm=record.pair("covered_mm"),
        depths_mm=record.numbers("depths_mm"),
        profile=record.numbers("profile", np.float32, with_gaps=True),
        peaks_mm=tuple(record.numbers("peaks_mm").tolist()),
        has_location=record.flag("has_location"),
        is_calibrated=record.flag("is_calibrated"),
        depth_width_mm=record.number("depth_width_mm"),
        file_index=record.whole("file_index"),
    )
    if result.profile.shape != result.depths_mm.shape:
        record.tell(f"profile has {result.profile.size} values for {result.depths_mm.size} depths")
    return result


def to_jsonable(value: Any) -> Any:
    """Return `value` (a result, an array, a container of them) as plain JSON types; NaN becomes None.

    Values of float32 get the few digits that tell them apart, not those of the float64 next to them.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_jsonable(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, np.ndarray):
        if value.dtype.kind != "f":
            return value.tolist()
        plain = (value.astype(str) if value.dtype == np.float32 else value).astype(np.float64)
        objects = plain.astype(object)
        objects[~np.isfinite(plain)] = None
        return objects.tolist()
    if isinstance(value, np.generic):
        return to_jsonable(value.item())
    if isinstance(value, dict):
        return {key: to_jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_jsonable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
