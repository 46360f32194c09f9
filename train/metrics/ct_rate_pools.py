"""Which volumes of CT-RATE a report is searched among. Figures of different pools are never comparable; each is printed.

CT-RATE reconstructs a scan several times; all share one report.

=================  =============================================================================================
dup                every volume is an item of its own; twins of the right one count as wrong
first              the first volume of each scan, in the order of the list
smallestdeduptext  the volume of smallest pixel spacing of each scan, then each findings text once
=================  =============================================================================================

each with all scans (``all``) or without those that the dataset lists as showing no chest (``nohead``).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["SELECTIONS", "pool_rows", "scan_of"]

SELECTIONS = ("dup", "first", "smallestdeduptext")


def scan_of(volume_name: str) -> str:
    """Return the scan that a volume reconstructs: ``valid_1_a`` of ``valid_1_a_2.nii.gz``."""
    return volume_name.partition(".")[0].rpartition("_")[0]


def pool_rows(
    volumes: Sequence[str],
    selection: str,
    *,
    no_chest: Collection[str] = (),
    findings: Sequence[str] | None = None,
    spacing_mm: NDArray | None = None,
) -> NDArray[np.intp]:
    """Return the rows of a pool, growing.

    Parameters
    ----------
    volumes : sequence of str
        Names, ``valid_1_a_1.nii.gz``.
    selection : {"dup", "first", "smallestdeduptext"}
    no_chest : collection of str
        Volumes or scans (with or without ending) that are left out first: the pools "nohead". Empty for "all".
    findings : sequence of str, optional
        Findings text of each volume, for "smallestdeduptext".
    spacing_mm : (n,), optional
        Pixel spacing in plane, for "smallestdeduptext".
    """
    if selection not in SELECTIONS:
        raise ValueError(f"The pool is {selection!r}; it must be one of {', '.join(SELECTIONS)}.")
    scans = np.array([scan_of(name) for name in volumes], dtype=object)
    left_out = {name.partition(".")[0] for name in no_chest}
    kept = [i for i, name in enumerate(volumes) if not left_out & {name.partition(".")[0], scans[i]}]
    rows = np.array(kept, dtype=np.intp)
    if selection == "dup" or not len(rows):
        return rows
    if selection == "first":
        return rows[_first_of_each(scans[rows])]
    if findings is None or spacing_mm is None:
        raise ValueError("The pool 'smallestdeduptext' needs the findings text and the pixel spacing of every volume.")
    by_spacing = rows[np.argsort(np.asarray(spacing_mm, dtype=np.float64)[rows], kind="stable")]
    finest = np.sort(by_spacing[_first_of_each(scans[by_spacing])])
    return finest[_first_of_each(np.array([findings[i] for i in finest], dtype=object))]


def _first_of_each(keys: NDArray) -> NDArray[np.intp]:
    """Places at which a key occurs for the first time, growing."""
    return np.sort(np.unique(keys.astype(str), return_index=True)[1])
