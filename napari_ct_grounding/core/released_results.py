"""Results with schema_version 1, the form of the released RadFinder code, as far as the names of its fields can be understood.

Nobody has documented that form, and this reader has never met a file of the released code: which fields it takes is a table of
plausible names (`FIELD_NAMES`), not a fact, and what was taken for what is told with every file. It needs rows with the name of a
volume, a sentence, and the predicted and the true place, either as depth positions of 12 mm (the released model's) or in mm. What
such a file cannot say is left out: without a profile there is no rank of the truth, and the interval is one depth position.

Depth positions count from the lowest one that the released chain keeps of a scan (`released_positions` gives them their place in
it). Values in mm are taken as world z (RAS+).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.error_rows import ErrorRow, OpenedErrors, error_rows
from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.json_object import raise_problems
from napari_ct_grounding.core.localization_results import LocalizationCase, localization_results_from, read_json
from napari_ct_grounding.core.profile import find_peaks_mm
from napari_ct_grounding.core.results import GroundingResult

__all__ = ["DEPTH_RESOLUTION_MM", "FIELD_NAMES", "read_errors", "read_released_errors"]

#: Thickness of a depth position of the released model.
DEPTH_RESOLUTION_MM = 12.0

#: What may stand for what, the first that occurs is taken; upper and lower case, "_", "-" and blanks make no difference.
FIELD_NAMES: dict[str, tuple[str, ...]] = {
    "rows": ("rows", "results", "predictions", "snippets", "samples", "items", "entries", "records", "cases", "details", "data"),
    "depth resolution": ("depth_resolution_mm", "resolution_mm", "mm_per_position", "position_mm", "depth_spacing_mm"),
    "volume": ("volume", "volume_name", "volume_id", "scan", "scan_name", "scan_id", "image", "image_name", "image_id", "key",
               "case", "case_id", "study", "study_id", "name", "file", "path"),
    "sentence": ("sentence", "snippet", "snippet_text", "text", "query", "prompt", "caption"),
    "predicted position": ("predicted_position", "predicted_depth", "predicted_index", "prediction", "predicted", "pred",
                           "pred_idx", "pred_index", "pred_depth", "pred_position", "argmax", "best"),
    "true position": ("true_position", "true_depth", "true_index", "target", "target_idx", "target_index",
                      "target_depth", "target_position", "gt", "gt_idx", "gt_index", "gt_depth", "truth", "true", "label",
                      "ground_truth"),
    "predicted mm": ("predicted_mm", "pred_mm", "prediction_mm", "predicted_z_mm", "pred_z_mm", "predicted_z", "pred_z",
                     "z_pred"),
    "true mm": ("true_mm", "gt_mm", "target_mm", "truth_mm", "true_z_mm", "gt_z_mm", "target_z_mm", "true_z", "gt_z", "z_true"),
    "profile": ("profile", "similarities", "similarity", "sims", "cosines", "cosine", "logits", "scores"),
    "category": ("category", "organ", "region", "group", "finding", "language"),
    "error": ("error_mm", "abs_error_mm", "distance_mm", "absolute_error_mm"),
}  # fmt: skip

#: How many problems are found before a file is given up.
_MAX_PROBLEMS = 20


def read_errors(path: Path) -> OpenedErrors:
    """Return the rows of a file of localization results of either version.

    Raises
    ------
    InputError
        When it is no such file, or cannot be used; with all that is wrong in one message.
    """
    path = Path(path)
    content = read_json(path)
    if isinstance(content, dict) and "format" not in content and content.get("schema_version") == 1:
        return read_released_errors(content, path.name)
    results = localization_results_from(content, path.name)
    facts = (
        f"weights {results.weights_name} ({results.weights_fingerprint[:8]})",
        f"coverage {results.coverage}",
        results.precision,
        results.created[:16].replace("T", " "),
    )
    return OpenedErrors(error_rows(results), 2, facts)


def read_released_errors(content: Mapping[str, Any], name: str) -> OpenedErrors:
    """Return the rows of a file of schema version 1.

    Parameters
    ----------
    content : mapping
        What the JSON held.
    name : str
        Of the file, for messages.

    Raises
    ------
    InputError
        When the least that is needed is not found, or a row does not fit.
    """
    found: dict[str, str] = {}
    records = _records(content, found)
    if not records:
        raise InputError(
            f"{name} has schema_version 1, and no list of rows under a name that this program would expect "
            f"({', '.join(FIELD_NAMES['rows'])}). Ask the same sentences by 'ct-grounding batch'."
        )
    names = {what: _field_of(records, what) for what in FIELD_NAMES if what not in ("rows", "depth resolution")}
    is_in_mm = bool(names["predicted mm"] and names["true mm"])
    needed = ["volume", "sentence"]
    if not is_in_mm:
        needed += ["predicted position", "true position"]
    missing = [what for what in needed if names[what] is None]
    if missing:
        tried = "; ".join(f"{what}: {', '.join(FIELD_NAMES[what])}" for what in missing)
        raise InputError(
            f"{name} has schema_version 1, and its rows have no field that could be the {' or the '.join(missing)} "
            f"(looked for {tried}). Ask the same sentences by 'ct-grounding batch'."
        )
    resolution = _resolution(content, found)
    layout = _Layout({what: field for what, field in names.items() if field}, is_in_mm, resolution)
    problems: list[str] = []
    rows = []
    for number, record in enumerate(records, start=1):
        rows.append(layout.row(number, record, problems))
        if len(problems) >= _MAX_PROBLEMS:
            break
    raise_problems(problems, name, "Ask the same sentences by 'ct-grounding batch'.")
    return OpenedErrors(tuple(rows), 1, ("weights unknown",), _notes(layout, found, rows, records))


@dataclass(frozen=True)
class _Layout:
    """Which field of a row was taken for what."""

    names: Mapping[str, str]
    is_in_mm: bool
    resolution_mm: float

    def row(self, number: int, record: Mapping[str, Any], problems: list[str]) -> ErrorRow:
        def text(what: str) -> str:
            value = record.get(self.names.get(what, ""))
            if isinstance(value, (str, int)) and not isinstance(value, bool):
                return str(value)
            if what in ("volume", "sentence"):
                problems.append(f"row {number} has no {self.names[what]} that is a text")
            return ""

        def place(what: str) -> float | None:
            field = self.names[f"{what} {'mm' if self.is_in_mm else 'position'}"]
            value = record.get(field)
            if value is None:
                return None
            if not _is_number(value) or not (self.is_in_mm or value >= 0):
                problems.append(f"row {number} has {str(value)[:20]!r} for {field}, which must be a number")
                return None
            return float(value) if self.is_in_mm else (float(value) + 0.5) * self.resolution_mm

        scan, sentence, category = text("volume"), text("sentence"), text("category") or None
        predicted, true = place("predicted"), place("true")
        case = LocalizationCase(case=scan, scan=scan.replace("\\", "/"), sentence=sentence, category=category)
        truth_mm = None if true is None else (true, true)
        if predicted is None:
            return ErrorRow(number, case, message="The file holds no prediction.", truth_mm=truth_mm)
        result = self._result(sentence, predicted, true, record.get(self.names.get("profile", "")))
        error_mm = None if true is None else abs(predicted - true)
        return ErrorRow(number, case, result, None, None, truth_mm, error_mm, is_in_world=self.is_in_mm)

    def _result(self, sentence: str, z_mm: float, true_mm: float | None, stored: Any) -> GroundingResult:
        width = self.resolution_mm
        profile = None if self.is_in_mm else _profile(stored)
        depths_mm: NDArray[np.float64]
        peaks: tuple[float, ...]
        if profile is None:
            # An axis to draw on, and nothing on it. How long the scan is, and in world z where it begins, is not known.
            ends = np.array([value for value in (z_mm, true_mm) if value is not None])
            depths_mm = np.asarray([ends.min() - width / 2, ends.max() + width / 2], dtype=np.float64)
            profile, peaks = np.full(2, np.nan, dtype=np.float32), (z_mm,)
            covered = (math.nan if self.is_in_mm else 0.0, math.nan)
        else:
            depths_mm = np.asarray((np.arange(len(profile)) + 0.5) * width, dtype=np.float64)
            covered, peaks = (0.0, len(profile) * width), _peaks(profile, depths_mm, width)
        is_known = np.isfinite(profile)
        return GroundingResult(
            sentence=sentence,
            z_mm=z_mm,
            slice_index=0,
            image_number=None,
            score=float(profile[is_known].max()) if is_known.any() else math.nan,
            interval_mm=(z_mm - width / 2, z_mm + width / 2),
            covered_mm=covered,
            depths_mm=depths_mm,
            profile=profile,
            peaks_mm=peaks,
            has_location=True,
            is_calibrated=False,
            depth_width_mm=width,
            file_index=0,
        )


def _plain(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())


def _taken(fields: Iterable[str], what: str) -> str | None:
    """The field that stands for `what`: the first of its names that occurs."""
    known = {_plain(field): field for field in fields}
    return next((known[_plain(name)] for name in FIELD_NAMES[what] if _plain(name) in known), None)


def _records(content: Mapping[str, Any], found: dict[str, str]) -> list[Mapping[str, Any]]:
    """Rows, given as a list, or by the name of the volume."""
    name = _taken((key for key, value in content.items() if isinstance(value, (list, dict))), "rows")
    if name is None:
        return []
    found["rows"] = name
    held = content[name]
    if isinstance(held, list):
        records = held
    else:
        records = [
            {"volume": volume, **row}
            for volume, rows in held.items()
            for row in (rows if isinstance(rows, list) else [rows])
            if isinstance(row, dict)
        ]
    return records if all(isinstance(record, dict) for record in records) else []


def _field_of(records: Sequence[Mapping[str, Any]], what: str) -> str | None:
    """Looked up among the fields of all rows: a field may be absent from some."""
    return _taken(dict.fromkeys(field for record in records for field in record), what)


def _resolution(content: Mapping[str, Any], found: dict[str, str]) -> float:
    name = _taken(content, "depth resolution")
    if name is not None and _is_number(content[name]) and content[name] > 0:
        found["depth resolution"] = name
        return float(content[name])
    return DEPTH_RESOLUTION_MM


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]


def _profile(stored: Any) -> NDArray[np.float32] | None:
    if not isinstance(stored, list) or not stored or not all(value is None or _is_number(value) for value in stored):
        return None
    return np.array([np.nan if value is None else value for value in stored], dtype=np.float32)


def _peaks(profile: NDArray[np.float32], depths_mm: NDArray, width: float) -> tuple[float, ...]:
    is_valid = np.isfinite(profile)
    return find_peaks_mm(profile, depths_mm, 2 * width, valid=is_valid) if is_valid.any() else ()


def _notes(
    layout: _Layout, found: Mapping[str, str], rows: Sequence[ErrorRow], records: Sequence[Mapping[str, Any]]
) -> tuple[str, ...]:
    """What was taken for what, what was not found, and whether the file's own errors agree."""
    unit = "mm" if layout.is_in_mm else "position"
    used = ["volume", "sentence", f"predicted {unit}", f"true {unit}", "profile", "category"]
    taken = ", ".join(f"{what} = {layout.names[what]!r}" for what in used if what in layout.names)
    missing = [what for what in ("profile", "category") if what not in layout.names]
    if not layout.is_in_mm and "depth resolution" not in found:
        missing.append(f"depth resolution (taken as {layout.resolution_mm:g} mm)")
    missing += ["weights", "intervals"]
    notes = [
        "schema_version 1: the layout of the released code is not documented, and fields were taken by their names "
        f"({taken}). Not found: {', '.join(missing)}. Compare a few rows before you trust a figure."
    ]
    own = layout.names.get("error")
    if own is not None:
        pairs = [(row.error_mm, record.get(own)) for row, record in zip(rows, records, strict=True)]
        differing = sum(
            error is not None and _is_number(stated) and abs(error - stated) > 0.05  # type: ignore[operator]
            for error, stated in pairs
        )
        if differing:
            notes.append(
                f"The file's own {own!r} differs from |predicted - true| in {differing} of {len(rows)} rows: something was "
                "taken wrongly."
            )
    return tuple(notes)
