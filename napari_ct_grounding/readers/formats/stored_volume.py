"""A volume as a file stores it, and how it becomes a CT volume: what NIfTI, NRRD and MetaImage have in common.

A format's reader turns its header into a `StoredVolume`; everything else happens here, once: the choice of a frame, the limits,
and the voxels, which are streamed slice by slice into their canonical place, so that a scan is held in memory once and stays
int16 where it can.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.errors import FrameNeededError, VolumeError
from napari_ct_grounding.core.geometry import VolumeGeometry, canonicalise
from napari_ct_grounding.core.volume import CTVolume, SliceRecord
from napari_ct_grounding.readers.canonical_buffer import CanonicalBuffer, scale_to_hu
from napari_ct_grounding.readers.formats.voxel_stream import Coding, drain, fill, open_voxels, reading_errors_of, skip
from napari_ct_grounding.readers.notes import check_plausible, geometry_notes

__all__ = ["StoredVolume", "in_millimetres", "load_volume", "stored_geometry"]

#: deflate cannot shrink further than this; a header that asks for more voxels than the file can hold is wrong.
MAX_DEFLATE_RATIO = 1040
#: No CT shrinks that far; what does is refused once it would unpack to more than `MAX_UNPACKED_FREELY` bytes.
MAX_RATIO, MAX_UNPACKED_FREELY = 200, 1 << 30


@dataclass(frozen=True, eq=False)
class StoredVolume:
    """What a header says, checked for sense but not against the size of the file.

    Parameters
    ----------
    name : str
        File name, for messages.
    title : str
        What the volume is called: the file name without its ending.
    affine : NDArray, (4, 4)
        Stored voxel (x, y, z) to world RAS+ mm.
    shape : tuple of int
        Voxels along the stored axes (x, y, z); x varies fastest in the file.
    dtype : np.dtype
        Of a stored number, with its byte order.
    parts : tuple of Path
        The files that hold the voxels, in order.
    coding : str
        How they are packed, see `open_voxels`.
    offset : int or None
        Where in each part the (packed) voxels begin, bytes; None: they stand at its end.
    lead : int
        Unpacked bytes before the first voxel.
    num_frames, frame_axis : int
        Volumes in the file, and where their axis stands among the stored ones: 0 = before x (the values of a voxel stand side by
        side), 3 = behind z (one volume after the other).
    slope, intercept : float
        HU = stored x slope + intercept.
    notes : tuple of str
    """

    name: str
    title: str
    affine: NDArray[np.float64]
    shape: tuple[int, int, int]
    dtype: np.dtype
    parts: tuple[Path, ...]
    coding: Coding = "raw"
    offset: int | None = 0
    lead: int = 0
    num_frames: int = 1
    frame_axis: int = 3
    slope: float = 1.0
    intercept: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def num_bytes(self) -> int:
        """Unpacked size of all voxels of all frames."""
        return math.prod(self.shape) * self.num_frames * self.dtype.itemsize


def in_millimetres(affine: NDArray[np.float64], factor: float, unit: str, notes: list[str]) -> NDArray[np.float64]:
    """Scale an affine that counts in another unit of `factor` mm, and say so in `notes`."""
    if factor == 1:
        return affine
    notes.append(f"The header counts in {unit}; positions were converted to millimetres.")
    return np.diag([factor, factor, factor, 1.0]) @ affine


def stored_geometry(stored: StoredVolume) -> VolumeGeometry:
    """Return the canonical grid of a stored volume; raise `GeometryError` when there is none."""
    return canonicalise(stored.affine, stored.shape).geometry


def load_volume(stored: StoredVolume, frame: int | None = None) -> CTVolume:
    """Read the voxels.

    Parameters
    ----------
    stored : StoredVolume
    frame : int, optional
        Which volume of a file with several, from 0.

    Raises
    ------
    FrameNeededError
        When there are several volumes and `frame` is None.
    VolumeError
        When the file is damaged, too short for what its header promises, or larger than any CT.
    GeometryError
        When the header gives no usable grid.
    """
    frame = _chosen_frame(frame, stored.num_frames, stored.name)
    if min(stored.shape) < 2:
        raise VolumeError(
            f"{stored.name} has the shape {' x '.join(map(str, stored.shape))}: a picture, not a volume. "
            "At least two slices are needed."
        )
    notes = list(stored.notes)
    with reading_errors_of(stored.name):
        offsets = _checked_offsets(stored)
        how = canonicalise(stored.affine, stored.shape)
        check_plausible(how.geometry)
        buffer = CanonicalBuffer(how)
        with open_voxels(stored.parts, offsets, stored.coding, stored.dtype) as stream:
            skip(stream, stored.lead, stored.name)
            _stream_frame(stream, stored, frame, buffer)
            # Nothing should follow; trying to read it makes gzip compare the checksum.
            is_last = frame == stored.num_frames - 1 or stored.frame_axis < 3
            if stream.read(1) and is_last:
                notes.append("The file goes on behind the last voxel that its header names: the header may be damaged.")
                # Damaged packed data may well unpack to more; the checksum at its end tells.
                drain(stream, 0 if stored.coding == "raw" else stored.num_bytes)
    notes += geometry_notes(how.geometry)
    if stored.num_frames > 1:
        notes.append(f"Volume {(frame or 0) + 1} of {stored.num_frames} in the file.")
    return CTVolume(
        hu=buffer.finish(),
        geometry=how.geometry,
        slice_table=tuple(SliceRecord(how.stored_slice_of(index)) for index in range(how.geometry.shape[0])),
        name=stored.title,
        notes=tuple(notes),
        stored_affine=stored.affine,
    )


def _chosen_frame(frame: int | None, num_frames: int, name: str) -> int:
    if frame is None and num_frames > 1:
        raise FrameNeededError(
            f"{name} holds {num_frames} volumes (4D); one can be opened. "
            f"Choose it with frame=0 to frame={num_frames - 1} (in the shell --frame).",
            num_frames,
        )
    if not 0 <= (frame or 0) < num_frames:
        raise VolumeError(f"frame={frame} does not exist: {name} holds {num_frames} (counted from 0).")
    return frame or 0


def _checked_offsets(stored: StoredVolume) -> list[int]:
    """Return where the voxels begin in each part, after a look at whether they can be there at all.

    Before any memory is asked for: a damaged or hostile header may promise terabytes.
    """
    needed = stored.lead + stored.num_bytes
    sizes = [part.stat().st_size for part in stored.parts]
    share = needed // len(sizes)
    offsets = [size - share if stored.offset is None else stored.offset for size in sizes]
    packed = sum(max(0, size - offset) for size, offset in zip(sizes, offsets, strict=True))
    if stored.coding == "text":
        fits = 2 * stored.num_bytes // stored.dtype.itemsize <= packed + len(sizes)
    elif stored.coding == "bzip2":
        fits = packed > 0
    else:
        fits = needed <= packed * (1 if stored.coding == "raw" else MAX_DEFLATE_RATIO)
    if not fits or min(offsets) < 0:
        raise VolumeError(
            f"{stored.name} was cut short: {' x '.join(map(str, stored.shape))} voxels do not fit into the file. "
            "Copy or download it again."
        )
    if needed > MAX_UNPACKED_FREELY and needed > MAX_RATIO * packed:
        raise VolumeError(
            f"{stored.name} would unpack to {needed / 1e9:.1f} GB, {needed / packed:.0f} times its size; no CT shrinks that far. "
            "Its header is damaged, or it was made to fill the memory."
        )
    return offsets


def _stream_frame(stream: BinaryIO, stored: StoredVolume, frame: int, buffer: CanonicalBuffer) -> None:
    nx, ny, nz = stored.shape
    block_shape = [ny, nx]  # one slice as it lies in the file, slowest axis first
    take = 2 - stored.frame_axis  # place of the frames among them
    if stored.frame_axis < 3:
        block_shape.insert(take, stored.num_frames)
    else:
        skip(stream, frame * math.prod(stored.shape) * stored.dtype.itemsize, stored.name)
    block = np.empty(block_shape, stored.dtype)
    target = memoryview(block.view(np.uint8).data).cast("B")
    for index in range(nz):
        fill(stream, target, stored.name)
        plane = block if stored.frame_axis == 3 else block.take(frame, axis=take)
        native = plane.astype(stored.dtype.newbyteorder("="), copy=False)
        buffer.put(index, scale_to_hu(native, stored.slope, stored.intercept))
