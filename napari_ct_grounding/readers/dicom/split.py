"""Taking a series apart into stacks: never two scans in one, never one scan in two without a reason in the headers."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import Any

import numpy as np

from napari_ct_grounding.readers.dicom.file import open_dataset
from napari_ct_grounding.readers.dicom.header import PYDICOM_ERRORS, TRAITS, ImageHeader, quiet_pydicom

__all__ = ["EVEN_MM", "EVEN_SHARE", "SAME_POSITION_MM", "alike", "details_of", "has_repeats", "is_even", "split"]

#: Images closer than this along the normal lie at the same position (mm).
SAME_POSITION_MM = 0.01
#: Direction cosines that differ by less describe the same orientation.
SAME_ORIENTATION = 1e-3
#: Steps between slices may differ from their median by this much (mm), or by this share of it.
EVEN_MM, EVEN_SHARE = 0.01, 0.01
#: Images in a run of numbers that counts as a scan of its own.
MIN_SWEEP = 4

Headers = list[ImageHeader]


def alike(headers: Headers) -> list[Headers]:
    """Group images of one size, orientation, pixel spacing, modality, series number and frame of reference."""
    references = {header.frame_of_reference_uid for header in headers}
    # A reference of its own for every image is an anonymiser's slip; else positions cannot be compared across references.
    has_references = len(references) < len(headers)
    groups: list[Headers] = []
    for header in headers:
        for group in groups:
            same_reference = group[0].frame_of_reference_uid == header.frame_of_reference_uid
            if _is_alike(group[0], header) and (same_reference or not has_references):
                group.append(header)
                break
        else:
            groups.append([header])
    return groups


def split(headers: Headers) -> tuple[list[Headers], int]:
    """Return the stacks that alike images form, and how many exact copies were dropped.

    Split are images whose positions repeat, and scans that interleave (each even by itself, so that together they would make a
    stack of half steps), by the first attribute that explains it. Where none does, the images stay together, to be refused.
    """
    repeat = has_repeats(headers)
    for parts in _ways_to_split(headers):
        is_sound = len(parts) > 1 and all(len(part) > 1 and not has_repeats(part) for part in parts)
        if is_sound and (repeat or (_interleave(parts) and all(map(is_even, parts)))):
            return parts, 0
    if not repeat:
        return [headers], 0
    if 1 < len(once := _without_copies(headers)) < len(headers):
        parts, num_more = split(once)
        return parts, len(headers) - len(once) + num_more
    # Part of it may be sound: a scan beside the images of its bolus tracking, all at one position.
    num_positions = len(np.unique(np.round(_along(headers) / SAME_POSITION_MM)))
    for parts in _ways_to_split(headers):
        sound = [part for part in parts if len(part) >= max(2, num_positions / 2) and not has_repeats(part)]
        if len(parts) > 1 and sound:
            return parts, 0
    return [headers], 0


def has_repeats(headers: Sequence[ImageHeader]) -> bool:
    """Whether two images lie at the same position along the common normal."""
    if len(headers) < 2 or not _have_places(headers):
        return False
    return bool((np.diff(_along(headers)) < SAME_POSITION_MM).any())


def is_even(headers: Sequence[ImageHeader]) -> bool:
    """Whether all steps between neighbouring images agree with their median."""
    if not _have_places(headers):
        return False
    steps = np.diff(_along(headers))
    step = np.median(steps)
    return bool((np.abs(steps - step) <= max(EVEN_MM, EVEN_SHARE * step)).all())


def details_of(groups: Sequence[Headers]) -> list[str]:
    """Return for each stack of a series what sets it apart from the others; empty strings for a single stack."""
    if len(groups) < 2:
        return [""] * len(groups)
    columns = [[f"{group[0].rows} x {group[0].columns} pixels" for group in groups]]
    columns += [[f"pixels of {group[0].pixel_spacing[0]:.3g} mm" if group[0].pixel_spacing else "" for group in groups]]
    columns += [[_orientation_name(group[0]) for group in groups]]
    for place, (_, name) in enumerate(TRAITS):
        values = [{header.traits[place] for header in group} for group in groups]
        texts = [" ".join(value) if len(value) == 1 else "" for value in values]
        columns.append([f"{name} {text}" if text else "" for text in texts])
    columns.append([_numbers_name(group) for group in groups])
    varying = [column for column in columns if len(set(column)) > 1]
    for column in varying:
        if len(set(column)) == len(groups):
            return [text or f"stack {place}" for place, text in enumerate(column, start=1)]
    joined = [", ".join(text for text in texts if text) for texts in zip(*varying, strict=True)]
    if varying and len(set(joined)) == len(groups):
        return joined
    return [f"stack {place}" for place in range(1, len(groups) + 1)]


def _ways_to_split(headers: Headers) -> Iterator[list[Headers]]:
    """Give the parts by each trait, by all of them but the time, and by sweeps of the image numbers."""
    for place in range(len(TRAITS)):
        yield _by(headers, itemgetter(place))
    yield _by(headers, lambda traits: traits[:-1])
    yield _sweeps(headers)


def _sweeps(headers: Headers) -> list[Headers]:
    """Return runs of images whose positions move on as their numbers count up, until they jump back: passes of the table.

    All runs must go the same way. Where the table turns, the image at the turn could belong to either run.
    """
    numbers = [header.instance_number for header in headers]
    if len(headers) < 2 * MIN_SWEEP or None in numbers or len(set(numbers)) < len(numbers) or not _have_places(headers):
        return [headers]
    ordered = sorted(headers, key=lambda header: header.instance_number or 0)
    steps = np.diff(np.array([header.position for header in ordered]) @ ordered[0].normal)
    is_jump_back = np.sign(steps) * np.sign(steps[0]) < 0
    starts = [0, *(np.flatnonzero(is_jump_back) + 1).tolist(), len(ordered)]
    sweeps = [ordered[start:end] for start, end in pairwise(starts)]
    # Shorter runs come about by chance, where numbers say nothing or the table turns.
    return sweeps if min(map(len, sweeps)) >= MIN_SWEEP else [headers]


def _by(headers: Headers, value: Callable[[tuple[str, ...]], Any]) -> list[Headers]:
    parts: dict[Any, Headers] = defaultdict(list)
    for header in headers:
        parts[value(header.traits)].append(header)
    return list(parts.values())


def _have_places(headers: Sequence[ImageHeader]) -> bool:
    return all(header.position is not None and header.orientation is not None for header in headers)


def _along(headers: Sequence[ImageHeader]) -> np.ndarray:
    return np.sort(np.array([header.position for header in headers]) @ headers[0].normal)


def _interleave(parts: list[Headers]) -> bool:
    """Whether every two parts share at least half of the shorter one's length: rotations of one scan only touch."""
    if not all(map(_have_places, parts)):
        return False
    ends = [(along[0], along[-1]) for along in map(_along, parts)]
    return all(
        min(a[1], b[1]) - max(a[0], b[0]) > 0.5 * min(a[1] - a[0], b[1] - b[0])
        for place, a in enumerate(ends)
        for b in ends[:place]
    )


