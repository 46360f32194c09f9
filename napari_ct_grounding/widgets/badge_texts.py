"""What is unusual about a scan, in a few words for a badge and in a sentence for its tooltip. Pure functions."""

from __future__ import annotations

import re

from napari_ct_grounding.readers.notes import tilt_notes
from napari_ct_grounding.widgets.sources import LayerSource
from napari_ct_grounding.widgets.work import EncodedScan

__all__ = ["MIN_COVERED_BODY", "badges_of", "short_words"]

Badge = tuple[str, str]

#: Below this share of the body seen by the model a badge says so.
MIN_COVERED_BODY = 0.98
#: Longest badge in characters: the narrowest dock shows it whole.
MAX_BADGE = 32

#: How a note begins or what it holds, and the words for the badge; groups of the pattern may stand in them.
_SHORT_WORDS = (
    (r"Gantry tilt: the stack of slices is sheared by ([\d.]+) degrees", "tilted {}\u00b0"),
    (r"names a gantry tilt of ([\d.]+) degrees, but", "tilt of {}\u00b0 lost?"),
    (r"The slices are ([\d.]+) degrees off axial", "oblique {}\u00b0"),
    (r"Rows and columns of the slices are ([\d.]+) degrees", "skewed {}\u00b0"),
    (r"Resampled to an even grid of ([\d.]+) mm", "resampled to {} mm"),
    (r"The images are not axial", "not axial"),
    (r"^Left out:", "some images left out"),
    (r"damaged DICOM file", "damaged files left out"),
    (r"DICOMDIR names (\d+) images? that", "{} of DICOMDIR missing"),
    (r"(tilted|sheared) by ([\d.]+) degrees.*resampled upright before encoding", "{} {}\u00b0, encoded upright"),
    (r"(tilted|sheared) by ([\d.]+) degrees.*the model read them as they are", "{} {}\u00b0, read as scanned"),
    (r"resampled upright before encoding", "encoded upright"),
    (r"the model read them as they are", "read as scanned"),
    (r"^Volume (\d+) of (\d+)", "volume {} of {}"),
    (r"The series holds (\d+) stacks", "one of {} stacks"),
    (r"There are (\d+) studies here", "one of {} studies"),
    (r"(names no orientation|[Oo]rientation .*assumed)", "orientation assumed"),
    (r"two orientations in the header", "two orientations in header"),
    (r"does not fit TransformMatrix", "two orientations in header"),
    (r"names no origin", "no origin: z is relative"),
    (r"negative voxel size", "negative voxel size"),
    (r"The header counts in", "units converted to mm"),
    (r"call their values unsigned", "sign of values corrected"),
    (r"The file goes on behind the last voxel", "file longer than its header"),
    (r"^Orientation as you stated", "orientation as stated"),
    (r"^Voxel size as you stated", "voxel size as stated"),
    (r"^Voxel size unknown", "voxel size assumed"),
    (r"^Values changed", "values changed"),
    (r"^Opened by napari-nifti", "opened by napari-nifti"),
)


def short_words(note: str) -> str:
    """Return a note in at most `MAX_BADGE` characters."""
    for pattern, words in _SHORT_WORDS:
        if match := re.search(pattern, note):
            return words.format(*match.groups())
    if len(note) <= MAX_BADGE:
        return note.rstrip(".")
    return note[: MAX_BADGE - 1].rsplit(" ", 1)[0].rstrip(" ,.;:") + "\u2026"


def badges_of(
    source: LayerSource, scan: EncodedScan | None, question: str | None = None, *, is_hu_assumed: bool = False
) -> list[Badge]:
    """Return (short, full) warnings about a volume and its encoding.

    Parameters
    ----------
    source : LayerSource
    scan : EncodedScan or None
        None before it is encoded.
    question : str or None
        Why the values may not be HU.
    is_hu_assumed : bool
        Whether the user said that they are.
    """
    badges = [(short_words(note), note) for note in dict.fromkeys(_notes_of(source, scan))]
    if is_hu_assumed:
        badges.append(("HU assumed", f"You said that the values are Hounsfield units. {question or ''}".strip()))
    elif question:
        badges.append(("values may not be HU", question))
    badges += _about_padding(source)
    return badges if scan is None else badges + _about_length(source, scan) + _about_encoding(scan)


def _notes_of(source: LayerSource, scan: EncodedScan | None) -> list[str]:
    """Notes of the reader, then those of the encoding, which name a tilt once more together with what was done about it."""
    encoding = () if scan is None else scan.encoded.notes
    told_again = tilt_notes(source.geometry) if encoding else []
    return [*(note for note in source.notes if note not in told_again), *encoding]


def _about_padding(source: LayerSource) -> list[Badge]:
    padding = "" if source.volume is None else source.volume.modality_facts.get("padding", "")
    return [("padding shown as air", f"{padding[:1].upper()}{padding[1:]}.")] if padding else []


def _about_length(source: LayerSource, scan: EncodedScan) -> list[Badge]:
    length_mm = source.geometry.shape[0] * source.geometry.spacing_mm[0]
    window_mm = scan.facts.window_length_mm
    if window_mm is None or length_mm >= window_mm:
        return []
    text = (
        f"The scan is {length_mm:.0f} mm long, shorter than one window of the model ({window_mm:.0f} mm). The rest is filled "
        "with air, and there is little around a place by which to recognise it."
    )
    return [("shorter than one window", text)]


def _about_encoding(scan: EncodedScan) -> list[Badge]:
    badges = []
    share = scan.encoded.embeddings.covered_body_fraction
    if share < MIN_COVERED_BODY:
        text = f"The model saw {share:.0%} of the body in this scan; the hatched range of the profile is unknown to it."
        badges.append((f"only {share:.0%} of the body seen", text))
    if not scan.facts.is_calibrated:
        text = "The interval was not calibrated on held-out cases; its width is a rough guide."
        badges.append(("interval not calibrated", text))
    return badges
