"""Layers of other readers that know where they lie.

napari-nifti (0.0.19 and 0.0.20, medvol 0.0.22; run on files in all 48 axis orders and flips, upright and 7 degrees oblique):
``metadata["affine"]`` maps voxel (x, y, z) of ``layer.data[z, y, x]`` to RAS+ mm in every case. All three scales are negative, so
that the layer stands mirrored in napari's world. The data are meant to grow to Superior, Anterior, Right, but for files whose
axes are stored in turn (y z x, z x y), or flipped and exchanged, they do not, and ``metadata["coordinate_system"]`` names another
order ("ASR+"): the affine is what can be trusted. Older versions keep none; their layers are asked about like any other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_ct_grounding.core.errors import GeometryError
from napari_ct_grounding.core.geometry import Canonicalisation, VolumeGeometry, canonicalise
from napari_ct_grounding.readers.notes import check_plausible, geometry_notes

__all__ = ["SLICES_FIRST", "notes_of_napari_nifti", "placement_of_napari_nifti"]

#: Axes of a placement whose layer shows axial slices along its first axis.
SLICES_FIRST = (2, 1, 0)


def placement_of_napari_nifti(layer: Any) -> Canonicalisation | None:
    """Return how the data of a napari-nifti layer become canonical.

    None for any other layer, and where the metadata do not fit the layer.
    """
    metadata = layer.metadata
    if not {"affine", "spacing", "direction", "coordinate_system"} <= metadata.keys():
        return None
    affine, scale = np.asarray(metadata["affine"], dtype=float), np.asarray(layer.scale, dtype=float)
    if affine.shape != (4, 4) or scale.shape != (3,) or not np.allclose(layer.affine.affine_matrix, np.eye(4)):
        return None
    # The voxel sizes are those that the layer shows, mirrored.
    if not np.allclose(-scale, np.linalg.norm(affine[:3, :3], axis=0)[::-1], rtol=1e-3):
        return None
    try:
        placement = canonicalise(affine, tuple(layer.data.shape[::-1]))
        check_plausible(placement.geometry)
    except GeometryError:
        return None
    return placement


def notes_of_napari_nifti(geometry: VolumeGeometry) -> tuple[str, ...]:
    """Return what to say about such a layer."""
    return (
        "Opened by napari-nifti, whose slider runs mirrored; positions here are those of the file's header.",
        *geometry_notes(geometry),
    )
