"""A file of localization results: what was asked of which scan, what was answered, and how far off it was.

JSON with ``schema_version`` 2 (1 is the form of the released code). `batch` and `python -m train evaluate` write it, the error
browser reads it. Rows stand on a line each. Fields that a later version adds are left aside by an older reader.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.json_object import JsonObject, raise_problems
from napari_ct_grounding.core.provenance import Program, this_program
from napari_ct_grounding.core.results import GroundingResult, grounding_result_from, to_jsonable

__all__ = [
    "LocalizationCase",
    "LocalizationResults",
    "LocalizationRow",
    "Truth",
    "localization_results_from",
    "read_json",
    "read_localization_results",
]

FORMAT = "ct-grounding localization"
SCHEMA_VERSION = 2
STATUSES = ("done", "failed")


@dataclass(frozen=True)
class Truth:
    """Where a sentence really points.

    Parameters
    ----------
    z_lo_mm, z_hi_mm : float or None
        World z (RAS+ mm) of the lower and upper end; equal for a single slice. None while only the image is known.
    image_number : int or None
        DICOM InstanceNumber that was given instead of a position.
    """

    z_lo_mm: float | None = None
    z_hi_mm: float | None = None
    image_number: int | None = None

    def error_mm(self, z_mm: float) -> float:
        """Distance (mm) from `z_mm` to the range: 0 inside."""
        if self.z_lo_mm is None or self.z_hi_mm is None:
            raise ValueError("the position of a truth that is given by its image number is not known yet")
        return max(self.z_lo_mm - z_mm, z_mm - self.z_hi_mm, 0.0)


@dataclass(frozen=True)
class LocalizationCase:
    """One question: a sentence about a scan.

    Parameters
    ----------
    case : str
        The researcher's own name for it. Never a patient's.
    scan : str
        Path of the scan below the folder of the list of cases.
    sentence : str
    series : str or None
        Which series of a DICOM folder.
    frame : int or None
        Which volume of a file with several, from 0.
    category : str or None
        Whatever the researcher wants to group by.
    truth : Truth or None
    """

    case: str
    scan: str
    sentence: str
    series: str | None = None
    frame: int | None = None
    category: str | None = None
    truth: Truth | None = None

    @property
    def question(self) -> tuple[object, ...]:
        """What makes it the same question on another day: all that was given, and nothing that was looked up."""
        truth: object = self.truth
        if self.truth is not None and self.truth.image_number is not None:
            truth = self.truth.image_number
        return (self.case, self.scan, self.series, self.frame, self.sentence, self.category, truth)


@dataclass(frozen=True, eq=False)
class LocalizationRow:
    """One question with its answer, or the reason why there is none.

    Parameters
    ----------
    case : LocalizationCase
    prediction : GroundingResult or None
        None where it failed.
    message : str or None
        Why it failed, in words; None where it did not.
    volume_fingerprint : str or None
        Of the scan that was read, so that whoever opens it later knows whether it is the same.
    """

    case: LocalizationCase
    prediction: GroundingResult | None = None
    message: str | None = None
    volume_fingerprint: str | None = None

    @property
    def status(self) -> str:
        """Either "done" or "failed"."""
        return STATUSES[self.prediction is None]

    @property
    def error_mm(self) -> float | None:
        """Distance (mm) from the answer to the true range; None without an answer or a truth."""
        if self.prediction is None or self.case.truth is None:
            return None
        return self.case.truth.error_mm(self.prediction.z_mm)

    @cached_property
    def json_text(self) -> str:
        """The row as one line of JSON; made once, since a batch writes its file anew after every scan."""
        record = to_jsonable(self.case) | {
            "status": self.status,
            "message": self.message,
            "error_mm": self.error_mm,
            "volume_fingerprint": self.volume_fingerprint,
            "prediction": to_jsonable(self.prediction),
        }
        return json.dumps(record, ensure_ascii=False, allow_nan=False)


@dataclass(frozen=True, eq=False)
class LocalizationResults:
    """Rows, and what they were made with.

    Parameters
    ----------
    weights_name, weights_fingerprint : str
    coverage, precision : str
        How the model walked the scans, and in which arithmetic.
    rows : tuple of LocalizationRow
    created : str
        ISO 8601, UTC.
    program : Program
    """

    weights_name: str
    weights_fingerprint: str
    coverage: str
    precision: str
    rows: tuple[LocalizationRow, ...] = ()
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    program: Program = field(default_factory=this_program)

    def summary(self) -> dict[str, float | int | None]:
        """Return counts, and the errors of the rows that have a truth; None where no row has one.

        Failed rows are counted and left out of the errors: an error of theirs is not known. The mean is over sentences, as
        in the paper, so a scan with many sentences weighs more.
        """
        errors = np.array([row.error_mm for row in self.rows if row.error_mm is not None])
        known = errors.size > 0
        return {
            "num_rows": len(self.rows),
            "num_failed": sum(row.prediction is None for row in self.rows),
            "num_with_truth": errors.size,
            "mean_mm": float(errors.mean()) if known else None,
            "median_mm": float(np.median(errors)) if known else None,
            "within_12_mm": float((errors <= 12).mean()) if known else None,
            "within_24_mm": float((errors <= 24).mean()) if known else None,
        }

    def to_json(self) -> str:
        """Return the file's text."""
        head = {
            "format": FORMAT,
            "schema_version": SCHEMA_VERSION,
            "program": to_jsonable(self.program),
            "created": self.created,
            "weights": {"name": self.weights_name, "fingerprint": self.weights_fingerprint},
            "coverage": self.coverage,
            "precision": self.precision,
            "summary": self.summary(),
        }
        rows = ",\n".join(row.json_text for row in self.rows)
        return f'{json.dumps(head, indent=1, ensure_ascii=False)[:-2]},\n "rows": [\n{rows}\n]}}\n'

    def write(self, path: Path) -> None:
        """Write the file; whoever reads it meanwhile, or after a crash, sees the whole old one or the whole new one.

        Raises
        ------
        InputError
            When the place cannot be written to.
        """
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        try:
            partial.write_text(self.to_json(), encoding="utf-8", newline="\n")
            os.replace(partial, path)
        except OSError as error:
            with suppress(OSError):
                partial.unlink()
            raise InputError(f"{path.name} cannot be written ({error.strerror}). Choose another place.") from error


