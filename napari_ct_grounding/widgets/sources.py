"""From a napari layer to the volume that a session can encode.

Layers opened by our reader carry their `CTVolume`; those of napari-nifti carry the file's affine (`foreign_layers`). Any other 3D
image layer knows neither which way its axes run nor always its voxel size; it becomes a source only after somebody has said so.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.errors import GeometryError, VolumeError
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.volume import CTVolume, SliceRecord, compact_hu
from napari_ct_grounding.widgets.foreign_layers import SLICES_FIRST, notes_of_napari_nifti, placement_of_napari_nifti

__all__ = [
    "ROLE_KEY",
    "LayerSource",
    "Orientation",
    "ct_volume_of",
    "knows_its_geometry",
    "source_of_layer",
    "spacing_of_layer",
    "why_not_a_volume",
]

#: Key in the metadata of layers which we add; such layers are never offered as volumes.
ROLE_KEY = "ct_grounding_role"

_MM_PER_UNIT = {"millimeter": 1.0, "centimeter": 10.0, "meter": 1000.0, "micrometer": 1e-3}


@dataclass(frozen=True)
class Orientation:
    """What a person says about a layer that does not know: where the first slice, row and column lie, and the voxel size.

    Parameters
    ----------
    is_first_slice_head, is_first_row_front, is_first_column_right : bool
    spacing_mm : tuple of float, optional
        Voxel size (z, y, x); by default the layer's own.
    """

    is_first_slice_head: bool = False
    is_first_row_front: bool = True
    is_first_column_right: bool = True
    spacing_mm: tuple[float, float, float] | None = None

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
    data_id : int or None
        Tells one array from another; safe as long as `data` is held.
    flipped : tuple of bool
        Axes (z, y, x) of the layer that run against the canonical volume's.
    screen_signs : tuple of int
        For each canonical axis (z, y, x) 1 where it grows along the viewer's axis, -1 where the layer shows it mirrored.
    slice_table : tuple of SliceRecord
        Names of the slices where `volume` is None and they are known all the same.
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
    screen_signs: tuple[int, int, int] = field(default=(1, 1, 1), compare=False)
    slice_table: tuple[SliceRecord, ...] = field(default=(), compare=False, repr=False)
    notes: tuple[str, ...] = ()

    def load(self) -> CTVolume:
        """Return the canonical volume. May copy all voxels: runs on the worker."""
        if self.volume is not None:
            return self.volume
        array = np.asarray(self.data)[tuple(slice(None, None, -1) if flip else slice(None) for flip in self.flipped)]
        table = self.slice_table or tuple(
            SliceRecord(self.layer_slice(index)) for index in range(self.geometry.shape[0])
        )
        return CTVolume(compact_hu(array), self.geometry, slice_table=table, name=self.name, notes=self.notes)

    def layer_slice(self, slice_index: int) -> int:
        """Index along the layer's first axis of the canonical slice; the same function turns it back."""
        return self.geometry.shape[0] - 1 - slice_index if self.flipped[0] else slice_index

    def record(self, slice_index: int) -> SliceRecord | None:
        """The names of a canonical slice; None where the layer knows none."""
        table = self.slice_table if self.volume is None else self.volume.slice_table
        return table[slice_index] if table else None


def why_not_a_volume(layer: Any) -> str | None:
    """Say why an image layer cannot be a CT volume, and what to do; None when it can."""
    if getattr(layer, "rgb", False):
        return "It is a colour picture; a CT has one value per voxel."
    if getattr(layer, "multiscale", False):
        return "It is a pyramid of resolutions; open the CT at full resolution only."
    shape = tuple(layer.data.shape)
    if len(shape) == 4:
        return (
            "It has 4 axes; a volume has three (z, y, x). Open its file with the button Open, which lets you choose one "
            "volume, or split the layer (right click on it, Split Stack)."
        )
    if len(shape) != 3:
        return f"It has {len(shape)} axes; a volume has three (z, y, x)."
    if min(shape) < 2:
        return f"Its shape is {shape}; a single slice is not a volume."
    if (
        ct_volume_of(layer) is None
        and (placement := placement_of_napari_nifti(layer))
        and placement.axes != SLICES_FIRST
    ):
        return "Its first axis does not run from slice to slice. Open its file with the button Open, which orders the axes."
    if not knows_its_geometry(layer) and not _is_diagonal(_axes(layer)):
        return (
            "Its axes are turned or sheared against those of the viewer, so its slices are not those on the screen. Open its "
            "file with the button Open, which reads the orientation."
        )
    return None


