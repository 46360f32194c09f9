"""The profile strip as a file: a picture with its legend, or a table of similarities."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import numpy as np
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QFont, QImage, QPainter, QPen
from qtpy.QtWidgets import QWidget

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.results import GroundingResult

__all__ = ["COLUMNS", "profile_table", "save_strip_picture", "save_strip_table"]

COLUMNS = ("sentence", "z mm", "similarity", "in the interval")

#: Pixels of the picture to one of the screen, and room (screen px) for the legend.
_ZOOM, _LEGEND_WIDTH = 3, 260

Legend = Sequence[tuple[QPen, str]]


def profile_table(results: Sequence[GroundingResult]) -> str:
    """Return profiles as CSV: a line for each sentence and depth position, lowest first."""
    stream = StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for result in results:
        low, high = result.interval_mm
        for z_mm, value in zip(result.depths_mm, result.profile, strict=True):
            if np.isfinite(value):
                is_inside = result.has_location and low <= z_mm <= high
                writer.writerow([result.sentence, f"{z_mm:.2f}", f"{value:.5f}", int(is_inside)])
    return stream.getvalue()


def save_strip_table(path: Path, results: Sequence[GroundingResult]) -> None:
    """Write `profile_table`, in UTF-8 with the mark that spreadsheets look for.

    Raises
    ------
    InputError
        When the file cannot be written.
    """
    try:
        path.write_text(profile_table(results), encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path.name} cannot be written ({error.strerror}). Choose another folder.") from error


def save_strip_picture(path: Path, strip: QWidget, legend: Legend, paper: QColor, ink: QColor) -> None:
    """Write the strip as PNG, with a legend beside it.

    Parameters
    ----------
    path : Path
    strip : QWidget
        Painted as it is on the screen, in more pixels.
    legend : sequence of (QPen, str)
        Stroke and sentence of each curve.
    paper, ink : QColor
        Ground and text.

    Raises
    ------
    InputError
        When the file cannot be written.
    """
    width = strip.width() + (_LEGEND_WIDTH if legend else 0)
    image = QImage(width * _ZOOM, strip.height() * _ZOOM, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(_ZOOM)
    image.fill(paper)
    strip.render(image)
    painter = QPainter(image)
    font = QFont(strip.font())
    font.setPixelSize(11)
    painter.setFont(font)
    top = 20.0
    for pen, sentence in legend:
        painter.setPen(pen)
        painter.drawLine(QPointF(strip.width() + 8, top + 7), QPointF(strip.width() + 32, top + 7))
        painter.setPen(ink)
        room = QRectF(strip.width() + 40, top, _LEGEND_WIDTH - 48, 200)
        flags = int(Qt.TextFlag.TextWordWrap)
        painter.drawText(room, flags, sentence)
        top += painter.boundingRect(room, flags, sentence).height() + 8
    painter.end()
    if not image.save(str(path), "PNG"):
        raise InputError(f"{path.name} cannot be written. Choose another folder.")
