"""Which stacks of CT images lie in a folder.

Grouping follows SeriesInstanceUID, then size, orientation and pixel spacing; where positions repeat, also acquisition, image
type, kernel or phase. Localizers, dose sheets and secondary captures are left out and counted.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from napari_ct_grounding.readers.dicom_header import PYDICOM_ERRORS, ImageHeader, is_dicom_file, read_headers

__all__ = ["DicomFolder", "DicomStack", "dicom_files", "index_files"]

#: Images closer than this along the normal lie at the same position (mm).
SAME_POSITION_MM = 0.01
#: Direction cosines that differ by less describe the same orientation.
SAME_ORIENTATION = 1e-3

_SPLITS: tuple[Callable[[ImageHeader], Any], ...] = (
    lambda header: header.acquisition,
    lambda header: header.image_type,
    lambda header: header.kernel,
    lambda header: header.temporal,
    lambda header: (header.acquisition, header.image_type, header.kernel, header.temporal),
    lambda header: header.acquisition_time,
)


@dataclass(frozen=True)
class DicomStack:
    """Images that belong together: one candidate for a volume.

    Parameters
    ----------
    key : str
        SeriesInstanceUID, with "#2" ... for further stacks of one series.
    headers : tuple of ImageHeader
        In no order.
    left_out : Counter
        What else the series held and how often.
    """

    key: str
    headers: tuple[ImageHeader, ...]
    left_out: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class DicomFolder:
    """All stacks found, and what else was there."""

    stacks: tuple[DicomStack, ...]
    num_damaged: int = 0
    num_without_images: int = 0


def dicom_files(folder: Path, recursive: bool = True) -> list[Path]:
    """Return the files below `folder` that begin like DICOM, sorted; hidden files are passed over."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if recursive else []
        found += [Path(parent, name) for name in sorted(names) if not name.startswith(".")]
    return [path for path in found if path.is_file() and is_dicom_file(path)]


def index_files(paths: Iterable[Path]) -> DicomFolder:
    """Read the headers of DICOM files and sort the images into stacks."""
    by_series: dict[tuple[str, ...], list[ImageHeader]] = defaultdict(list)
    num_damaged = num_without_images = 0
    for path in paths:
        try:
            headers = read_headers(path)
        except PYDICOM_ERRORS:
            num_damaged += 1
            continue
        num_without_images += not headers
        for header in headers:
            by_series[_series_of(header)].append(header)
    stacks: list[DicomStack] = []
    for identity, headers in by_series.items():
        stacks += _stacks_of("/".join(part for part in identity if part), headers)
    return DicomFolder(tuple(stacks), num_damaged, num_without_images)


def _series_of(header: ImageHeader) -> tuple[str, ...]:
    if header.series_uid:
        return (header.series_uid,)
    number = "?" if header.series_number is None else str(header.series_number)
    return ("series without UID", header.study_uid, number, header.modality)


def _stacks_of(series: str, headers: list[ImageHeader]) -> list[DicomStack]:
    left_out: Counter[str] = Counter()
    slices: list[ImageHeader] = []
    seen: set[tuple[str, int | None]] = set()
    for header in headers:
        name = (header.sop_uid, header.frame)
        if header.sop_uid and name in seen:
            left_out["copy of the same image"] += 1
        elif header.other_than_ct:
            left_out[header.other_than_ct] += 1
        else:
            slices.append(header)
        seen.add(name)
    if not slices:
        return [DicomStack(series, tuple(headers), left_out)]
    groups = [part for group in _alike(slices) for part in _split_repeats(group)]
    groups.sort(key=len, reverse=True)
    # A lone image of another orientation or size beside a stack is a localizer that does not say so.
    kept = [group for group in groups if len(group) > 1 or len(groups[0]) == 1]
    if lone := len(groups) - len(kept):
        left_out["image of another orientation, size or acquisition"] += lone
    return [
        DicomStack(series if place == 1 else f"{series}#{place}", tuple(group), left_out)
        for place, group in enumerate(kept, start=1)
    ]


def _alike(headers: Sequence[ImageHeader]) -> list[list[ImageHeader]]:
    """Group images of one size, orientation, pixel spacing and modality."""
    groups: list[list[ImageHeader]] = []
    for header in headers:
        for group in groups:
            if _is_alike(group[0], header):
                group.append(header)
                break
        else:
            groups.append([header])
    return groups


def _is_alike(a: ImageHeader, b: ImageHeader) -> bool:
    return (
        (a.rows, a.columns, a.modality, a.frame is None) == (b.rows, b.columns, b.modality, b.frame is None)
        and _is_close(a.orientation, b.orientation, SAME_ORIENTATION)
        and _is_close(a.pixel_spacing, b.pixel_spacing, 1e-4)
    )


def _is_close(a: tuple[float, ...] | None, b: tuple[float, ...] | None, tolerance: float) -> bool:
    if a is None or b is None:
        return a is b
    return max(abs(p - q) for p, q in zip(a, b, strict=True)) <= tolerance


def has_repeats(headers: Sequence[ImageHeader]) -> bool:
    """Whether two images lie at the same position along the common normal."""
    if len(headers) < 2 or any(header.position is None or header.orientation is None for header in headers):
        return False
    along = np.sort(np.array([header.position for header in headers]) @ headers[0].normal)
    return bool((np.diff(along) < SAME_POSITION_MM).any())


def _split_repeats(headers: list[ImageHeader]) -> list[list[ImageHeader]]:
    """Split where positions repeat, by the first attribute that leaves stacks without repeats; else leave as it is."""
    if not has_repeats(headers):
        return [headers]
    for attribute in _SPLITS:
        parts: dict[Any, list[ImageHeader]] = defaultdict(list)
        for header in headers:
            parts[attribute(header)].append(header)
        if len(parts) > 1 and all(len(part) > 1 and not has_repeats(part) for part in parts.values()):
            return list(parts.values())
    return [headers]