def ct_volume_of(layer: Any) -> CTVolume | None:
    """The volume that our reader put into the layer's metadata, unless data of another shape have replaced it since."""
    volume = layer.metadata.get("ct_volume")
    if isinstance(volume, CTVolume) and tuple(layer.data.shape) == volume.hu.shape:
        return volume
    return None


def knows_its_geometry(layer: Any) -> bool:
    """Whether nothing has to be asked about the axes of the layer."""
    return ct_volume_of(layer) is not None or placement_of_napari_nifti(layer) is not None


def source_of_layer(layer: Any, orientation: Orientation | None = None) -> LayerSource:
    """Return what a session needs of a layer.

    Parameters
    ----------
    layer : napari.layers.Image
    orientation : Orientation, optional
        The answer to the question that a layer without known geometry raises.

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
    layer_id, name, data, signs = layer.unique_id, layer.name, layer.data, _signs(layer)
    volume = ct_volume_of(layer)
    if volume is not None and _holds(data, volume):
        return LayerSource(layer_id, name, volume.geometry, volume, screen_signs=signs, notes=volume.notes)
    if volume is not None:
        notes = (*volume.notes, "Values changed: the voxels were replaced after the scan was read.")
        table = volume.slice_table
        return LayerSource(
            layer_id, name, volume.geometry, None, data, id(data), screen_signs=signs, slice_table=table, notes=notes
        )
    placement = placement_of_napari_nifti(layer)
    if placement is not None:
        return LayerSource(
            layer_id,
            name,
            placement.geometry,
            data=data,
            data_id=id(data),
            flipped=placement.flipped,
            screen_signs=_flipped_signs(signs, placement.flipped),
            notes=notes_of_napari_nifti(placement.geometry),
        )
    if orientation is None:
        raise GeometryError(
            f"The layer {layer.name!r} does not say which way its axes run. Say it in the dock, or open the file with the reader "
            "of this plugin."
        )
    return _stated_source(layer, orientation, signs)


def spacing_of_layer(layer: Any) -> tuple[tuple[float, float, float], bool]:
    """Return the voxel size (z, y, x) of a layer that is not turned, and whether its units are lengths; mm if they are."""
    factors = [_MM_PER_UNIT.get(str(unit)) for unit in layer.units]
    is_known = all(factor is not None for factor in factors)
    sizes = np.abs(np.diag(_axes(layer)))
    z, y, x = (float(size) * (factor or 1.0) for size, factor in zip(sizes, factors, strict=True))
    return (z, y, x), is_known


def _stated_source(layer: Any, orientation: Orientation, signs: tuple[int, int, int]) -> LayerSource:
    spacing_mm, is_known = spacing_of_layer(layer)
    notes = ["Orientation as you stated it, not read from a file; z counts from the lowest slice."]
    if orientation.spacing_mm is not None:
        spacing_mm = orientation.spacing_mm
        notes.append("Voxel size as you stated it: {:.4g} x {:.4g} x {:.4g} mm (z, y, x).".format(*spacing_mm))
    elif not is_known:
        notes.append("Voxel size unknown: the layer's scale is taken as mm.")
    return LayerSource(
        layer.unique_id,
        layer.name,
        VolumeGeometry.from_spacing(tuple(layer.data.shape), spacing_mm),
        data=layer.data,
        data_id=id(layer.data),
        flipped=orientation.flipped,
        screen_signs=_flipped_signs(signs, orientation.flipped),
        notes=tuple(notes),
    )


def _holds(data: Any, volume: CTVolume) -> bool:
    """Whether the layer still shows the voxels that were read; a copy of them (a duplicated layer) counts."""
    return data is volume.hu or (isinstance(data, np.ndarray) and np.array_equal(data, volume.hu))


def _axes(layer: Any) -> NDArray[np.float64]:
    """World vectors (columns) of one step along each axis of the layer."""
    origin = np.asarray(layer.data_to_world((0, 0, 0)), dtype=float)
    return np.stack([np.asarray(layer.data_to_world(step), dtype=float) - origin for step in np.eye(3)], axis=1)


def _is_diagonal(axes: NDArray[np.float64]) -> bool:
    off_axis = axes - np.diag(np.diag(axes))
    return bool(np.abs(off_axis).max() <= 1e-4 * np.linalg.norm(axes, axis=0).min())


def _signs(layer: Any) -> tuple[int, int, int]:
    z, y, x = (-1 if step < 0 else 1 for step in np.diag(_axes(layer)))
    return z, y, x


def _flipped_signs(signs: tuple[int, int, int], flipped: tuple[bool, bool, bool]) -> tuple[int, int, int]:
    z, y, x = (-sign if flip else sign for sign, flip in zip(signs, flipped, strict=True))
    return z, y, x
