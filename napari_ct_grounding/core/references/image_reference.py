"""What a report says about where to look: a series and images in it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ImageReference"]


@dataclass(frozen=True)
class ImageReference:
    """One mention of images in a text.

    Parameters
    ----------
    series : int or None
        SeriesNumber; None where the text names none, before or in it.
    images : tuple of int
        Image numbers in the order of the text, ranges filled.
    is_range : bool
        Whether "38-42" or the like stands in it.
    is_prior : bool
        Whether the images are of an earlier study.
    start, end : int
        Where it stands in the text: ``text[start:end]``.
    rule : str
        Which rule found it: "series then image", "image then series", "series before", "image alone", "pair behind series word",
        "pair behind image word", "pair behind pointing word", "pair under legend", "pair in brackets", "pair of known series".
    num_displayed : int or None
        M of "image N/M", the position among the M images that a workstation displays; it may differ from the image number.
    """

    series: int | None
    images: tuple[int, ...]
    is_range: bool
    is_prior: bool
    start: int
    end: int
    rule: str
    num_displayed: int | None = None
