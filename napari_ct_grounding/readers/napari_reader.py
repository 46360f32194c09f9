"""What napari calls when a scan is dropped on it or opened from its menu: files in, layer tuples out. Knows no napari.

How a canonical volume stands in napari: axes (z, y, x) in mm with a positive scale, so that the slider along z reads the
very `z_mm` that results speak of. An oblique or sheared volume is shown slice by slice as it was scanned, upright: napari
draws one stored slice at a time, and with a rotated affine the slice shown would hang on all three coordinates. So each slice
stands at the world z of its centre; a note says that the picture is tilted against the patient.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_ct_grounding.core.display import DISPLAY_WINDOWS
from napari_ct_grounding.core.errors import FrameNeededError, NotHounsfieldError, UnevenSpacingError, VolumeError
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.readers.formats.volume_files import VOLUME_ENDINGS, is_volume_file
from napari_ct_grounding.readers.refusals import RefusedScan, refusals

if TYPE_CHECKING:
    from napari_ct_grounding.readers.reading import OpenedScan

__all__ = ["get_reader", "layer_of_volume", "layer_placement", "read_layers", "scan_layer"]

LayerData = tuple[Any, dict[str, Any], str]
PathOrPaths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]

#: Files looked at before a folder counts as one without DICOM; napari asks on the GUI thread.
MAX_FILES_LOOKED_AT = 200

#: Files of one series that are read one after the other within this time (s) were dropped together.
SAME_DROP_SECONDS = 2.0

#: What a reader returns to napari when it has read a file and there is no layer to add.
NO_LAYER: list[Any] = [(None,)]

_DOCK_HINT = "Open the dock CT Grounding (menu Plugins): it offers to resample the slices to an even grid."


def get_reader(path: PathOrPaths) -> Callable[[PathOrPaths], list[LayerData]] | None:
    """Return `read_layers` when the path looks like a CT (a name or content of NIfTI, NRRD or MetaImage, or DICOM). Quick."""
    if isinstance(path, (str, os.PathLike)):
        return read_layers if _looks_readable(Path(path)) else None
    paths = [Path(item) for item in path]
    if len(paths) == 1:
        return read_layers if _looks_readable(paths[0]) else None
    return read_layers if paths and all(_is_dicom(item) for item in paths[:MAX_FILES_LOOKED_AT]) else None


def read_layers(path: PathOrPaths) -> list[LayerData]:
    """Return one image layer: the likeliest CT series of a folder, the series of a DICOM file, or the volume of another file.

    Of many files dropped together, which napari reads one by one, the first opens its whole series and the others add nothing.
    A scan that is refused is taken up by an open dock (`readers.refusals`); then there is no layer and no error.

    Raises
    ------
    VolumeError
        When there is no volume to show and no dock to say so; napari displays the message.
    """
    file = _single_file(path)
    if file is not None and _last_drop.holds(file):
        return NO_LAYER
    try:
        layer, files = scan_layer(path)
    except VolumeError as error:
        source = str(path) if isinstance(path, (str, os.PathLike)) else [str(item) for item in path]
        if refusals.offer(RefusedScan(source, error)):
            return NO_LAYER
        if isinstance(error, UnevenSpacingError):
            raise UnevenSpacingError(f"{error.problem} {_DOCK_HINT}", error.problem) from error
        raise
    if file is not None:
        _last_drop.remember(files)
    return [layer]


def scan_layer(
    path: PathOrPaths,
    series: str | int | None = None,
    uneven: Literal["refuse", "resample"] = "refuse",
    frame: int | None = None,
) -> tuple[LayerData, tuple[Path, ...]]:
    """Return (layer tuple, DICOM files read) of one scan. Parameters as in `readers.read_volume`.

    Of a file with several volumes the first is opened when `frame` is None; ``metadata["ct_frame"]`` says which of how many.
    Values that are no Hounsfield units are shown all the same; ``metadata["ct_question"]`` then says why they may not be, and
    the dock asks before it grounds anything.

    Raises
    ------
    VolumeError
        When there is no volume to show.
    """
    num_frames = 1
    try:  # the frames of a file are counted before anything is read
        scan, question = _open_whatever_its_values(path, series, uneven, None)
    except FrameNeededError as error:
        num_frames, frame = error.num_frames, frame or 0
        scan, question = _open_whatever_its_values(path, series, uneven, frame)
    source = str(path) if isinstance(path, (str, os.PathLike)) else [str(item) for item in path]
    layer = layer_of_volume(
        scan.volume,
        ct_series=scan.series,
        ct_series_key=scan.key,
        ct_source=source,
        ct_question=question,
        ct_frame=(frame, num_frames) if num_frames > 1 else None,
    )
    if num_frames > 1:
        layer[1]["name"] = f"{scan.volume.name}, volume {(frame or 0) + 1} of {num_frames}"
    return layer, scan.files


def _open_whatever_its_values(
    path: PathOrPaths, series: str | int | None, uneven: Literal["refuse", "resample"], frame: int | None
) -> tuple[OpenedScan, str | None]:
    """Return a scan and, where its values are no HU, what the reader said about that."""
    from napari_ct_grounding.readers.reading import open_scan

    try:
        return open_scan(path, series, uneven, frame), None
    except NotHounsfieldError as error:
        return open_scan(path, series, uneven, frame, assume_hu=True), str(error)


def layer_of_volume(volume: CTVolume, **metadata: Any) -> LayerData:
    """Return the napari layer tuple of a volume.

    Parameters
    ----------
    volume : CTVolume
        Ends up in ``metadata["ct_volume"]``; its voxels are shared with the layer, not copied.
    **metadata
        More entries for the layer's metadata. The readers give `ct_series` (all series found, likeliest first),
        `ct_series_key` (the one opened), `ct_source` (path or paths, for opening another series), `ct_frame` ((which, of how
        many) volumes of the file; None when it holds one) and `ct_question` (why the values may not be HU; None when they are).
    """
    scale, translate = layer_placement(volume.geometry)
    window = next(item for item in DISPLAY_WINDOWS if item.name == "Mediastinum")
    limits = window.limits_hu
    if metadata.get("ct_question"):
        sample = volume.hu[:: max(1, volume.hu.shape[0] // 16)]
        low, high = float(np.min(sample)), float(np.max(sample))
        limits = (low, high if high > low else low + 1)
    meta = {
        "name": volume.name,
        "scale": scale,
        "translate": translate,
        "units": ("mm", "mm", "mm"),
        "axis_labels": ("z", "y", "x"),
        "colormap": "gray",
        "contrast_limits": limits,
        "metadata": {"ct_volume": volume, **metadata},
    }
    return volume.hu, meta, "image"


def layer_placement(geometry: VolumeGeometry) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Return (scale, translate) of a canonical volume's layer, mm in order (z, y, x).

    Layer z of slice `i` is ``geometry.z_of_slice(i)`` whatever the tilt; in the plane, the centre of the middle slice stands at
    its world place. For an upright volume these are simply spacing and origin.
    """
    step_z = float(geometry.affine[2, 2])
    _, spacing_y, spacing_x = geometry.spacing_mm
    scale = (step_z if step_z > 0 else geometry.spacing_mm[0], spacing_y, spacing_x)
    if np.array_equal(geometry.affine[:3, :3], np.diag(np.diag(geometry.affine[:3, :3]))):
        return scale, geometry.origin_mm
    middle = (np.asarray(geometry.shape) - 1) / 2
    x, y, _ = geometry.world_of_voxel(middle)
    return scale, (geometry.z_of_slice(0), float(y - middle[1] * spacing_y), float(x - middle[2] * spacing_x))


