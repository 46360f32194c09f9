"""A scan after the image side has run: embeddings, and what turns a depth into a slice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.volume import SliceRecord
from napari_ct_grounding.model.base import ImageEmbeddings

__all__ = ["EncodedVolume"]

#: Less lung than this (ml, both sides) and the scan is said to hold no chest; an adult has 2,500 to 6,500.
MIN_CHEST_LUNG_ML = 500.0


@dataclass(frozen=True, eq=False)
class EncodedVolume:
    """A scan as the session keeps it: embeddings, and what turns a depth into a slice. Holds no voxels.

    Parameters
    ----------
    embeddings : ImageEmbeddings
    geometry : VolumeGeometry
        Of the volume that was encoded.
    slice_table : tuple of SliceRecord
    name : str
    volume_fingerprint, weights_fingerprint, coverage : str
        What the embeddings were computed from.
    lung_ml : float
        Volume of aerated lung inside the scan.
    notes : tuple of str
        What a reader of the answers should know of how the scan was read ("resampled upright"); shown as badges.
    """

    embeddings: ImageEmbeddings
    geometry: VolumeGeometry
    slice_table: tuple[SliceRecord, ...]
    name: str
    volume_fingerprint: str
    weights_fingerprint: str
    coverage: str
    lung_ml: float
    notes: tuple[str, ...] = ()

    @property
    def volume_embedding(self) -> NDArray[np.float32]:
        """Vector (e,) of the whole scan for text-to-scan search, by cosine; shorter than 1 where two passes were averaged."""
        return self.embeddings.retrieval

    @property
    def holds_chest(self) -> bool:
        """Whether the scan holds enough aerated lung for the chest diseases to mean anything."""
        return self.lung_ml >= MIN_CHEST_LUNG_ML
