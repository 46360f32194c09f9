"""What a report refers to ("series 4, image 38") as places in the scan that is open, or why it has none there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from napari_ct_grounding.core.references import ImageReference
from napari_ct_grounding.core.results import GroundingResult
from napari_ct_grounding.export.walk import ReferenceMark
from napari_ct_grounding.widgets.sources import LayerSource

__all__ = ["PlacedReference", "ReferencePlacer"]


@dataclass(frozen=True)
class PlacedReference:
    """A reference and where it lies.

    Parameters
    ----------
    reference : ImageReference
    z_mm : tuple of float
        World z of its images, in their order; empty where it has no place in this scan.
    reason : str
        Why it has none, or what to know about the place: a sentence, empty where nothing is to be said.
    short_reason : str
        The same in a word or two, where it has no place.
    """

    reference: ImageReference
    z_mm: tuple[float, ...] = ()
    reason: str = ""
    short_reason: str = ""

    @property
    def name(self) -> str:
        """Short: "4:38", "4:38-42", "im 38"."""
        images = self._images("\u2013")
        return f"im {images}" if self.reference.series is None else f"{self.reference.series}:{images}"

    @property
    def long_name(self) -> str:
        """In words: "series 4, image 38"."""
        images = f"image{'s' if len(self.reference.images) > 1 else ''} {self._images(' to ')}"
        return images if self.reference.series is None else f"series {self.reference.series}, {images}"

    @property
    def range_mm(self) -> tuple[float, float] | None:
        """Lowest and highest z (mm) of its images; None where it has no place."""
        return (min(self.z_mm), max(self.z_mm)) if self.z_mm else None

    def difference_mm(self, result: GroundingResult | None) -> float | None:
        """Predicted minus referenced z, towards the head when positive; 0 within a range; None where either is missing.

        Of several single images the nearest counts.
        """
        if not self.z_mm or result is None or not result.has_location:
            return None
        if self.reference.is_range:
            low, high = min(self.z_mm), max(self.z_mm)
            return result.z_mm - min(max(result.z_mm, low), high)
        return min((result.z_mm - z_mm for z_mm in self.z_mm), key=abs)

    def to_mark(self, result: GroundingResult | None) -> ReferenceMark:
        """Return it as a take-away keeps it."""
        z_mm = None if self.range_mm is None else sum(self.range_mm) / 2
        return ReferenceMark(self.long_name, z_mm, self.difference_mm(result), None if self.z_mm else self.reason)

    def _images(self, to: str) -> str:
        images = self.reference.images
        if self.reference.is_range and len(images) > 1:
            return f"{images[0]}{to}{images[-1]}"
        return ", ".join(map(str, images))


class ReferencePlacer:
    """Places references in one scan, by the names of its slices.

    Parameters
    ----------
    source : LayerSource or None
        The chosen volume; without one nothing has a place.
    """

    def __init__(self, source: LayerSource | None) -> None:
        self._source = source
        self._known: dict[ImageReference, PlacedReference] = {}

    def place_all(self, references: Sequence[ImageReference]) -> list[PlacedReference]:
        """Return the references with their places, each worked out once."""
        for reference in references:
            if reference not in self._known:
                self._known[reference] = self._placed(reference)
        return [self._known[reference] for reference in references]

    def _placed(self, reference: ImageReference) -> PlacedReference:
        if reference.is_prior:
            return PlacedReference(reference, (), "These images are of an earlier study.", "(prior)")
        if self._source is None:
            return PlacedReference(reference, (), "No volume is open.", "")
        slices = range(self._source.geometry.shape[0])
        records = {index: record for index in slices if (record := self._source.record(index)) is not None}
        if all(record.image_number is None for record in records.values()):
            reason = "The slices of this volume bear no image numbers (NIfTI keeps none)."
            return PlacedReference(reference, (), reason, "(no image numbers)")
        series = {record.series_number for record in records.values()}
        if reference.series is not None and reference.series not in series:
            reason = f"The volume that is open is series {', '.join(map(str, sorted(series)))}."
            return PlacedReference(reference, (), reason, "(other series)")
        slice_of = {record.image_number: index for index, record in records.items()}
        missing = [number for number in reference.images if number not in slice_of]
        if missing:
            reason = f"The series has no image {missing[0]}."
            return PlacedReference(reference, (), reason, "(no such image)")
        return PlacedReference(
            reference, tuple(self._source.geometry.z_of_slice(slice_of[number]) for number in reference.images)
        )
