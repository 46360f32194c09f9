"""Which stacks of CT images lie in a folder.

Grouping follows study and SeriesInstanceUID, then size, orientation, pixel spacing and frame of reference; where positions repeat
or two evenly spaced scans interleave, also kernel, acquisition, image type, phase and the like. Localizers, dose sheets and
secondary captures are left out and counted.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from napari_ct_grounding.readers.cancelling import stop_if_cancelled
from napari_ct_grounding.readers.dicom.file import DamagedDicomError, is_dicom_file, looks_lost
from napari_ct_grounding.readers.dicom.header import PYDICOM_ERRORS, ImageHeader, read_headers
from napari_ct_grounding.readers.dicom.split import alike, details_of, split

__all__ = ["DicomFolder", "DicomStack", "index_dicomdir", "index_files", "index_folder"]


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
    detail : str
        What sets this stack apart from the others of its series ("acquisition 2"); empty where there is no other.
    num_siblings : int
        How many stacks the series holds.
    """

    key: str
    headers: tuple[ImageHeader, ...]
    left_out: Counter[str] = field(default_factory=Counter)
    detail: str = ""
    num_siblings: int = 1


@dataclass(frozen=True)
class DicomFolder:
    """All stacks found, and what else was there; `damage` says what is wrong with the first damaged file, where that is known."""

    stacks: tuple[DicomStack, ...]
    num_damaged: int = 0
    num_without_images: int = 0
    num_missing: int = 0
    damage: str = ""

    @property
    def num_files(self) -> int:
        """DICOM files looked at."""
        paths = {header.path for stack in self.stacks for header in stack.headers}
        return len(paths) + self.num_damaged + self.num_without_images

    @property
    def studies(self) -> tuple[str, ...]:
        """StudyInstanceUIDs of the stacks, the earliest StudyDate first."""
        dates: dict[str, str] = {}
        for stack in self.stacks:
            dates.setdefault(stack.headers[0].study_uid, stack.headers[0].study_date)
        return tuple(sorted(dates, key=lambda uid: dates[uid]))

    def only(self, stacks: Iterable[DicomStack]) -> DicomFolder:
        """Return the same folder with fewer stacks."""
        return replace(self, stacks=tuple(stacks))


def index_folder(folder: Path, recursive: bool = True) -> DicomFolder:
    """Index the files below `folder` that begin like DICOM, and count those lost in copying; hidden files are passed over."""
    found: list[Path] = []
    num_lost = 0
    for parent, folders, names in os.walk(folder):
        stop_if_cancelled()
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if recursive else []
        paths = [Path(parent, name) for name in sorted(names) if not name.startswith(".")]
        dicom = [path for path in paths if path.is_file() and is_dicom_file(path)]
        if dicom:
            num_lost += sum(looks_lost(path) for path in set(paths).difference(dicom) if path.is_file())
        found += dicom
    index = index_files(found)
    return replace(index, num_damaged=index.num_damaged + num_lost)


def index_dicomdir(path: Path) -> DicomFolder:
    """Index the images that a DICOMDIR names; those it names in vain are counted as missing.

    The names are matched without regard to case, as media are copied to systems that tell cases apart, and only within the
    DICOMDIR's own folder: a name with ".." matches nothing.
    """
    import pydicom

    from napari_ct_grounding.readers.dicom.file import open_dataset
    from napari_ct_grounding.readers.dicom.header import quiet_pydicom

    root = path.parent
    there = {}
    for parent, _, names in os.walk(root):
        for name in names:
            file = Path(parent, name)
            there["/".join(file.relative_to(root).parts).casefold()] = file
    named: list[str] = []
    with quiet_pydicom():
        records = open_dataset(path).get("DirectoryRecordSequence") or []
        for record in records:
            parts = record.get("ReferencedFileID")
            if parts and str(record.get("DirectoryRecordType", "")).strip() == "IMAGE":
                is_several = isinstance(parts, (list, pydicom.multival.MultiValue))
                named.append("/".join(map(str, parts)) if is_several else str(parts).replace("\\", "/"))
    found = [there[name.casefold()] for name in named if name.casefold() in there]
    if not found:
        return index_folder(root)
    return replace(index_files(found), num_missing=len(named) - len(found))


def index_files(paths: Iterable[Path]) -> DicomFolder:
    """Read the headers of DICOM files and sort the images into stacks."""
    by_series: dict[tuple[str, ...], list[ImageHeader]] = defaultdict(list)
    num_damaged = num_without_images = 0
    damage = ""
    for path in paths:
        stop_if_cancelled()
        try:
            headers = read_headers(path)
        except PYDICOM_ERRORS as error:
            num_damaged += 1
            damage = damage or (str(error) if isinstance(error, DamagedDicomError) else "")
            continue
        num_without_images += not headers
        for header in headers:
            by_series[_series_of(header)].append(header)
    stacks: list[DicomStack] = []
    num_of_key: Counter[str] = Counter()
    for headers in by_series.values():
        for stack in _stacks_of(headers):
            num_of_key[stack.key] += 1
            if (place := num_of_key[stack.key]) > 1:
                stack = replace(stack, key=f"{stack.key}#{place}")
            stacks.append(stack)
    return DicomFolder(tuple(stacks), num_damaged, num_without_images, damage=damage)


def _series_of(header: ImageHeader) -> tuple[str, ...]:
    """What all images of a series share; the study as well, because careless anonymisers give many series one UID."""
    if header.series_uid:
        return header.study_uid, header.series_uid
    # Without a UID only images of one folder may belong together.
    return header.study_uid, str(header.series_number), header.modality, str(header.path.parent)


def _key_of(header: ImageHeader) -> str:
    if header.series_uid:
        return header.series_uid
    number = "?" if header.series_number is None else str(header.series_number)
    return "/".join(part for part in ("series without UID", header.study_uid, number, header.modality) if part)


def _stacks_of(headers: list[ImageHeader]) -> list[DicomStack]:
    key = _key_of(headers[0])
    left_out: Counter[str] = Counter()
    slices: dict[object, ImageHeader] = {}
    for place, header in enumerate(headers):
        # The same object twice is a copy only at the same place: some writers give all images one SOPInstanceUID.
        name = (header.sop_uid, header.frame, header.position, header.instance_number) if header.sop_uid else place
        if header.other_than_ct:
            left_out[header.other_than_ct] += 1
        elif name not in slices:
            slices[name] = header
        else:
            left_out["copy of the same image"] += 1
            # Of two copies one may have been cut short.
            slices[name] = max(slices[name], header, key=lambda copy: copy.path.stat().st_size)
    if not slices:
        return [DicomStack(key, tuple(headers), left_out)]
    groups = []
    for group in alike(list(slices.values())):
        parts, num_copies = split(group)
        groups += parts
        if num_copies:
            left_out["copy of the same image"] += num_copies
    groups.sort(key=len, reverse=True)
    # A lone image of another orientation or size beside a stack is a localizer that does not say so.
    kept = [group for group in groups if len(group) > 1 or len(groups[0]) == 1]
    if lone := len(groups) - len(kept):
        left_out["image of another orientation, size or acquisition"] += lone
    return [
        DicomStack(key, tuple(group), left_out, detail, len(kept))
        for group, detail in zip(kept, details_of(kept), strict=True)
    ]
