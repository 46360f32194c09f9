"""All key images of a walk on one sheet (PNG), for a slide or a message."""

from __future__ import annotations

import math
from pathlib import Path

from PIL import Image, ImageDraw

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.export.captions import RESEARCH_ONLY, interval_text, place_text
from napari_ct_grounding.export.display_choice import window_for
from napari_ct_grounding.export.lettering import wrapped, write
from napari_ct_grounding.export.pictures import axial_picture
from napari_ct_grounding.export.steps import Cancel, Progress, Steps
from napari_ct_grounding.export.walk import Finding, Walk
from napari_ct_grounding.export.whole_file import whole_file

__all__ = ["NO_KEY_IMAGES", "contact_sheet", "write_contact_sheet"]

NO_KEY_IMAGES = (
    "No sentence points at a slice of this scan, so there is no key image. Ask for a place, or choose JSON or CSV."
)

_TILE_PX = 360
_CAPTION_PX = 104
_EDGE_PX = 14
_HEAD_PX = 44
_MAX_COLUMNS = 4
_PAPER, _INK, _SOFT, _BLUE, _WARM = (255, 255, 255), (27, 31, 36), (89, 99, 110), (11, 98, 168), (160, 74, 0)


def write_contact_sheet(
    path: Path, walk: Walk, volume: CTVolume, on_progress: Progress | None = None, cancel: Cancel | None = None
) -> None:
    """Write the sheet as PNG. Parameters as of `contact_sheet`."""
    sheet = contact_sheet(walk, volume, on_progress, cancel)
    with whole_file(path) as partial:
        sheet.save(partial, optimize=True)


def contact_sheet(
    walk: Walk, volume: CTVolume, on_progress: Progress | None = None, cancel: Cancel | None = None
) -> Image.Image:
    """Return the sheet: a grid of captioned key images below a line that names the scan.

    Parameters
    ----------
    walk : Walk
    volume : CTVolume
        The voxels of its scan.
    on_progress, cancel : callable, optional
        ``on_progress(done, total)`` after each picture; `cancel` is asked before it.

    Raises
    ------
    InputError
        When no finding has a key image.
    Cancelled
    """
    found = walk.key_findings
    if not found:
        raise InputError(NO_KEY_IMAGES)
    columns = min(_MAX_COLUMNS, math.ceil(math.sqrt(len(found))))
    rows = math.ceil(len(found) / columns)
    step_x, step_y = _TILE_PX + _EDGE_PX, _TILE_PX + _CAPTION_PX
    sheet = Image.new("RGB", (columns * step_x + _EDGE_PX, _HEAD_PX + rows * step_y + _EDGE_PX), _PAPER)
    draw = ImageDraw.Draw(sheet)
    write(draw, (_EDGE_PX, 12), walk.scan.name, 17, _INK)
    # On a narrow sheet the words go on in the margin below.
    is_wide = columns > 1
    place = (sheet.width - _EDGE_PX, 15) if is_wide else (sheet.width - _EDGE_PX, sheet.height - 4)
    write(draw, place, RESEARCH_ONLY, 13 if is_wide else 10, _WARM, "ra" if is_wide else "rd")
    for place_in_grid, (number, finding) in enumerate(Steps(len(found), on_progress, cancel).through(found)):
        row, column = divmod(place_in_grid, columns)
        _put_tile(sheet, (_EDGE_PX + column * step_x, _HEAD_PX + row * step_y), walk, volume, number, finding)
    return sheet


def _put_tile(
    sheet: Image.Image, corner: tuple[int, int], walk: Walk, volume: CTVolume, number: int, finding: Finding
) -> None:
    result = finding.result
    assert result is not None  # a key image has an answer; this is for the type checker
    x, y = corner
    draw = ImageDraw.Draw(sheet)
    draw.rectangle((x, y, x + _TILE_PX - 1, y + _TILE_PX - 1), fill=(0, 0, 0))
    picture = axial_picture(volume, result.slice_index, window_for(finding.sentence), _TILE_PX)
    sheet.paste(picture, (x + (_TILE_PX - picture.width) // 2, y + (_TILE_PX - picture.height) // 2))
    y += _TILE_PX + 4
    for line in wrapped(f"{number}. {finding.sentence}", 15, _TILE_PX, max_lines=2):
        write(draw, (x, y), line, 15, _INK)
        y += 21
    write(draw, (x, y), place_text(walk.scan, result), 13, _BLUE)
    write(draw, (x, y + 19), f"Interval {interval_text(walk.scan, result)}", 12, _SOFT)
