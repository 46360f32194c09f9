"""Which layers of a viewer can be the volume, and which one is."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from napari.layers import Image

from napari_ct_grounding.widgets.panels.volume_panel import SeriesEntry, VolumeEntry
from napari_ct_grounding.widgets.sources import (
    ROLE_KEY,
    LayerSource,
    Orientation,
    knows_its_geometry,
    source_of_layer,
    spacing_of_layer,
    why_not_a_volume,
)
from napari_ct_grounding.widgets.view import find_layer

__all__ = ["VolumeList"]


class VolumeList:
    """The image layers of a viewer by id, with what was said about them. Holds no layer.

    Parameters
    ----------
    viewer : napari.Viewer
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._seen: set[Hashable] = set()
        self._looked_at: set[Hashable] = set()
        self._orientations: dict[Hashable, Orientation] = {}
        self.entries: list[VolumeEntry] = []
        self.chosen_id: Hashable | None = None

    def look(self) -> Hashable | None:
        """Read the layer list; return the id of a volume that should be chosen now, None to leave the choice as it is.

        A CT that was just opened is chosen; a plain layer only when nothing is chosen yet.
        """
        layers = [layer for layer in self._viewer.layers if isinstance(layer, Image) and ROLE_KEY not in layer.metadata]
        self.entries = [VolumeEntry(layer.unique_id, layer.name, why_not_a_volume(layer)) for layer in layers]
        usable = [layer for layer, entry in zip(layers, self.entries, strict=True) if entry.reason is None]
        new_cts = [layer for layer in usable if layer.unique_id not in self._seen and knows_its_geometry(layer)]
        self._seen = {layer.unique_id for layer in layers}
        if self.chosen_id is not None and all(layer.unique_id != self.chosen_id for layer in usable):
            self.chosen_id = None
        if new_cts:
            return new_cts[-1].unique_id
        if self.chosen_id is None and usable:
            return min(usable, key=lambda layer: not knows_its_geometry(layer)).unique_id
        return None

    def source(self) -> LayerSource | None:
        """Return what a session needs of the chosen layer; None when its orientation must be asked first."""
        layer = self.layer()
        if layer is None or not (knows_its_geometry(layer) or layer.unique_id in self._orientations):
            return None
        return source_of_layer(layer, self._orientations.get(layer.unique_id))

    def spacing_question(self) -> tuple[float, float, float] | None:
        """Voxel size (z, y, x) that the chosen layer seems to have, where its units do not say; None where they do."""
        layer = self.layer()
        if layer is None:
            return None
        spacing, is_known = spacing_of_layer(layer)
        return None if is_known else spacing

    def set_orientation(self, orientation: Orientation) -> None:
        """Keep what was said about the chosen layer."""
        if self.chosen_id is not None:
            self._orientations[self.chosen_id] = orientation

    def is_first_look(self, layer_id: Hashable | None) -> bool:
        """Whether the layer is chosen for the first time; True only once."""
        is_first = layer_id not in self._looked_at
        self._looked_at.add(layer_id)
        return is_first

    def forget(self, layer_id: Hashable) -> None:
        """Drop what was said about a removed layer."""
        self._orientations.pop(layer_id, None)
        self._looked_at.discard(layer_id)
        self._seen.discard(layer_id)
        if self.chosen_id == layer_id:
            self.chosen_id = None

    def series(self) -> tuple[list[SeriesEntry], str | None]:
        """Return (series of the chosen layer's folder, key of the one shown)."""
        metadata = self._metadata()
        entries = [
            SeriesEntry(info.key, info.label, info.reason or info.label, info.reason is None or info.is_uneven)
            for info in metadata.get("ct_series") or ()
        ]
        return entries, metadata.get("ct_series_key")

    def uneven_series(self, key: str) -> str | None:
        """What is wrong with a series whose slices are unevenly spaced; None for any other."""
        infos = self._metadata().get("ct_series") or ()
        return next((info.reason for info in infos if info.key == key and info.is_uneven), None)

    def frame(self) -> tuple[int, int]:
        """Return (which, of how many) volumes of its file the chosen layer shows; (0, 1) for files that hold one."""
        return self._metadata().get("ct_frame") or (0, 1)

    def source_path(self) -> Any | None:
        """Where the chosen layer was read from; None where nobody knows."""
        return self._metadata().get("ct_source")

    def find_opened(self, path: Any, series: str | None, frame: int | None) -> Hashable | None:
        """Id of the layer that shows this series or frame of a path already; None when there is none."""
        for layer in self._viewer.layers:
            metadata = layer.metadata
            is_it = metadata.get("ct_source") == path and path is not None
            is_it = is_it and (series is None or metadata.get("ct_series_key") == series)
            if is_it and (frame is None or (metadata.get("ct_frame") or (None,))[0] == frame):
                return layer.unique_id
        return None

    def question(self) -> str | None:
        """Why the reader doubts that the chosen layer's values are HU; None when it does not."""
        return self._metadata().get("ct_question")

    def layer(self) -> Any | None:
        """The chosen layer."""
        return None if self.chosen_id is None else find_layer(self._viewer, self.chosen_id)

    def _metadata(self) -> dict[str, Any]:
        layer = self.layer()
        return {} if layer is None else layer.metadata
