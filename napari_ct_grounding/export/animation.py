"""The walk through the findings as moving pictures: GIF (Pillow) and MP4 (ffmpeg, by the extra `video`).

Between two findings the slices roll by; on each finding the picture rests. A bar on the right shows where in the scan it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.export.captions import RESEARCH_ONLY, place_text
from napari_ct_grounding.export.contact_sheet import NO_KEY_IMAGES
from napari_ct_grounding.export.display_choice import window_for
from napari_ct_grounding.export.lettering import wrapped, write
from napari_ct_grounding.export.pictures import axial_picture
from napari_ct_grounding.export.steps import Cancel, Progress, Steps
from napari_ct_grounding.export.walk import Finding, Walk
from napari_ct_grounding.export.whole_file import whole_file

__all__ = ["Frame", "walk_frames", "write_gif", "write_mp4"]

_SIDE_PX = 416
_BAR_PX = 64
_CAPTION_PX = 96
_ROLL_FRAMES = 6
_ROLL_MS = 60
#: A finding rests as long as its words take to read: this, and a share for each character.
_REST_MS, _REST_MS_PER_CHARACTER, _LONGEST_REST_MS = 1400, 35, 5000
_FRAMES_PER_SECOND = 20
#: Of the 256 colours of a GIF; the others are for captions and bar.
_NUM_GREYS = 176

_INK, _SOFT, _BLUE, _BAND, _WARM = (235, 238, 241), (150, 160, 170), (86, 180, 233), (32, 74, 104), (240, 170, 90)

_NO_FFMPEG = (
    "MP4 needs the program ffmpeg, by the package imageio-ffmpeg. Install it: pip install 'napari-ct-grounding[video]'. "
    "A GIF needs nothing."
)


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture (RGB) and how long (ms) it stays."""

    picture: Image.Image
    duration_ms: int


def write_gif(
    path: Path, walk: Walk, volume: CTVolume, on_progress: Progress | None = None, cancel: Cancel | None = None
) -> None:
    """Write the walk as an endless GIF. Parameters as of `walk_frames`."""
    palette = _palette()
    pictures: list[Image.Image] = []
    durations: list[int] = []
    for frame in walk_frames(walk, volume, on_progress, cancel):
        pictures.append(_with_palette(frame.picture, palette))
        durations.append(frame.duration_ms)
    with whole_file(path) as partial:
        pictures[0].save(partial, save_all=True, append_images=pictures[1:], duration=durations, loop=0, optimize=False)


def write_mp4(
    path: Path, walk: Walk, volume: CTVolume, on_progress: Progress | None = None, cancel: Cancel | None = None
) -> None:
    """Write the walk as MP4 (H.264 where that ffmpeg has it). Parameters as of `walk_frames`.

    Raises
    ------
    InputError
        When there is no ffmpeg, or it fails.
    """
    try:
        import imageio_ffmpeg

        imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError) as error:
        raise InputError(_NO_FFMPEG) from error
    with whole_file(path) as partial:
        writer = None
        try:
            for frame in walk_frames(walk, volume, on_progress, cancel):
                if writer is None:
                    writer = imageio_ffmpeg.write_frames(
                        str(partial), frame.picture.size, fps=_FRAMES_PER_SECOND, macro_block_size=2, quality=7,
                        ffmpeg_log_level="error",
                    )  # fmt: skip
                    writer.send(None)
                data = np.ascontiguousarray(frame.picture)
                for _ in range(max(1, round(frame.duration_ms * _FRAMES_PER_SECOND / 1000))):
                    writer.send(data)
        finally:
            if writer is not None:
                writer.close()
        if not partial.is_file() or not partial.stat().st_size:
            raise InputError(f"{path.name} could not be encoded: ffmpeg wrote nothing. Choose GIF, or another place.")


