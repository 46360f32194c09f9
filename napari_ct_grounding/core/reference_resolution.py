"""From "series 4, image 38" to a height in the patient, or all places that may be meant, with the reason why none was chosen.

Series count by SeriesNumber within one study, images by InstanceNumber. Where several images bear the number they must lie at one
height; a position as displayed ("image 38/212") is offered beside the image number when the two differ. Nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from napari_ct_grounding.core.references.image_reference import ImageReference
from napari_ct_grounding.core.slice_table import ImageRecord, SeriesTable

__all__ = ["PlacedImage", "Resolution", "resolve_reference"]

#: Images closer than this lie at one height.
SAME_HEIGHT_MM = 1e-3


@dataclass(frozen=True)
class PlacedImage:
    """An image that a reference means, or may mean.

    Parameters
    ----------
    wanted : int
        The number that the text gives.
    image : ImageRecord
    series : SeriesTable
    is_displayed : bool
        Whether `wanted` was read as the position on a workstation instead of the image number.
    is_approximate : bool
        Whether the series has another frame of reference than the volume that the height is wanted in.
    """

    wanted: int
    image: ImageRecord
    series: SeriesTable
    is_displayed: bool = False
    is_approximate: bool = False


@dataclass(frozen=True)
class Resolution:
    """What became of a reference.

    Parameters
    ----------
    reference : ImageReference
    images : tuple of PlacedImage
        One for each image of the reference, in its order; empty where it could not be settled.
    candidates : tuple of PlacedImage
        All that may be meant, where it could not be settled; empty where nothing fits.
    reason : str
        Why not, as a sentence; empty where it was settled.
    cause : str
        The same as one of "prior study", "several studies", "no such series", "no such image", "several heights", "displayed
        position"; empty where it was settled.
    """

    reference: ImageReference
    images: tuple[PlacedImage, ...] = ()
    candidates: tuple[PlacedImage, ...] = ()
    reason: str = ""
    cause: str = ""

    @property
    def is_settled(self) -> bool:
        """Whether every image has its place."""
        return bool(self.images)

    @property
    def is_approximate(self) -> bool:
        """Whether an image lies in another frame of reference than the volume asked for."""
        return any(placed.is_approximate for placed in self.images)

    @property
    def range_mm(self) -> tuple[float, float] | None:
        """Lowest and highest world z of the images; None where it could not be settled."""
        if not self.images:
            return None
        return min(placed.image.z_lo_mm for placed in self.images), max(placed.image.z_hi_mm for placed in self.images)


def resolve_reference(
    reference: ImageReference, series: Sequence[SeriesTable], volume: SeriesTable | None = None
) -> Resolution:
    """Return where the images of a reference lie.

    Parameters
    ----------
    reference : ImageReference
    series : sequence of SeriesTable
        All of the study that the report is about.
    volume : SeriesTable, optional
        The one that the height is wanted in; images of another frame of reference are then marked as approximate.
    """
    if reference.is_prior:
        return Resolution(reference, reason="It points into an earlier study.", cause="prior study")
    studies = {table.study for table in series}
    if len(studies) > 1:
        reason = f"The images are of {len(studies)} studies, and series numbers count within one. Give those of the report's own."
        return Resolution(reference, reason=reason, cause="several studies")
    meant = [
        table for table in series if table.number == reference.series or (reference.series is None and table.is_axial)
    ]
    if not meant:
        known = ", ".join(
            str(number) for number in sorted({table.number for table in series if table.number is not None})
        )
        what = (
            "has no axial series"
            if reference.series is None
            else f"has no series {reference.series}, only {known or 'none'}"
        )
        return Resolution(reference, reason=f"The study {what}.", cause="no such series")
    settled: list[PlacedImage] = []
    candidates: list[PlacedImage] = []
    reason = cause = ""
    for wanted in reference.images:
        found = _candidates(wanted, reference.num_displayed, meant, volume)
        candidates += found
        why = _why_unsettled(wanted, found, reference)
        if why is None:
            settled.append(found[0])
        elif not reason:
            reason, cause = why
    if reason:
        return Resolution(reference, candidates=tuple(candidates), reason=reason, cause=cause)
    return Resolution(reference, images=tuple(settled))


def _candidates(
    wanted: int, num_displayed: int | None, series: Sequence[SeriesTable], volume: SeriesTable | None
) -> list[PlacedImage]:
    """Return the images that a number may mean, those that bear it first."""
    by_number: list[PlacedImage] = []
    by_position: list[PlacedImage] = []
    for table in series:
        is_approximate = (
            volume is not None
            and bool(table.frame_of_reference and volume.frame_of_reference)
            and table.frame_of_reference != volume.frame_of_reference
        )
        bearing = [image for image in table.images if image.image_number == wanted]
        by_number += [PlacedImage(wanted, image, table, is_approximate=is_approximate) for image in bearing]
        displayed = table.displayed
        # "38/212" speaks of a position; a bare number may, where no image bears it.
        is_position = num_displayed == len(displayed) if num_displayed is not None else not bearing
        if is_position and 0 < wanted <= len(displayed):
            by_position.append(PlacedImage(wanted, displayed[wanted - 1], table, True, is_approximate))
    if num_displayed is None and by_number:
        return by_number
    return by_number + by_position


def _why_unsettled(wanted: int, found: Sequence[PlacedImage], reference: ImageReference) -> tuple[str, str] | None:
    """Return (sentence, cause) why a number could not be settled; None where it was."""
    where = "The study" if reference.series is None else f"Series {reference.series}"
    if not found:
        return f"{where} has no image {wanted}.", "no such image"
    if all(placed.is_displayed for placed in found) and reference.num_displayed is None:
        numbers = ", ".join(str(placed.image.image_number) for placed in found)
        return (
            f"{where} has no image {wanted}; the position {wanted} as displayed is image {numbers}, if that is meant.",
            "displayed position",
        )
    heights = [(placed.image.z_lo_mm, placed.image.z_hi_mm) for placed in found]
    low, high = (max(ends) - min(ends) for ends in zip(*heights, strict=True))
    if max(low, high) <= SAME_HEIGHT_MM:
        return None
    if any(placed.is_displayed for placed in found) and not all(placed.is_displayed for placed in found):
        return (
            f"Image {wanted} and position {wanted} of {reference.num_displayed} lie {max(low, high):.1f} mm apart.",
            "displayed position",
        )
    series = {placed.series.number for placed in found}
    how = f"in {len(series)} series" if len(series) > 1 else f"in {where[0].lower()}{where[1:]}"
    return (
        f"{len(found)} images {how} bear the number {wanted} and lie {max(low, high):.1f} mm apart.",
        "several heights",
    )
