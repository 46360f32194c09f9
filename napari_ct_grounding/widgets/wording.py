"""Sentences that the dock shows, from facts. Pure functions."""

from __future__ import annotations

import re
from typing import Any

from napari_ct_grounding.core.errors import GroundingError, LicenceNeededError
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.results import GroundingResult
from napari_ct_grounding.readers.notes import NOTICEABLE_DEG
from napari_ct_grounding.widgets.sources import LayerSource
from napari_ct_grounding.widgets.weights_fetcher import DownloadState
from napari_ct_grounding.widgets.work import EncodedScan, SlowStart

__all__ = [
    "bytes_text",
    "canvas_text",
    "coverage_label",
    "download_text",
    "duration_text",
    "error_text",
    "example_sentences",
    "facts_of",
    "hounsfield_text",
    "licence_text",
    "signed_mm",
    "slow_start_text",
]


def signed_mm(value: float) -> str:
    """A position in mm with a true minus sign."""
    return f"{value:.1f} mm".replace("-", "\u2212")


def canvas_text(source: LayerSource, slice_index: int, result: GroundingResult | None) -> str:
    """The names of a slice, and what the selected answer says of it."""
    record = source.record(slice_index)
    names = []
    if record is not None and record.series_number is not None:
        names.append(f"Series {record.series_number}")
    if record is not None and record.image_number is not None:
        names.append(f"Image {record.image_number}")
    else:
        names.append(f"Slice {slice_index}")
    z_mm = source.geometry.z_of_slice(slice_index)
    # A tilted slice has as many heights as rows; the one named is that of its centre.
    place = " at the centre" if _is_tilted(source.geometry) else ""
    text = f"{'   '.join(names)}\nz {signed_mm(z_mm)}{place}"
    if result is not None and result.has_location:
        if slice_index == result.slice_index:
            text += "   predicted slice"
        elif result.interval_mm[0] <= z_mm <= result.interval_mm[1]:
            text += "   in the interval"
    return text


def _is_tilted(geometry: VolumeGeometry) -> bool:
    return max(geometry.obliquity_deg, geometry.shear_deg) > NOTICEABLE_DEG


def facts_of(scan: EncodedScan) -> tuple[list[str], str]:
    """Return (facts for the status line, tooltip) of an encoded scan."""
    facts, seen = scan.facts, scan.encoded.embeddings
    weights = f"{facts.weights_name} ({facts.description})" if facts.description else facts.weights_name
    share = seen.covered_body_fraction
    coverage = "whole body seen" if share >= 0.9995 else f"{share:.0%} of the body seen"
    low, high = seen.covered_mm
    tooltip = (
        f"Weights: {weights}, licence {facts.licence}\n"
        f"Device: {facts.device} ({facts.device_reason})\n"
        f"Coverage: {scan.encoded.coverage}, z {signed_mm(low)} to {signed_mm(high)}"
    )
    return [weights, facts.device, coverage], tooltip


def error_text(error: Exception) -> str:
    """Plain words for an error: its own when it was raised on purpose, else what to do."""
    if isinstance(error, GroundingError):
        return str(error)
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return "There was not enough memory for this scan. Close other programs, or choose the device cpu."
    return f"Something went wrong in the model ({type(error).__name__}). The log holds the details; the viewer goes on."


def hounsfield_text(error: Exception) -> str:
    """Why the values may not be HU, without what belongs in a shell; a button stands below it."""
    return re.sub(r" \(--assume-hu[^)]*\)", "", str(error))


def slow_start_text(slow: SlowStart) -> str:
    """The question before a long encoding."""
    place = "on this CPU" if slow.facts.device == "cpu" else "on this GPU"
    text = f"Encoding this scan takes about {duration_text(slow.seconds)} {place}"
    if slow.paper_seconds is None:
        return f"{text}."
    left_out = f"{slow.left_out_mm:.0f} mm at the ends of the scan" if slow.left_out_mm >= 1 else "nothing"
    return f"{text}; about {duration_text(slow.paper_seconds)} in paper mode, which leaves out {left_out}."


def licence_text(error: LicenceNeededError, title: str, terms: str) -> str:
    """What is accepted with the licence of some weights, and what comes then."""
    return (
        f"The weights of {title} are under the licence {error.licence}: {terms}. They are downloaded once "
        f"({bytes_text(error.num_bytes)}) from huggingface.co; images and sentences stay on this computer."
    )


def download_text(state: DownloadState) -> str:
    """Bytes, speed and remaining time of a download."""
    parts = [f"{bytes_text(state.num_done)} of {bytes_text(state.num_total)}"]
    if state.speed is not None:
        parts.append(f"{bytes_text(state.speed)}/s")
    if state.seconds_left is not None:
        parts.append(f"{duration_text(state.seconds_left)} left")
    return " \u00b7 ".join(parts)


def bytes_text(num_bytes: float) -> str:
    """A size in the unit that suits it; units of 1000, as on disks."""
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if num_bytes >= 0.9995 * size:
            return f"{num_bytes / size:.{1 if unit == 'GB' else 0}f} {unit}"
    return f"{num_bytes / 1e3:.0f} kB"


def duration_text(seconds: float) -> str:
    """A time no more exact than it is known."""
    if seconds < 10:
        return f"{max(seconds, 1):.0f} s"
    if seconds < 92.5:
        return f"{5 * round(seconds / 5)} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def coverage_label(coverage: str) -> str:
    """A way to walk a scan, in words."""
    return _COVERAGE_LABELS.get(coverage, coverage)


_COVERAGE_LABELS = {
    "full": "Whole scan",
    "paper": "As in the paper (outer slices left out, faster)",
    "masked": "Whole scan",
}


def example_sentences(metadata: dict[str, Any]) -> tuple[str, ...]:
    """Sentences to offer for a layer: its own where it brings some, else a few that fit most scans."""
    own = metadata.get("ct_examples") or ()
    return tuple(own) or _EXAMPLES


_EXAMPLES = (
    "Carina and main bronchi.",
    "Arch of the aorta.",
    "Dome of the right hemidiaphragm.",
    "Upper pole of the left kidney.",
    "Gallbladder without stones.",
    "Pleuraerguss rechts basal.",
)