def walk_frames(
    walk: Walk, volume: CTVolume, on_progress: Progress | None = None, cancel: Cancel | None = None
) -> Iterator[Frame]:
    """Give the pictures of the walk one by one.

    Parameters
    ----------
    walk : Walk
    volume : CTVolume
        The voxels of its scan.
    on_progress, cancel : callable, optional
        ``on_progress(done, total)`` after each finding; `cancel` is asked before it.

    Raises
    ------
    InputError
        When no finding has a key image.
    Cancelled
    """
    found = walk.key_findings
    if not found:
        raise InputError(NO_KEY_IMAGES)
    canvas = _Canvas(walk, volume)
    at = None
    for number, finding in Steps(len(found), on_progress, cancel).through(found):
        target = finding.result.slice_index if finding.result else 0
        if at is not None:
            ways = np.unique(np.rint(np.linspace(at, target, _ROLL_FRAMES + 2)[1:-1]).astype(int))
            for index in ways if target > at else ways[::-1]:
                if index not in (at, target):
                    yield Frame(canvas.draw(int(index), number, finding, is_there=False), _ROLL_MS)
        rest_ms = min(_REST_MS + _REST_MS_PER_CHARACTER * len(finding.sentence), _LONGEST_REST_MS)
        yield Frame(canvas.draw(target, number, finding, is_there=True), rest_ms)
        at = target


class _Canvas:
    """Draws frames of one walk: slice, bar, caption; all of the same even size."""

    def __init__(self, walk: Walk, volume: CTVolume) -> None:
        self._walk = walk
        self._volume = volume
        self._size = _SIDE_PX + _BAR_PX, _SIDE_PX + _CAPTION_PX

    def draw(self, slice_index: int, number: int, finding: Finding, *, is_there: bool) -> Image.Image:
        result = finding.result
        assert result is not None  # a key image has an answer; this is for the type checker
        frame = Image.new("RGB", self._size, (16, 18, 21))
        picture = axial_picture(self._volume, slice_index, window_for(finding.sentence), _SIDE_PX)
        frame.paste(picture, ((_SIDE_PX - picture.width) // 2, (_SIDE_PX - picture.height) // 2))
        draw = ImageDraw.Draw(frame)
        self._draw_bar(draw, slice_index, finding)
        y = _SIDE_PX + 8
        for line in wrapped(f"{number}. {finding.sentence}", 17, self._size[0] - 24, max_lines=2):
            write(draw, (12, y), line, 17, _INK)
            y += 24
        if is_there:
            write(draw, (12, self._size[1] - 30), place_text(self._walk.scan, result), 14, _BLUE)
        write(draw, (self._size[0] - 10, self._size[1] - 6), RESEARCH_ONLY.split(".")[0], 11, _WARM, "rd")
        return frame

    def _draw_bar(self, draw: ImageDraw.ImageDraw, slice_index: int, finding: Finding) -> None:
        geometry = self._walk.scan.geometry
        low, high = geometry.z_extent_mm
        left, right, top, bottom = _SIDE_PX + 24, _SIDE_PX + 40, 28, _SIDE_PX - 28

        def y(z_mm: float) -> float:
            return bottom - (min(max(z_mm, low), high) - low) / (high - low) * (bottom - top)

        draw.rectangle((left, top, right, bottom), outline=_SOFT)
        if finding.result is not None:
            interval = finding.result.interval_mm
            draw.rectangle((left + 1, y(interval[1]), right - 1, y(interval[0])), fill=_BAND)
        at = y(geometry.z_of_slice(slice_index))
        draw.line((left - 5, at, right + 5, at), fill=_BLUE, width=3)
        write(draw, ((left + right) / 2, top - 4), "head", 11, _SOFT, "ms")
        write(draw, ((left + right) / 2, bottom + 5), "feet", 11, _SOFT, "ma")


def _with_palette(picture: Image.Image, palette: Image.Image) -> Image.Image:
    """Return the picture in the colours of the palette; greys, which Pillow would round to few, to the nearest one."""
    pixels = np.asarray(picture)
    indices = np.array(picture.quantize(palette=palette, dither=Image.Dither.NONE))
    is_grey = (pixels == pixels[..., :1]).all(axis=-1)
    indices[is_grey] = np.rint(pixels[is_grey][:, 0] * ((_NUM_GREYS - 1) / 255))
    reduced = Image.fromarray(indices)
    reduced.putpalette(palette.getpalette() or [])
    return reduced


def _palette() -> Image.Image:
    """Greys, and between the paper colours and black what their letters need at the edges: one palette for all frames."""
    greys = [(value, value, value) for value in np.rint(np.linspace(0, 255, _NUM_GREYS)).astype(int).tolist()]
    paper = (16, 18, 21)
    tints = [
        tuple(round(a + (b - a) * step / 14) for a, b in zip(paper, ink, strict=True))
        for ink in (_INK, _SOFT, _BLUE, _BAND, _WARM)
        for step in range(15)
    ]
    palette = Image.new("P", (1, 1))
    palette.putpalette([value for color in (*greys, *tints) for value in color])
    return palette
