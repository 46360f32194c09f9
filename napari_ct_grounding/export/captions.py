"""The words under a picture: slice, height, interval, similarity. Pure functions."""

from __future__ import annotations

from napari_ct_grounding.core.results import GroundingResult
from napari_ct_grounding.export.walk import Finding, ReferenceMark, ScanFacts

__all__ = ["RESEARCH_ONLY", "date_text", "interval_text", "mm_text", "place_text", "reference_text", "remark_text"]

RESEARCH_ONLY = "Research use only. Not for diagnosis or treatment."


def date_text(created: str) -> str:
    """A time of ISO 8601 in UTC as people write it."""
    return created.replace("T", " ").replace("+00:00", " UTC")


def mm_text(value: float, digits: int = 1) -> str:
    """A position in mm with a true minus sign."""
    return f"{value:.{digits}f} mm".replace("-", "\u2212")


def place_text(scan: ScanFacts, result: GroundingResult) -> str:
    """Slice and height: "Series 4, image 38 · z −452.0 mm"."""
    return f"{scan.slice_name(result.slice_index)} \u00b7 z {mm_text(result.z_mm)}"


def interval_text(scan: ScanFacts, result: GroundingResult) -> str:
    """The interval in mm and in images, and whether it was calibrated."""
    low, high = result.interval_mm
    ends = sorted({_short_name(scan, scan.geometry.slice_of_z(z_mm)) for z_mm in (low, high)})
    names = f"{ends[0]} to {ends[-1]}" if len(ends) > 1 else f"{ends[0]}"
    kind = "images" if scan.slice_table[result.slice_index].image_number is not None else "slices"
    calibrated = "" if result.is_calibrated else ", not calibrated"
    return f"{mm_text(low, 0).removesuffix(' mm')} to {mm_text(high, 0)} ({kind} {names}{calibrated})"


def reference_text(mark: ReferenceMark) -> str:
    """What a named image says of the answer: "(series 4, image 38): 6.0 mm above"."""
    if mark.z_mm is None or mark.difference_mm is None:
        return f"{mark.text}: {mark.reason or 'not in this scan'}"
    if abs(mark.difference_mm) < 0.05:
        return f"{mark.text}: z {mm_text(mark.z_mm)}, the same height"
    side = "above" if mark.difference_mm > 0 else "below"
    return f"{mark.text}: z {mm_text(mark.z_mm)}; predicted {abs(mark.difference_mm):.1f} mm {side}"


def remark_text(finding: Finding) -> str:
    """Why a sentence has no key image; empty where it has one."""
    if finding.message:
        return finding.message
    if finding.is_negated:
        return "negated"
    if finding.is_normal:
        return "normal"
    if not finding.is_localizable:
        return "speaks of no place in this scan"
    if finding.result is None:
        return "not grounded"
    return "" if finding.result.has_location else "no clear location"


def _short_name(scan: ScanFacts, slice_index: int) -> int:
    number = scan.slice_table[slice_index].image_number
    return slice_index if number is None else number