def read_localization_results(path: Path) -> LocalizationResults:
    """Return what a file of localization results holds.

    Raises
    ------
    InputError
        When it is no such file, of a later version, or damaged; with all that is wrong in one message.
    """
    path = Path(path)
    return localization_results_from(read_json(path), path.name)


def read_json(path: Path) -> Any:
    """Return what a JSON file holds.

    Raises
    ------
    InputError
        When it cannot be read, or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path.name} cannot be read ({error.strerror}).") from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{path.name} is not valid JSON. Choose the file that batch or evaluate wrote.") from error


def localization_results_from(content: Any, name: str) -> LocalizationResults:
    """Return the results of which `content` is the JSON; `name` stands in messages. Raises as `read_localization_results`."""
    _check_version(content, name)
    problems: list[str] = []
    file = JsonObject(content, "the file", problems)
    weights, program = file.nested("weights"), file.nested("program")
    results = LocalizationResults(
        weights_name=weights.text("name"),
        weights_fingerprint=weights.text("fingerprint"),
        coverage=file.text("coverage"),
        precision=file.text("precision"),
        rows=tuple(_row(record) for record in file.objects("rows", "row")),
        created=file.text("created"),
        program=Program(program.text("name"), program.text("version"), program.optional_text("commit")),
    )
    raise_problems(problems, name, "Make it again.")
    return results


def _check_version(content: Any, name: str) -> None:
    """Tell a file of another program, or of another version, before its fields are looked at."""
    fields: Mapping[str, Any] = content if isinstance(content, dict) else {}
    version = fields.get("schema_version")
    if fields.get("format") != FORMAT:
        if version == 1:
            raise InputError(
                f"{name} has schema_version 1, the form of the released RadFinder code, which holds too little to go on with. "
                f"Ask the same sentences by 'ct-grounding batch'; the dock Localization errors can show the file."
            )
        raise InputError(f"{name} is not a file of localization results: its format is not {FORMAT!r}.")
    if type(version) is not int or version != SCHEMA_VERSION:
        raise InputError(
            f"{name} has schema_version {version!r}; this program reads {SCHEMA_VERSION}. "
            "Update the program, or make the file again."
        )


def _row(record: JsonObject) -> LocalizationRow:
    case = LocalizationCase(
        case=record.text("case"),
        scan=record.text("scan"),
        sentence=record.text("sentence"),
        series=record.optional_text("series"),
        frame=record.optional_whole("frame"),
        category=record.optional_text("category"),
        truth=_truth(record.nested("truth")) if "truth" in record else None,
    )
    fingerprint = record.optional_text("volume_fingerprint")
    if record.choice("status", STATUSES) == "failed":
        return LocalizationRow(case, message=record.text("message"), volume_fingerprint=fingerprint)
    if case.truth is not None and case.truth.z_lo_mm is None:
        record.tell("is done, but the position of its truth is not known")
        case = replace(case, truth=None)
    return LocalizationRow(
        case,
        prediction=grounding_result_from(record.nested("prediction")),
        volume_fingerprint=fingerprint,
    )


def _truth(record: JsonObject) -> Truth:
    truth = Truth(
        record.optional_number("z_lo_mm"), record.optional_number("z_hi_mm"), record.optional_whole("image_number")
    )
    if (truth.z_lo_mm is None) != (truth.z_hi_mm is None):
        record.tell("one end of the range is missing")
    elif truth.z_lo_mm is None and truth.image_number is None:
        record.tell("neither a range nor an image number is given")
    elif truth.z_lo_mm is not None and truth.z_hi_mm is not None and truth.z_lo_mm > truth.z_hi_mm:
        record.tell(f"z_lo_mm {truth.z_lo_mm:g} lies above z_hi_mm {truth.z_hi_mm:g}")
    return truth
