"""Grey pictures of a volume as a radiologist looks at them: patient right on the left side, anterior or head up.

Canonical volumes grow towards Superior, Anterior and Right, so every axis of a picture runs against the array's.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from napari_ct_grounding.core.display import DisplayWindow
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.export.lettering import write_ringed

__all__ = ["axial_picture", "coronal_picture", "jpeg_bytes"]

#: Thickness (mm) of the coronal slab whose mean is the overview.
_SLAB_MM = 30.0
_BODY_HU = -300

#: JPEG quality of key images: a page of forty findings stays small enough to send.
_QUALITY = 90


def axial_picture(
    volume: CTVolume, slice_index: int, window: DisplayWindow, side_px: int, *, is_lettered: bool = True
) -> Image.Image:
    """Return a slice as a grey picture whose longer side has `side_px` pixels, square in mm.

    Parameters
    ----------
    volume : CTVolume
    slice_index : int
        Index in `CTVolume.hu`.
    window : DisplayWindow
    side_px : int
    is_lettered : bool
        Whether orientation letters, a scale bar and the window's name are drawn into it.
    """
    _, spacing_y, spacing_x = volume.geometry.spacing_mm
    plane = volume.hu[slice_index, ::-1, ::-1]
    size_mm = plane.shape[1] * spacing_x, plane.shape[0] * spacing_y
    px_per_mm = side_px / max(size_mm)
    picture = _windowed(plane, window, size_mm, px_per_mm)
    if is_lettered:
        _letter(picture, px_per_mm, window.name)
    return picture


def coronal_picture(volume: CTVolume, window: DisplayWindow, height_px: int) -> Image.Image:
    """Return the mean of a coronal slab through the middle of the body, for an overview along z; no letters."""
    spacing_z, spacing_y, spacing_x = volume.geometry.spacing_mm
    inside = np.flatnonzero((volume.hu[:: max(1, len(volume.hu) // 16)] > _BODY_HU).any(axis=(0, 2)))
    middle = int(inside.mean()) if inside.size else volume.hu.shape[1] // 2
    half = max(1, round(_SLAB_MM / spacing_y / 2))
    slab = volume.hu[:, max(0, middle - half) : middle + half]
    plane = slab.mean(axis=1, dtype=np.float32)[::-1, ::-1]
    size_mm = plane.shape[1] * spacing_x, plane.shape[0] * spacing_z
    return _windowed(plane, window, size_mm, height_px / size_mm[1])


def jpeg_bytes(picture: Image.Image) -> bytes:
    """Return a picture as a JPEG file without any metadata."""
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=_QUALITY, optimize=True)
    return stream.getvalue()


def _windowed(plane: NDArray, window: DisplayWindow, size_mm: tuple[float, float], px_per_mm: float) -> Image.Image:
    """Resample in HU first, then cut to the window: edges stay as smooth as the scan's."""
    size = max(1, round(size_mm[0] * px_per_mm)), max(1, round(size_mm[1] * px_per_mm))
    values = Image.fromarray(np.ascontiguousarray(plane, dtype=np.float32))
    hu = np.asarray(values.resize(size, Image.Resampling.BICUBIC))
    black, white = window.limits_hu
    return Image.fromarray(np.clip((hu - black) * (255 / (white - black)), 0, 255).astype(np.uint8))


def _letter(picture: Image.Image, px_per_mm: float, window_name: str) -> None:
    """Draw orientation letters, a bar of 5 cm and the window's name."""
    draw = ImageDraw.Draw(picture)
    width, height = picture.size
    size = max(11, width // 26)
    edge = size // 2
    write_ringed(draw, (width / 2, edge), "A", size, "mt")
    write_ringed(draw, (edge, height / 2), "R", size, "lm")
    write_ringed(draw, (width / 2, height - edge), "P", size, "mb")
    write_ringed(draw, (width - edge, height / 2), "L", size, "rm")
    small = max(10, width // 36)
    write_ringed(draw, (edge, height - edge), window_name, small, "lb")
    bar = 50 * px_per_mm
    if bar < width / 2:
        end, y = width - edge, height - edge
        draw.rectangle((end - bar - 1, y - 3, end + 1, y + 1), fill=0)
        draw.rectangle((end - bar, y - 2, end, y), fill=255)
        write_ringed(draw, (end - bar / 2, y - 6), "5 cm", small, "mb")
