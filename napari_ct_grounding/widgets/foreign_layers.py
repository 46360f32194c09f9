"""Layers of other readers that know where they lie.

napari-nifti (0.0.19 and 0.0.20; run on files in all 48 axis orders and flips, upright and 7 degrees oblique): `layer.data` is
(z, y, x) and grows to Superior, Anterior, Right, just as ours; all three scales are negative, so that the layer stands
mirrored in napari's world. ``metadata["affine"]`` maps voxel (x, y, z) of these very data to RAS+ mm. Older versions keep no
such affine; their layers are asked about like any other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_ct_grounding.core.errors import GeometryError
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.readers.notes import check_plausible, geometry_notes

__all__ = ["geometry_of_napari_nifti", "notes_of_napari_nifti"]


def geometry_of_napari_nifti(layer: Any) -> VolumeGeometry | None:
    """Return the true geometry of a layer of napari-nifti; None for any other, and where metadata and layer do not agree."""
    metadata = layer.metadata
    if metadata.get("coordinate_system") != "RAS+" or not {"affine", "spacing", "direction"} <= metadata.keys():
        return None
    affine = np.asarray(metadata["affine"], dtype=float)
    scale = np.asarray(layer.scale, dtype=float)
    is_ours_to_judge = affine.shape == (4, 4) and scale.shape == (3,) and np.isfinite(affine).all()
    if not is_ours_to_judge or not np.allclose(layer.affine.affine_matrix, np.eye(4)):
        return None
    steps = affine[:3, :3]
    # Each axis runs nearest to its own world axis, upwards; the sizes are those that the layer shows, mirrored.
    is_canonical = (np.abs(steps).argmax(axis=0) == np.arange(3)).all() and (np.diag(steps) > 0).all()
    if not is_canonical or not np.allclose(-scale, np.linalg.norm(steps, axis=0)[::-1], rtol=1e-3):
        return None
    try:
        geometry = VolumeGeometry(affine, tuple(layer.data.shape))
        check_plausible(geometry)
    except GeometryError:
        return None
    return geometry


def notes_of_napari_nifti(geometry: VolumeGeometry) -> tuple[str, ...]:
    """Return what to say about such a layer."""
    return (
        "Opened by napari-nifti, whose slider runs mirrored; positions here are those of the file's header.",
        *geometry_notes(geometry),
    )
