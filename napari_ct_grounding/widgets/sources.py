"""From a napari layer to the volume that a session can encode.

Layers opened by our reader carry their `CTVolume`. Any other 3D image layer knows neither which way its axes run nor always its
voxel size; it becomes a source only after somebody has said so.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from napari_ct_grounding.core.errors import GeometryError, VolumeError
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.volume import CTVolume, SliceRecord, compact_hu

__all__ = ["ROLE_KEY", "LayerSource", "Orientation", "source_of_layer", "why_not_a_volume"]

#: Key in the metadata of layers which we add; such layers are never offered as volumes.
ROLE_KEY = "ct_grounding_role"

_MM_PER_UNIT = {"millimeter": 1.0, "centimeter": 10.0, "meter": 1000.0, "micrometer": 1e-3}


@dataclass(frozen=True)
class Orientation:
    """What a person says about a layer that does not know: where the first slice, row and column lie."""

    is_first_slice_head: bool = False
    is_first_row_front: bool = True
    is_first_column_right: bool = True

    @property
    def flipped(self) -> tuple[bool, bool, bool]:
        """Which axes (z, y, x) must be turned so that they grow towards Superior, Anterior, Right."""
        return self.is_first_slice_head, self.is_first_row_front, self.is_first_column_right


@dataclass(frozen=True)
class LayerSource:
    """A layer, as the worker needs it; equal sources give the same volume.

    Parameters
    ----------
    layer_id : hashable
        The layer's `unique_id`; never its name, which the user may change.
    name : str
    geometry : VolumeGeometry
        Of the canonical volume.
    volume : CTVolume or None
        As the reader made it; None where it has to be built from `data`.
    data : array or None
        The layer's voxels, only where `volume` is None.
    flipped : tuple of bool
        Axes (z, y, x) of the layer that run against the canonical volume's.
    notes : tuple of str
        What the reader of the picture should know.
    """

    layer_id: Hashable
    name: str = field(compare=False)
    geometry: VolumeGeometry
    volume: CTVolume | None = None
    data: Any = field(default=None, compare=False, repr=False)
    data_id: int | None = None
    flipped: tuple[bool, bool, bool] = (False, False, False)
    notes: tuple[str, ...] = ()

    def load(self) -> CTVolume:
        """Return the canonical volume. May copy all voxels: runs on the worker."""
        if self.volume is not None:
            return self.volume
        array = np.asarray(self.data)[tuple(slice(None, None, -1) if flip else slice(None) for flip in self.flipped)]
        table = tuple(SliceRecord(self.layer_slice(index)) for index in range(self.geometry.shape[0]))
        return CTVolume(compact_hu(array), self.geometry, slice_table=table, name=self.name, notes=self.notes)

    def layer_slice(self, slice_index: int) -> int:
        """Index along the layer's first axis of the canonical slice; the same function turns it back."""
        return self.geometry.shape[0] - 1 - slice_index if self.flipped[0] else slice_index

    def record(self, slice_index: int) -> SliceRecord | None:
        """The names of a canonical slice; None where the layer knows none."""
        return self.volume.slice_table[slice_index] if self.volume is not None else None


def why_not_a_volume(layer: Any) -> str | None:
    """Say why an image layer cannot be a CT volume; None when it can."""
    if getattr(layer, "rgb", False):
        return "It is a colour picture; a CT has one value per voxel."
    if getattr(layer, "multiscale", False):
        return "It is a pyramid of resolutions; open the CT at full resolution only."
    shape = tuple(layer.data.shape)
    if len(shape) != 3:
        return f"It has {len(shape)} axes; a volume has three (z, y, x)."
    if min(shape) < 2:
        return f"Its shape is {shape}; a single slice is not a volume."
    if ct_volume_of(layer) is None and not np.allclose(layer.affine.affine_matrix, np.eye(4)):
        return "It is shown rotated or sheared; open the file with the reader of this plugin."
    return None


def ct_volume_of(layer: Any) -> CTVolume | None:
    """The volume that our reader put into the layer's metadata, unless the layer's data have been replaced since."""
    volume = layer.metadata.get("ct_volume")
    if isinstance(volume, CTVolume) and tuple(layer.data.shape) == volume.hu.shape:
        return volume
    return None


def source_of_layer(layer: Any, orientation: Orientation | None = None) -> LayerSource:
    """Return what a session needs of a layer.

    Parameters
    ----------
    layer : napari.layers.Image
    orientation : Orientation, optional
        The answer to the question that a layer without `CTVolume` raises.

    Raises
    ------
    VolumeError
        When the layer is no volume.
    GeometryError
        When its orientation is unknown and nobody has said it.
    """
    reason = why_not_a_volume(layer)
    if reason:
        raise VolumeError(f"The layer {layer.name!r} cannot be used as a CT. {reason}")
    volume = ct_volume_of(layer)
    if volume is not None:
        return LayerSource(layer.unique_id, layer.name, volume.geometry, volume=volume, notes=volume.notes)
    if orientation is None:
        raise GeometryError(
            f"The layer {layer.name!r} does not say which way its axes run. Say it in the dock, or open the file with the reader "
            "of this plugin."
        )
    spacing_mm, is_known = _spacing_mm(layer)
    notes = ["Orientation as you stated it, not read from a file; z counts from the lowest slice."]
    if not is_known:
        notes.append("Voxel size unknown: the layer's scale is taken as mm.")
    geometry = VolumeGeometry.from_spacing(tuple(layer.data.shape), spacing_mm)
    return LayerSource(
        layer.unique_id,
        layer.name,
        geometry,
        data=layer.data,
        data_id=id(layer.data),
        flipped=orientation.flipped,
        notes=tuple(notes),
    )


def _spacing_mm(layer: Any) -> tuple[tuple[float, float, float], bool]:
    """Voxel size (z, y, x) and whether the layer's units are lengths."""
    factors = [_MM_PER_UNIT.get(str(unit)) for unit in layer.units]
    is_known = all(factor is not None for factor in factors)
    z, y, x = (abs(float(scale)) * (factor or 1.0) for scale, factor in zip(layer.scale, factors, strict=True))
    return (z, y, x), is_known