class _LastDrop:
    """The files of the series read last, and when: the only memory that a reader has between two calls of napari."""

    def __init__(self) -> None:
        self._files: frozenset[Path] = frozenset()
        self._until = 0.0

    def remember(self, files: Sequence[Path]) -> None:
        """Keep the files of a series that became a layer because one of them was dropped."""
        self._files = frozenset(files)
        self._until = time.monotonic() + SAME_DROP_SECONDS

    def holds(self, file: Path) -> bool:
        """Whether this file belongs to the series that became a layer a moment ago."""
        is_same = time.monotonic() <= self._until and file in self._files
        if is_same:
            self._until = time.monotonic() + SAME_DROP_SECONDS
        return is_same


_last_drop = _LastDrop()


def _single_file(path: PathOrPaths) -> Path | None:
    """Return the path when it means one file, alone or in a list of one."""
    paths = [path] if isinstance(path, (str, os.PathLike)) else list(path)
    return Path(paths[0]) if len(paths) == 1 and Path(paths[0]).is_file() else None


def _looks_readable(path: Path) -> bool:
    if path.is_dir():
        return _holds_dicom(path)
    if path.suffix.lower() == ".zip":
        from napari_ct_grounding.readers.archive import holds_scan

        return holds_scan(path)
    return path.name.lower().endswith(VOLUME_ENDINGS) or (path.is_file() and is_volume_file(path)) or _is_dicom(path)


def _is_dicom(path: Path) -> bool:
    from napari_ct_grounding.readers.dicom.file import is_dicom_file

    return path.is_file() and is_dicom_file(path)


def _holds_dicom(folder: Path) -> bool:
    looked_at = 0
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if _is_dicom(Path(parent, name)):
                return True
            looked_at += 1
            if looked_at >= MAX_FILES_LOOKED_AT:
                return False
    return False
