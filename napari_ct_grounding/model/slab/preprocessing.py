"""From a CT volume to what the slab encoder eats; the only place where that happens, for training and for the session.

A *slab* is one position along the scan, 5 mm thick. The scan is resampled to slabs of 4 mm pixels, laid into a fixed frame
around the body, and kept as whole Hounsfield units; `window_channels` turns those into network channels.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_ct_grounding.core.errors import WeightsError
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.model.body import BODY_THRESHOLD_HU, largest_component

__all__ = [
    "AIR_HU",
    "PREPROCESSING_VERSION",
    "PreparedSlabs",
    "SlabFrame",
    "count_slabs",
    "prepare_slabs",
    "resampling_matrix",
    "window_channels",
]

#: Part of the key of cached embeddings; raise it when a change here moves a value.
PREPROCESSING_VERSION = "slab-1"

#: What lies outside the scan, and the least value kept: a scanner's padding (-2000, -3024) is air to the network.
AIR_HU = -1024
MAX_HU = 3071

#: The body's soft part, above this, gives the centre of the frame.
SOFT_THRESHOLD_HU = -300


@dataclass(frozen=True)
class SlabFrame:
    """The grid of the network.

    Parameters
    ----------
    spacing_mm : tuple of float
        Slab thickness and pixel size, (z, y, x).
    shape : tuple of int
        Pixels of the frame (y, x).
    windows_hu : tuple of (float, float)
        Lower and upper end of each input channel.
    """

    spacing_mm: tuple[float, float, float] = (5.0, 4.0, 4.0)
    shape: tuple[int, int] = (96, 112)
    windows_hu: tuple[tuple[float, float], ...] = ((-1000.0, -200.0), (-160.0, 240.0), (100.0, 1100.0))

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> SlabFrame:
        """Return the frame that config.json describes.

        Raises
        ------
        WeightsError
            When a value cannot be used.
        """
        spacing_mm = tuple(float(v) for v in record["spacing_mm"])
        shape = tuple(int(v) for v in record["shape"])
        windows_hu = tuple((float(lo), float(hi)) for lo, hi in record["windows_hu"])
        if len(spacing_mm) != 3 or min(spacing_mm) <= 0 or len(shape) != 2 or min(shape) < 16:
            raise WeightsError(
                f"The frame in config.json has spacing {spacing_mm} mm and shape {shape}; three positive spacings and two "
                "sizes of at least 16 pixels are needed."
            )
        if not windows_hu or any(lo >= hi for lo, hi in windows_hu):
            raise WeightsError(
                f"The windows in config.json are {windows_hu}; each must run from a lower to a higher HU."
            )
        return cls(spacing_mm, shape, windows_hu)

    def to_dict(self) -> dict[str, Any]:
        """Return the frame as plain JSON types."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class PreparedSlabs:
    """A scan on the network's grid.

    Parameters
    ----------
    hu : NDArray[int16], (num_slabs, y, x)
        Rounded Hounsfield units, `AIR_HU` to `MAX_HU`, most inferior slab first.
    z_mm : NDArray[float64], (num_slabs,)
        World z of each slab's centre in the middle of the field of view, growing.
    covered_mm : tuple of float
        (lo, hi) world z of the scan, outer faces of the first and last slice.
    covered_body_fraction : float
        Share of the body's voxels inside the frame, 0 to 1; 1 where no body is found.
    """

    hu: NDArray[np.int16]
    z_mm: NDArray[np.float64]
    covered_mm: tuple[float, float]
    covered_body_fraction: float


def resampling_matrix(num_in: int, step_in: float, num_out: int, step_out: float) -> NDArray[np.float32]:
    """Return the weights (num_out, num_in) that resample a line of voxels to another step, both grids with one centre.

    A triangle of half-width max(step_in, step_out): linear interpolation where the source is coarser, averaging where it is
    finer. Each row sums to 1; beyond the ends the outermost voxels are used.

    Parameters
    ----------
    num_in, num_out : int
    step_in, step_out : float
        Distance between voxel centres, mm.
    """
    centres_in = (np.arange(num_in) - (num_in - 1) / 2) * step_in
    centres_out = (np.arange(num_out) - (num_out - 1) / 2) * step_out
    centres_out = np.clip(centres_out, centres_in[0], centres_in[-1])
    width = max(step_in, step_out)
    weights = np.clip(1.0 - np.abs(centres_out[:, None] - centres_in[None]) / width, 0.0, None)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def count_slabs(geometry: VolumeGeometry, frame: SlabFrame) -> int:
    """Return how many slabs a scan on this grid becomes."""
    step_mm = geometry.spacing_mm[0] * float(np.cos(np.radians(geometry.shear_deg)))
    return max(2, round(geometry.shape[0] * step_mm / frame.spacing_mm[0]))


