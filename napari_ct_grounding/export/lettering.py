"""Writing into pictures.

The letters lie in the package (Open Sans, Apache License 2.0): Pillow's own lack umlauts and the minus sign.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from PIL import ImageDraw, ImageFont

__all__ = ["font", "text_width", "wrapped", "write", "write_ringed"]

_FONT_FILE = Path(__file__).with_name("fonts") / "OpenSans-Regular.ttf"


@cache
def font(size_px: int) -> ImageFont.FreeTypeFont:
    """Return the letters in a size."""
    return ImageFont.truetype(str(_FONT_FILE), size_px)


def text_width(text: str, size_px: int) -> float:
    """Width of a line in pixels."""
    return font(size_px).getlength(text)


def write(
    draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, size_px: int, fill: object, anchor: str = "la"
) -> None:
    """Write a line; `anchor` as in Pillow."""
    draw.text(place, text, font=font(size_px), fill=fill, anchor=anchor)  # type: ignore[arg-type]


def write_ringed(
    draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, size_px: int, anchor: str = "la"
) -> None:
    """Write a white line with a dark rim, which shows on air and on bone."""
    draw.text(
        place, text, font=font(size_px), fill=255, anchor=anchor, stroke_width=max(1, size_px // 10), stroke_fill=0
    )


def wrapped(text: str, size_px: int, width_px: float, max_lines: int) -> list[str]:
    """Return `text` in lines no wider than `width_px`; what does not fit into `max_lines` ends in an ellipsis."""
    lines: list[str] = []
    words = text.split()
    while words and len(lines) < max_lines:
        line = words.pop(0)
        while words and text_width(f"{line} {words[0]}", size_px) <= width_px:
            line = f"{line} {words.pop(0)}"
        lines.append(line)
    if words:
        lines[-1] += " \u2026"
    return [_cut(line, size_px, width_px) for line in lines]


def _cut(line: str, size_px: int, width_px: float) -> str:
    if text_width(line, size_px) <= width_px:
        return line
    line = line.removesuffix(" \u2026")
    while line and text_width(f"{line}\u2026", size_px) > width_px:
        line = line[:-1]
    return f"{line}\u2026"
