"""A walk as a file: JSON that can be read back into the very same results, without weights and without the scan.

``format`` is "ct-grounding walk", ``schema_version`` 1. Findings and slices stand on a line each. Fields that a later version
adds are left aside by an older reader; what changes a meaning gets a new version, which an older reader refuses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from napari_ct_grounding.core.errors import GeometryError, InputError
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.json_object import JsonObject, raise_problems
from napari_ct_grounding.core.provenance import Program
from napari_ct_grounding.core.results import DiseaseScore, grounding_result_from, to_jsonable
from napari_ct_grounding.core.volume import SliceRecord
from napari_ct_grounding.export.walk import Finding, Patient, ReferenceMark, ScanFacts, Walk
from napari_ct_grounding.export.whole_file import whole_file

__all__ = ["FORMAT", "SCHEMA_VERSION", "read_walk", "walk_json", "write_walk"]

FORMAT = "ct-grounding walk"
SCHEMA_VERSION = 1
_REMEDY = "Make it again (Take away, or ct-grounding report)."


def write_walk(path: Path, walk: Walk) -> None:
    """Write the walk as it is; what shall not leave is taken out before (`Walk.without_identity`)."""
    with whole_file(path) as partial:
        partial.write_text(walk_json(walk), encoding="utf-8", newline="\n")


def walk_json(walk: Walk) -> str:
    """Return the file's text."""
    scan = walk.scan
    head = {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        "program": to_jsonable(walk.program),
        "created": walk.created,
        "is_for_research_only": True,
        "weights": {"name": walk.weights_name, "fingerprint": walk.weights_fingerprint},
        "coverage": walk.coverage,
        "precision": walk.precision,
        "patient": to_jsonable(walk.patient),
        "scan": {
            "name": scan.name,
            "fingerprint": scan.fingerprint,
            "shape": list(scan.geometry.shape),
            "affine": scan.geometry.affine.ravel().tolist(),
            "notes": list(scan.notes),
        },
        "diseases": to_jsonable(walk.diseases),
    }
    text = json.dumps(head, indent=1, ensure_ascii=False, allow_nan=False)[:-2]
    return f"{text},\n{_lines('slice_table', scan.slice_table)},\n{_lines('findings', walk.findings)}\n}}\n"


def read_walk(path: Path) -> Walk:
    """Return the walk that a file holds.

    Raises
    ------
    InputError
        When it is no such file, of a later version, or damaged; with all that is wrong in one message.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path.name} cannot be read ({error.strerror}).") from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{path.name} is not valid JSON; it may have been cut short. {_REMEDY}") from error
    _check_version(content, path.name)
    problems: list[str] = []
    file = JsonObject(content, "the file", problems)
    weights, program = file.nested("weights"), file.nested("program")
    scan = _scan(file)
    walk = Walk(
        scan=scan,
        weights_name=weights.text("name"),
        weights_fingerprint=weights.text("fingerprint"),
        coverage=file.text("coverage"),
        precision=file.text("precision"),
        findings=tuple(_finding(record, len(scan.slice_table)) for record in file.objects("findings", "finding")),
        diseases=tuple(_disease(record) for record in file.objects("diseases", "disease")),
        patient=_patient(file.nested("patient")) if "patient" in file else None,
        created=file.text("created"),
        program=Program(program.text("name"), program.text("version"), program.optional_text("commit")),
    )
    raise_problems(problems, path.name, _REMEDY)
    return walk


def _lines(name: str, items: tuple[Any, ...]) -> str:
    lines = ",\n".join(json.dumps(to_jsonable(item), ensure_ascii=False, allow_nan=False) for item in items)
    return f' "{name}": [\n{lines}\n ]'


def _check_version(content: Any, name: str) -> None:
    """Tell a file of another kind, or of another version, before its fields are looked at."""
    fields: Mapping[str, Any] = content if isinstance(content, dict) else {}
    if fields.get("format") != FORMAT:
        raise InputError(
            f"{name} is not a walk: its format is not {FORMAT!r}. Choose a file that Take away wrote as JSON."
        )
    version = fields.get("schema_version")
    if type(version) is not int or version < 1:
        raise InputError(f"{name} has schema_version {version!r}, which is no version of a walk. {_REMEDY}")
    if version > SCHEMA_VERSION:
        raise InputError(
            f"{name} has schema_version {version}; this program reads versions up to {SCHEMA_VERSION}. Update the program."
        )


def _scan(file: JsonObject) -> ScanFacts:
    record = file.nested("scan")
    affine, shape = record.numbers("affine"), record.numbers("shape")
    geometry = VolumeGeometry(np.eye(4), (1, 1, 1))
    if affine.size != 16 or shape.size != 3:
        record.tell(f"affine has {affine.size} numbers and shape {shape.size}; they must be 16 and 3")
    else:
        try:
            geometry = VolumeGeometry(affine.reshape(4, 4), tuple(shape.astype(int).tolist()))
        except GeometryError as error:
            record.tell(str(error))
    table = tuple(_slice(item) for item in file.objects("slice_table", "slice"))
    if len(table) != geometry.shape[0]:
        record.tell(f"has {geometry.shape[0]} slices, but slice_table holds {len(table)}")
    notes = record.raw("notes")
    if not (isinstance(notes, list) and all(isinstance(note, str) for note in notes)):
        record.tell("notes must be a list of texts")
        notes = []
    return ScanFacts(record.text("name"), record.text("fingerprint"), geometry, table, tuple(notes))


def _slice(record: JsonObject) -> SliceRecord:
    return SliceRecord(
        record.whole("file_index"),
        record.optional_whole("image_number"),
        record.optional_whole("series_number"),
        record.optional_text("sop_instance_uid"),
    )


def _finding(record: JsonObject, num_slices: int) -> Finding:
    result = grounding_result_from(record.nested("result")) if "result" in record else None
    if result is not None and not 0 <= result.slice_index < num_slices:
        record.tell(f"slice_index is {result.slice_index}, but the scan has slices 0 to {num_slices - 1}")
    return Finding(
        sentence=record.text("sentence"),
        result=result,
        message=record.optional_text("message"),
        section=record.optional_text("section"),
        is_negated=record.flag("is_negated"),
        is_normal=record.flag("is_normal"),
        is_uncertain=record.flag("is_uncertain"),
        is_prior=record.flag("is_prior"),
        is_localizable=record.flag("is_localizable"),
        references=tuple(_reference(item) for item in record.objects("references", "reference")),
    )


def _reference(record: JsonObject) -> ReferenceMark:
    return ReferenceMark(
        record.text("text"),
        record.optional_number("z_mm"),
        record.optional_number("difference_mm"),
        record.optional_text("reason"),
    )


def _disease(record: JsonObject) -> DiseaseScore:
    return DiseaseScore(
        record.text("name"),
        record.number("score"),
        record.optional_number("probability"),
        record.optional_number("percentile"),
    )


def _patient(record: JsonObject) -> Patient:
    return Patient(record.text("name"), record.text("patient_id"), record.text("birth_date"))
