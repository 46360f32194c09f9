"""A walk as one HTML page: key images, places, profiles. No script, nothing loaded from elsewhere, fit for paper and phone."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from napari_ct_grounding.core.display import DISPLAY_WINDOWS
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.export.captions import (
    RESEARCH_ONLY,
    date_text,
    interval_text,
    mm_text,
    place_text,
    reference_text,
    remark_text,
)
from napari_ct_grounding.export.display_choice import window_for
from napari_ct_grounding.export.pictures import axial_picture, coronal_picture, jpeg_bytes
from napari_ct_grounding.export.profile_drawing import profile_svg
from napari_ct_grounding.export.steps import Cancel, Progress, Steps
from napari_ct_grounding.export.walk import Finding, Walk
from napari_ct_grounding.export.whole_file import whole_file

__all__ = ["html_report", "write_html_report"]

_SIDE_PX = 560
_OVERVIEW_PX = 460
#: Height (px of the overview) that a number needs beside its neighbours.
_LABEL_PX = 19


def write_html_report(
    path: Path, walk: Walk, volume: CTVolume, on_progress: Progress | None = None, cancel: Cancel | None = None
) -> None:
    """Write the page. Parameters as of `html_report`."""
    with whole_file(path) as partial:
        partial.write_text(html_report(walk, volume, on_progress, cancel), encoding="utf-8", newline="\n")


def html_report(walk: Walk, volume: CTVolume, on_progress: Progress | None = None, cancel: Cancel | None = None) -> str:
    """Return the page's text.

    Parameters
    ----------
    walk : Walk
        Shown as it is; what shall not leave is taken out before (`Walk.without_identity`).
    volume : CTVolume
        The voxels of its scan.
    on_progress : callable, optional
        ``on_progress(done, total)`` after each key image.
    cancel : callable, optional
        Asked before each key image.

    Raises
    ------
    Cancelled
        When `cancel` said so.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    steps = Steps(len(walk.key_findings), on_progress, cancel)
    cards = [_card(walk, volume, number, finding) for number, finding in steps.through(walk.key_findings)]
    others = [
        _row(walk, number, finding)
        for number, finding in enumerate(walk.findings, start=1)
        if not finding.has_key_image
    ]
    return environment.get_template("report.html").render(
        research_only=RESEARCH_ONLY,
        title=walk.scan.name,
        patient=walk.patient,
        facts=_facts(walk),
        notes=walk.scan.notes,
        cards=cards,
        others=others,
        diseases=walk.diseases,
        has_probability=any(disease.probability is not None for disease in walk.diseases),
        has_percentile=any(disease.percentile is not None for disease in walk.diseases),
        overview=_overview(walk, volume),
    )


def _card(walk: Walk, volume: CTVolume, number: int, finding: Finding) -> dict[str, Any]:
    result = finding.result
    assert result is not None  # a key image has an answer; this is for the type checker
    picture = axial_picture(volume, result.slice_index, window_for(finding.sentence), _SIDE_PX)
    return {
        "number": number,
        "sentence": finding.sentence,
        "section": finding.section or "",
        "slice": walk.scan.slice_name(result.slice_index),
        "place": place_text(walk.scan, result),
        "z": mm_text(result.z_mm),
        "interval": interval_text(walk.scan, result),
        "score": f"{result.score:.3f}".replace("-", "\u2212"),
        "references": [reference_text(mark) for mark in finding.references],
        "picture": _data_uri(picture),
        "size": picture.size,
        "strip": profile_svg(walk.scan, finding),
    }


def _row(walk: Walk, number: int, finding: Finding) -> dict[str, Any]:
    result = finding.result
    return {
        "number": number,
        "sentence": finding.sentence,
        "remark": remark_text(finding),
        "place": place_text(walk.scan, result) if result is not None and result.has_location else "",
    }


def _facts(walk: Walk) -> list[tuple[str, str]]:
    geometry = walk.scan.geometry
    low, high = geometry.z_extent_mm
    spacing = " \u00d7 ".join(f"{value:.3g}" for value in geometry.spacing_mm)
    facts = [
        ("Scan", f"{geometry.shape[0]} slices, voxels of {spacing} mm (z, y, x), z {mm_text(low)} to {mm_text(high)}"),
        ("Scan fingerprint", walk.scan.fingerprint),
        ("Weights", f"{walk.weights_name} ({walk.weights_fingerprint[:16]})"),
    ]
    if walk.results:
        low, high = walk.results[0].covered_mm
        facts.append(("Coverage", f"{walk.coverage}; the model saw z {mm_text(low)} to {mm_text(high)}"))
    program = f"{walk.program.name} {walk.program.version}"
    return [*facts, ("Made", f"{date_text(walk.created)} with {program}, {walk.precision}")]


@dataclass(frozen=True)
class _Line:
    """A finding in the overview: its height there, and that of its number beside it."""

    number: int
    y: float
    label_y: float


def _overview(walk: Walk, volume: CTVolume) -> dict[str, Any]:
    """A coronal picture with the height of every key image."""
    window = next(window for window in DISPLAY_WINDOWS if window.name == "Mediastinum")
    picture = coronal_picture(volume, window, _OVERVIEW_PX)
    shape, num_slices = picture.size, volume.geometry.shape[0]

    def y_of(slice_index: int) -> float:
        return shape[1] * (1 - (slice_index + 0.5) / num_slices)

    heights = sorted(
        (y_of(finding.result.slice_index), number) for number, finding in walk.key_findings if finding.result
    )
    labels = _spread([y for y, _ in heights], shape[1])
    lines = [_Line(number, round(y, 1), round(at, 1)) for (y, number), at in zip(heights, labels, strict=True)]
    return {"picture": _data_uri(picture), "width": shape[0], "height": shape[1], "lines": lines}


def _spread(heights: list[float], length: float) -> list[float]:
    """Move growing heights apart so that numbers do not cover each other, as far as `length` allows."""
    gap = min(_LABEL_PX, length / max(len(heights), 1))
    placed: list[float] = []
    for height in heights:
        placed.append(max(height, placed[-1] + gap) if placed else max(height, gap / 2))
    limit = length - gap / 2
    for index in range(len(placed) - 1, -1, -1):
        placed[index] = min(placed[index], limit)
        limit = placed[index] - gap
    return placed


def _data_uri(picture: Image.Image) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg_bytes(picture)).decode()}"
