"""Tags and notes of a researcher, kept in a file beside the results: what `<results>.notes.json` holds, read and written.

A note belongs to a question (case, scan, series, frame, sentence), not to a line: results that are made anew keep their notes.
What is written is merged with what the file holds by then, so that two viewers with the same results do not undo each other.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_ct_grounding.core.error_rows import ErrorRow
from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.json_object import JsonObject, raise_problems
from napari_ct_grounding.core.localization_results import read_json
from napari_ct_grounding.core.whole_file import write_whole

__all__ = ["TAGS", "CaseNote", "NoteKey", "note_keys", "notes_path", "read_notes", "save_notes"]

FORMAT = "ct-grounding localization notes"
SCHEMA_VERSION = 1

#: Offered for every row; a researcher may type others. Keys 1 to 5 set them, 0 takes a tag away.
TAGS = ("model error", "truth is wrong", "ambiguous sentence", "poor scan", "fine")

#: (case, scan, series, frame, sentence, how many rows before it ask the same)
NoteKey = tuple[str, str, str | None, int | None, str, int]


@dataclass(frozen=True)
class CaseNote:
    """What a researcher says about a row; both empty for rows that nothing was said about."""

    tag: str = ""
    text: str = ""


def notes_path(results: Path) -> Path:
    """Return where the notes of a results file are kept."""
    return results.with_name(f"{results.name}.notes.json")


def note_keys(rows: Sequence[ErrorRow]) -> list[NoteKey]:
    """Return the key of each row."""
    seen: Counter[tuple[Any, ...]] = Counter()
    keys: list[NoteKey] = []
    for row in rows:
        case = row.case
        question = (case.case, case.scan, case.series, case.frame, case.sentence)
        keys.append((*question, seen[question]))
        seen[question] += 1
    return keys


def read_notes(path: Path) -> dict[NoteKey, CaseNote]:
    """Return the notes of a file; none where there is no file.

    Raises
    ------
    InputError
        When it cannot be read, is damaged, or of another version.
    """
    if not path.exists():
        return {}
    content = read_json(path)
    fields: Mapping[str, Any] = content if isinstance(content, dict) else {}
    if fields.get("format") != FORMAT or fields.get("schema_version") != SCHEMA_VERSION:
        raise InputError(
            f"{path.name} is not a file of notes that this program knows (format {FORMAT!r}, schema_version {SCHEMA_VERSION}). "
            "Rename it to begin new notes, or update the program."
        )
    problems: list[str] = []
    notes = dict(_note(record) for record in JsonObject(content, "the file", problems).objects("notes", "note"))
    raise_problems(problems, path.name, "Mend it, or rename it to begin new notes.")
    return notes


def save_notes(path: Path, changed: Mapping[NoteKey, CaseNote]) -> None:
    """Bring changed notes into the file, whole or not at all; empty ones are taken out.

    Raises
    ------
    InputError
        When the folder cannot be written to, or the file there is none of ours.
    """
    notes = {key: note for key, note in (read_notes(path) | dict(changed)).items() if note != CaseNote()}
    names = ("case", "scan", "series", "frame", "sentence", "repeat")
    records = [dict(zip(names, key, strict=True)) | {"tag": note.tag, "note": note.text} for key, note in notes.items()]
    lines = ",\n".join(json.dumps(record, ensure_ascii=False) for record in records)
    text = f'{{"format": "{FORMAT}", "schema_version": {SCHEMA_VERSION}, "notes": [\n{lines}\n]}}\n'
    try:
        write_whole(path, text)
    except OSError as error:
        raise InputError(
            f"The notes cannot be saved beside the results ({path.name}: {error.strerror}). Move the results to a folder that "
            "can be written to; until then notes last as long as this window, and go into every CSV."
        ) from error


def _note(record: JsonObject) -> tuple[NoteKey, CaseNote]:
    key = (
        record.text("case"),
        record.text("scan"),
        record.optional_text("series"),
        record.optional_whole("frame"),
        record.text("sentence"),
        record.whole("repeat"),
    )
    return key, CaseNote(record.text("tag"), record.text("note"))
