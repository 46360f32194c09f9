"""A CT volume: voxels in Hounsfield units, their grid, and the names of every slice."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_ct_grounding.core.errors import NotHounsfieldError, VolumeError
from napari_ct_grounding.core.geometry import VolumeGeometry

__all__ = ["CTVolume", "SliceRecord", "check_hounsfield", "compact_hu"]

#: What a scanner and its padding can hold; beyond it values are no Hounsfield units.
MIN_PLAUSIBLE_HU = -10_000
MAX_PLAUSIBLE_HU = 70_000


@dataclass(frozen=True)
class SliceRecord:
    """The names of one slice.

    Parameters
    ----------
    file_index : int
        Index of the slice along the file's own slice axis (for DICOM: place in the series sorted by InstanceNumber).
    image_number : int or None
        DICOM InstanceNumber, what a workstation shows; None for formats that do not keep it.
    series_number : int or None
        DICOM SeriesNumber.
    sop_instance_uid : str or None
        DICOM SOPInstanceUID.
    """

    file_index: int
    image_number: int | None = None
    series_number: int | None = None
    sop_instance_uid: str | None = None


@dataclass(frozen=True, eq=False)
class CTVolume:
    """A CT volume in canonical orientation.

    Parameters
    ----------
    hu : NDArray, (z, y, x)
        Hounsfield units; int16 when every value is an integer in range, else float32. Index 0 is the most inferior slice, the
        most posterior row, the leftmost column of the patient. Read-only once stored.
    geometry : VolumeGeometry
        Where the voxels lie.
    slice_table : tuple of SliceRecord, optional
        One record a slice; by default the file's index equals ours and nothing else is known.
    name : str
        Short name for lists and layers. Never a path.
    notes : tuple of str
        What a reader of the picture should know ("slices are tilted by 12.0 degrees"); shown as badges.
    stored_affine : NDArray, (4, 4), optional
        The file's own affine in RAS+ mm, before the canonical flips.
    modality_facts : mapping, optional
        Facts of the acquisition that are safe to show (series description, kernel); never patient data.

    Raises
    ------
    VolumeError
        When shapes disagree, or an axis holds a single slice only.
    """

    hu: NDArray
    geometry: VolumeGeometry
    slice_table: tuple[SliceRecord, ...] = ()
    name: str = "volume"
    notes: tuple[str, ...] = ()
    stored_affine: NDArray | None = None
    modality_facts: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.hu.ndim != 3:
            raise VolumeError(f"The array has {self.hu.ndim} axes; a volume has three (z, y, x).")
        if self.hu.shape != self.geometry.shape:
            raise VolumeError(f"The array has shape {self.hu.shape}, but its geometry says {self.geometry.shape}.")
        if min(self.hu.shape) < 2:
            raise VolumeError(
                f"The array has shape {self.hu.shape}; a single slice is not a volume. At least two are needed along each axis."
            )
        if not self.slice_table:
            object.__setattr__(self, "slice_table", tuple(SliceRecord(i) for i in range(self.hu.shape[0])))
        if len(self.slice_table) != self.hu.shape[0]:
            raise VolumeError(f"The slice table has {len(self.slice_table)} records for {self.hu.shape[0]} slices.")
        view = self.hu.view()
        view.setflags(write=False)
        object.__setattr__(self, "hu", view)

    def __repr__(self) -> str:
        return f"CTVolume({self.name!r}, {self.hu.dtype}, {self.geometry!r})"

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal BLAKE2b (16 bytes) of the canonical voxels, their type and the affine: the same scan, the same name."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(repr((self.hu.shape, self.hu.dtype.str)).encode())
        digest.update(np.ascontiguousarray(self.geometry.affine, dtype="<f8").tobytes())
        for plane in self.hu:  # plane by plane: a flipped view is never copied whole
            digest.update(np.ascontiguousarray(plane).data)
        return digest.hexdigest()


def compact_hu(values: ArrayLike) -> NDArray:
    """Return `values` as int16 when every one is an integer in its range, else as float32; never rounded in silence."""
    array = np.asarray(values)
    limits = np.iinfo(np.int16)
    if array.dtype == np.int16:
        return array
    if array.dtype.kind in "iub":
        low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
        return array.astype(np.int16 if limits.min <= low and high <= limits.max else np.float32)
    if array.size and limits.min <= array.min() and array.max() <= limits.max:
        whole = array.astype(np.int16)
        if np.array_equal(whole, array):
            return whole
    return array.astype(np.float32)


def check_hounsfield(hu: NDArray) -> None:
    """Raise when the values cannot be Hounsfield units of a body in air.

    A CT holds both air or fat (below -50) and soft tissue or denser (above 0), and nothing that no scanner writes. The check
    looks at a regular sample of about a million voxels.

    Raises
    ------
    NotHounsfieldError
        Naming the range found and what to do.
    """
    step = max(1, round((hu.size / 1e6) ** (1 / 3)))
    sample = hu[::step, ::step, ::step]
    if not np.isfinite(sample).all():
        raise NotHounsfieldError(
            "The volume holds NaN or infinite values. Replace them (air is -1000 HU) and save it again."
        )
    low, high = float(sample.min()), float(sample.max())
    remedy = "Export the original CT in HU, or say that the values are HU (--assume-hu in the shell, the question in the dock)."
    if low >= -50:
        raise NotHounsfieldError(
            f"The values run from {low:g} to {high:g}; Hounsfield units of a body include air or fat below -50. "
            f"This looks like a windowed export or another modality. {remedy}"
        )
    if high <= 0:
        raise NotHounsfieldError(
            f"The values run from {low:g} to {high:g}; no soft tissue (above 0 HU) is in this volume. {remedy}"
        )
    if low < MIN_PLAUSIBLE_HU or high > MAX_PLAUSIBLE_HU:
        raise NotHounsfieldError(f"The values run from {low:g} to {high:g}, beyond what a CT scanner writes. {remedy}")