def prepare_slabs(volume: CTVolume, frame: SlabFrame) -> PreparedSlabs:
    """Resample a scan to slabs and lay it into the frame, centred on the body.

    Slices are first mixed along z, one slab at a time, so that memory stays at a few slices; then each slab is reduced in
    plane. Tilted stacks are taken slice by slice (the tilt is dropped in plane); slab positions stay exact in world z.

    Parameters
    ----------
    volume : CTVolume
    frame : SlabFrame
    """
    geometry = volume.geometry
    num_slices, num_rows, num_columns = volume.hu.shape
    spacing_z, spacing_y, spacing_x = geometry.spacing_mm
    step_mm = spacing_z * float(np.cos(np.radians(geometry.shear_deg)))  # along the slice normal
    num_slabs = count_slabs(geometry, frame)
    rows = max(1, round(num_rows * spacing_y / frame.spacing_mm[1]))
    columns = max(1, round(num_columns * spacing_x / frame.spacing_mm[2]))
    mix_z = resampling_matrix(num_slices, step_mm, num_slabs, frame.spacing_mm[0])
    mix_y = resampling_matrix(num_rows, spacing_y, rows, frame.spacing_mm[1])
    mix_x = resampling_matrix(num_columns, spacing_x, columns, frame.spacing_mm[2])

    resampled = np.empty((num_slabs, rows, columns), dtype=np.int16)
    for slab in range(num_slabs):
        mixed = np.zeros((num_rows, num_columns), dtype=np.float32)
        for index in np.flatnonzero(mix_z[slab]):
            mixed += mix_z[slab, index] * np.clip(volume.hu[index], AIR_HU, MAX_HU)
        resampled[slab] = np.rint(mix_y @ mixed @ mix_x.T)

    hu, fraction = _framed(resampled, frame.shape)
    indices = (num_slices - 1) / 2 + (np.arange(num_slabs) - (num_slabs - 1) / 2) * (frame.spacing_mm[0] / step_mm)
    z_mm = np.array([geometry.z_of_slice(index) for index in indices])
    low, high = sorted((geometry.z_of_slice(-0.5), geometry.z_of_slice(num_slices - 0.5)))
    return PreparedSlabs(hu, z_mm, (low, high), fraction)


def window_channels(hu: Tensor, frame: SlabFrame) -> Tensor:
    """Return the network's channels (n, windows, y, x), each window stretched to -1 .. 1 and cut off there.

    Parameters
    ----------
    hu : Tensor, (n, y, x)
        Hounsfield units of any number type.
    frame : SlabFrame
    """
    values = hu.to(torch.float32)
    return torch.stack(
        [((values - lo) * (2.0 / (hi - lo)) - 1.0).clamp_(-1.0, 1.0) for lo, hi in frame.windows_hu], dim=1
    )


def _framed(resampled: NDArray[np.int16], shape: tuple[int, int]) -> tuple[NDArray[np.int16], float]:
    """Crop or pad each slab to `shape` around the body; return it and the share of the body inside."""
    body = largest_component(resampled > BODY_THRESHOLD_HU)
    soft = body & (resampled > SOFT_THRESHOLD_HU)
    framed = np.full((len(resampled), *shape), AIR_HU, dtype=np.int16)
    source, target = [], []
    for axis, size in enumerate(shape, start=1):
        extent = resampled.shape[axis]
        counts = soft.sum(axis=tuple(i for i in range(3) if i != axis))
        # The median is moved neither by the table nor by one arm, and the bones and the heart weigh as the flesh does.
        half = np.searchsorted(np.cumsum(counts), counts.sum() / 2) if counts.sum() else (extent - 1) / 2
        start = round(float(half) - (size - 1) / 2)
        low, high = max(0, start), min(extent, start + size)
        source.append(slice(low, max(low, high)))
        target.append(slice(low - start, max(low, high) - start))
    framed[:, target[0], target[1]] = resampled[:, source[0], source[1]]
    total = int(body.sum())
    inside = int(body[:, source[0], source[1]].sum())
    return framed, inside / total if total else 1.0
