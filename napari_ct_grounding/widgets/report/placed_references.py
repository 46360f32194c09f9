"""What a report refers to ("series 4, image 38") as places in the scan that is open, or why it has none there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from napari_ct_grounding.core.reference_resolution import PlacedImage, Resolution, resolve_reference
from napari_ct_grounding.core.references import ImageReference
from napari_ct_grounding.core.results import GroundingResult
from napari_ct_grounding.core.slice_table import SeriesTable, table_of_volume
from napari_ct_grounding.export.walk import ReferenceMark
from napari_ct_grounding.widgets.sources import LayerSource

__all__ = ["PlacedReference", "ReferencePlacer"]

#: From the cause of a `Resolution` to a word or two.
_SHORT_REASONS = {
    "prior study": "prior study",
    "no such series": "other series",
    "no such image": "no such image",
    "no image numbers": "no image numbers",
}
_AMBIGUOUS = "not clear"
_NO_NUMBERS = (
    "The slices of this volume bear no image numbers; NIfTI keeps none. Open the DICOM folder to see where it lies."
)


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
    is_approximate : bool
        Whether its images may lie elsewhere in the patient: their series has another frame of reference.
    is_of_other_series : bool
        Whether it has no place because its series is not known.
    """

    reference: ImageReference
    z_mm: tuple[float, ...] = ()
    reason: str = ""
    short_reason: str = ""
    is_approximate: bool = False
    is_of_other_series: bool = False

    @classmethod
    def of(cls, resolution: Resolution) -> PlacedReference:
        """Return what `resolve_reference` found, as it is shown."""
        reference = resolution.reference
        if not resolution.is_settled:
            short = _SHORT_REASONS.get(resolution.cause, _AMBIGUOUS)
            reason = " ".join((resolution.reason, *_candidates(resolution.candidates)))
            return cls(reference, (), reason, short, is_of_other_series=resolution.cause == "no such series")
        reason = (
            "Its series has another frame of reference: the place is approximate." if resolution.is_approximate else ""
        )
        places = tuple(placed.image.z_mm for placed in resolution.images)
        return cls(reference, places, reason, is_approximate=resolution.is_approximate)

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
    """Places references in one scan.

    Parameters
    ----------
    source : LayerSource or None
        The chosen volume; without one nothing has a place.
    study : sequence of SeriesTable
        All series of its study, its own first, where they are known; a reference may point into any of them.
    """

    def __init__(self, source: LayerSource | None, study: Sequence[SeriesTable] = ()) -> None:
        self._own = (study[0] if study else _table_of(source)) if source is not None else None
        self._study = study
        self._known: dict[ImageReference, PlacedReference] = {}

    def place_all(self, references: Sequence[ImageReference]) -> list[PlacedReference]:
        """Return the references with their places, each worked out once."""
        for reference in references:
            if reference not in self._known:
                self._known[reference] = PlacedReference.of(self._resolved(reference))
        return [self._known[reference] for reference in references]

    def _resolved(self, reference: ImageReference) -> Resolution:
        own = self._own
        if own is None:
            return Resolution(reference, reason="No volume is open.", cause="no volume")
        if not reference.is_prior and not self._study and all(image.image_number is None for image in own.images):
            return Resolution(reference, reason=_NO_NUMBERS, cause="no image numbers")
        resolution = resolve_reference(reference, self._study or [own], own)
        if resolution.cause == "no such series" and not self._study:
            series = "of another series" if own.number is None else f"series {own.number}"
            reason = f"The volume that is open is {series}."
            return Resolution(reference, reason=reason, cause="no such series")
        return resolution


def _table_of(source: LayerSource) -> SeriesTable | None:
    if source.volume is not None:
        return table_of_volume(source.volume)
    return table_of_volume(source) if source.slice_table else SeriesTable("", "", None, "", True, ())


def _candidates(candidates: Sequence[PlacedImage]) -> Sequence[str]:
    """A sentence that names what may be meant; none where nothing may."""
    names = [
        f"image {placed.image.image_number} (z {placed.image.z_mm:.1f} mm)".replace("-", "\u2212")
        for placed in candidates
    ]
    return [f"It may be {' or '.join(dict.fromkeys(names))}."] if names else []