def _is_alike(a: ImageHeader, b: ImageHeader) -> bool:
    return (
        (a.rows, a.columns, a.modality, a.series_number, a.frame is None)
        == (b.rows, b.columns, b.modality, b.series_number, b.frame is None)
        and _is_close(a.orientation, b.orientation, SAME_ORIENTATION)
        and _is_close(a.pixel_spacing, b.pixel_spacing, 1e-4)
    )


def _is_close(a: tuple[float, ...] | None, b: tuple[float, ...] | None, tolerance: float) -> bool:
    if a is None or b is None:
        return a is b
    return max(abs(p - q) for p, q in zip(a, b, strict=True)) <= tolerance


def _orientation_name(header: ImageHeader) -> str:
    if header.orientation is None:
        return "without orientation"
    return ("sagittal", "coronal", "axial")[int(np.abs(header.normal).argmax())]


def _numbers_name(headers: Headers) -> str:
    numbers = [header.instance_number for header in headers if header.instance_number is not None]
    return f"images {min(numbers)} to {max(numbers)}" if len(numbers) == len(headers) else ""


def _without_copies(headers: Headers) -> Headers:
    """Drop images that repeat another one's position, traits and every stored pixel (sent twice under new names)."""
    seen: set[tuple] = set()
    kept = []
    places: dict[tuple, Headers] = defaultdict(list)
    for header in headers:
        places[(header.position, header.traits, header.slope, header.intercept)].append(header)
    for place, group in places.items():
        for header in group:
            digest = _digest(header) if len(group) > 1 and header.frame is None else None
            if digest is not None and (place, digest) in seen:
                continue
            seen.add((place, digest))
            kept.append(header)
    return kept


def _digest(header: ImageHeader) -> bytes | None:
    try:
        with quiet_pydicom():
            pixels = open_dataset(header.path, specific_tags=["PixelData"]).PixelData
        return hashlib.blake2b(pixels).digest()
    except PYDICOM_ERRORS:
        return None
