"""One line of the table in `docs/input-handling.md`: how a scan is written, and what reading it must give.

To add cases of a format, write a module `tests/readers/cases_<format>.py` with a list `CASES` of `Case`; it is found by its name.
Its functions write files into the folder they are given and return a `Written`: what to open, and the truth. The truth is a list
of points: where each voxel lies in the patient (RAS, mm) and its HU, computed from how the file was written, never by the
package's readers. ::

    def swapped_axes(folder: Path) -> Written:
        array, affine = phantom_grid()                       # stored array (x, y, z) and its RAS affine
        affine = affine @ flip
        nibabel.save(nibabel.Nifti1Image(array, affine), folder / "scan.nii")
        return Written(folder / "scan.nii", Truth.of_grid(array, affine))

    CASES = [
        Case("NIfTI", "axes stored in the order z, y, x", swapped_axes, Opens()),
        Case("NIfTI", "cut short", cut, Refused(VolumeError, "scan.nii was cut short: ...")),
    ]

`test_input_handling.py` runs each case: a volume must hold exactly the points of the truth, in canonical orientation, with just
the notes named; a refusal must have exactly the class and the message named. `python -m tests.readers.input_handling` then writes
the page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from napari_ct_grounding.core.volume import CTVolume

__all__ = ["Case", "Opens", "Refused", "Truth", "Written", "phantom_grid"]

#: A voxel of the volume and its point in the truth may lie this far apart (mm): rounding of decimal strings.
POINT_TOLERANCE_MM = 2e-3


@dataclass(frozen=True, eq=False)
class Truth:
    """Every voxel that the volume must hold, and nothing else.

    Parameters
    ----------
    points_mm : NDArray[float64], (n, 3)
        World positions, RAS mm (x, y, z).
    hu : NDArray, (n,)
    image_numbers : sequence, optional
        Image numbers of the slices from the lowest to the highest; not compared when None.
    hu_tolerance : float
        0 for exact.
    """

    points_mm: NDArray[np.float64]
    hu: NDArray
    image_numbers: Sequence[int | None] | None = None
    hu_tolerance: float = 0.0

    @classmethod
    def of_grid(cls, array: ArrayLike, affine: ArrayLike, **facts: Any) -> Truth:
        """Return the truth of an array of HU whose index (i, j, k) lies at ``affine @ (i, j, k, 1)``, RAS mm."""
        values = np.asarray(array)
        matrix = np.asarray(affine, dtype=np.float64)
        index = np.stack(np.meshgrid(*(np.arange(n) for n in values.shape), indexing="ij"), axis=-1).reshape(-1, 3)
        return cls(index @ matrix[:3, :3].T + matrix[:3, 3], values.reshape(-1), **facts)

    def check(self, volume: CTVolume) -> None:
        """Assert that the volume holds these voxels at these places, grows towards Superior, Anterior and Right, and no more."""
        affine = volume.geometry.affine
        columns = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
        assert (np.abs(columns).argmax(axis=0) == (0, 1, 2)).all(), "axes are not in the order x, y, z"
        assert (np.diag(affine)[:3] > 0).all(), "an axis runs to the left, to the back or to the feet"
        assert volume.hu.size == len(self.points_mm)
        index = np.stack(np.meshgrid(*(np.arange(n) for n in volume.hu.shape), indexing="ij"), axis=-1).reshape(-1, 3)
        world = index[:, ::-1] @ affine[:3, :3].T + affine[:3, 3]
        distance, nearest = cKDTree(self.points_mm).query(world)
        assert distance.max() <= POINT_TOLERANCE_MM, f"a voxel lies {distance.max():.3g} mm from any that was written"
        assert len(np.unique(nearest)) == len(self.points_mm)
        error = np.abs(volume.hu.reshape(-1).astype(np.float64) - self.hu[nearest].astype(np.float64))
        assert error.max() <= self.hu_tolerance, f"values differ by up to {error.max():g} HU"
        if self.image_numbers is not None:
            assert [record.image_number for record in volume.slice_table] == list(self.image_numbers)


@dataclass(frozen=True, eq=False)
class Written:
    """What a case wrote: the path (or paths) to open, and the truth where a volume must come of it."""

    path: Path | Sequence[Path]
    truth: Truth | None = None


@dataclass(frozen=True)
class Opens:
    """The case opens as a volume, with exactly these notes."""

    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refused:
    """The case is refused with exactly this class and message."""

    error: type[Exception]
    message: str


@dataclass(frozen=True)
class Case:
    """One line of the table.

    Parameters
    ----------
    group : str
        Heading under which the line stands.
    name : str
        What the files are like, in a few words.
    write : callable
        Writes the files below a folder that exists and is empty.
    expect : Opens or Refused
    options : mapping
        Keyword arguments of `read_volume`; shown in the table.
    series : tuple of str, optional
        The labels that `list_series` must give, in order.
    """

    group: str
    name: str
    write: Callable[[Path], Written]
    expect: Opens | Refused
    options: Mapping[str, Any] = field(default_factory=dict)
    series: tuple[str, ...] | None = None


@lru_cache(maxsize=1)
def phantom_grid() -> tuple[NDArray[np.int16], NDArray[np.float64]]:
    """Return a small phantom: HU (x, y, z) of shape (20, 18, 8) and its affine to RAS mm, upright; voxels of 20 x 20 x 12 mm.

    It holds air, fat, muscle and bone, nothing below -1024 HU, and no symmetry under which a flip could hide.
    """
    from napari_ct_grounding import phantom

    volume = phantom.generate(seed=3, spacing_mm=(12.0, 20.0, 20.0), fov_mm=400.0).volume
    zyx = volume.hu[6:14, 1:19]
    array = np.ascontiguousarray(np.clip(zyx, -1024, 3071).transpose(2, 1, 0)).astype(np.int16)
    affine = volume.geometry.affine.copy()
    affine[:3, 3] = volume.geometry.world_of_voxel((6, 1, 0))
    affine = np.round(affine, 3)
    array.setflags(write=False)
    affine.setflags(write=False)
    return array, affine
