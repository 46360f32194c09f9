"""What is known of a scan in training: who it is, its report, its labels, where its windows lie, their features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ReportTexts", "ScanFeatures", "ScanPlace", "ScanRecord", "Snippet", "StoreHeader"]


@dataclass(frozen=True)
class StoreHeader:
    """What all scans of a store have in common.

    Parameters
    ----------
    weights : str
        Fingerprint of the weights whose window encoder made the features.
    preprocessing : str
        Version of the preprocessing.
    precision : str
        In which the encoder computed ("float32" or "bfloat16"); features are float16 in any case.
    width : int
        Numbers in a vector.
    positions_per_window : int
        Depth positions of one window.
    window_hwd : tuple of int
        Voxels of a window, the network's order (h, w, d).
    spacing_hwd_mm : tuple of float
        Of those voxels.
    voxels_per_position : int
        Voxels along depth of one position.
    """

    weights: str
    preprocessing: str
    precision: str
    width: int
    positions_per_window: int
    window_hwd: tuple[int, int, int]
    spacing_hwd_mm: tuple[float, float, float]
    voxels_per_position: int


@dataclass(frozen=True)
class ReportTexts:
    """A report; empty where a part is missing.

    Parameters
    ----------
    findings, impressions : str
    findings_by_organ : tuple of (str, str)
        Organ or system, and what was found there.
    findings_without_comparison, impressions_without_comparison : str
        The same with everything left out that speaks of an earlier study.
    """

    findings: str = ""
    impressions: str = ""
    findings_by_organ: tuple[tuple[str, str], ...] = ()
    findings_without_comparison: str = ""
    impressions_without_comparison: str = ""


@dataclass(frozen=True)
class Snippet:
    """What was said of one slice, or of one stretch of slices.

    Parameters
    ----------
    sentences : tuple of str
        Each is true of the place by itself; training draws one.
    depth : int
        Depth position, 0 = most inferior.
    extent : tuple of float, optional
        (lo, hi) of a finding with a known z-extent, in depth positions: position d covers d - 0.5 to d + 0.5.
    """

    sentences: tuple[str, ...]
    depth: int
    extent: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class ScanPlace:
    """Where in the world the windows of a scan lie.

    Parameters
    ----------
    grid_hwd : tuple of int
        Windows along (h, w, d).
    affine : NDArray[float64], (4, 4)
        Voxel (x, y, z) of the block of windows to world RAS+ mm; its voxel 0 may be padding.
    padding_hwd : tuple of int
        Voxels of padding in front of the scan; the released code forgets them (SPEC section 9, no. 3).
    depths_mm : NDArray[float64], (d,)
        World z of the depth positions, in the middle of the field of view.
    is_valid : NDArray[bool], (d,)
        False for positions that hold padding alone.
    """

    grid_hwd: tuple[int, int, int]
    affine: NDArray[np.float64]
    padding_hwd: tuple[int, int, int]
    depths_mm: NDArray[np.float64]
    is_valid: NDArray[np.bool_]

    @property
    def released_affine(self) -> NDArray[np.float64]:
        """The affine as the released code has it: padding is forgotten, so everything in a padded block is misplaced by it."""
        affine = self.affine.copy()
        affine[:3, 3] += self.affine[:3, :3] @ np.array(self.padding_hwd, dtype=np.float64)
        return affine

    @property
    def num_windows(self) -> int:
        """Windows of the scan."""
        return int(np.prod(self.grid_hwd))


@dataclass(frozen=True, eq=False)
class ScanRecord:
    """Who a scan is and what is known of it.

    Parameters
    ----------
    scan_id, report_id, patient_id : str
        Scans with one `report_id` share a report: take one of them at a time. `patient_id` is the same in all data sets that
        hold scans of a patient.
    dataset, split : str
        Split is "train", "valid" or "test".
    texts : ReportTexts
    labels : NDArray[int8], (q,)
        1, 0, or -1 for unknown; names in `FeatureStore.label_names`.
    snippets : tuple of Snippet
    place : ScanPlace
    facts : mapping
        What evaluation needs to know besides ("no_chest", "xy_spacing_mm", "is_partial").
    """

    scan_id: str
    report_id: str
    patient_id: str
    dataset: str
    split: str
    texts: ReportTexts
    labels: NDArray[np.int8]
    snippets: tuple[Snippet, ...]
    place: ScanPlace
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class ScanFeatures:
    """Features of one scan, float16 views into the store's file: H x W x D windows, k depth positions each, c numbers.

    Parameters
    ----------
    cls, patch_average : NDArray[float16], (H, W, D, c)
    depth : NDArray[float16], (H, W, D, k, c)
        The released code calls it axis2.
    """

    cls: NDArray[np.float16]
    patch_average: NDArray[np.float16]
    depth: NDArray[np.float16]
