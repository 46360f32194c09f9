"""A file of evaluation figures: how well weights do one task on one set of scans.

JSON with ``format`` "ct-grounding evaluation" and ``schema_version`` 1; `python -m train evaluate --out` writes one for each task
and data set. Figures are a flat list, so that a later version can add some without a new schema; fields that a later version adds
are left aside by an older reader. Answers to single sentences stand in files of their own (`core.localization_results`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.json_object import JsonObject, raise_problems
from napari_ct_grounding.core.provenance import Program, this_program
from napari_ct_grounding.core.results import to_jsonable

__all__ = ["TASKS", "EvaluationResults", "Figure", "read_evaluation_results"]

FORMAT = "ct-grounding evaluation"
SCHEMA_VERSION = 1

TASKS = (
    "localization",
    "interval",
    "location",
    "disease",
    "pairs",
    "report_retrieval",
    "pool_retrieval",
    "volume_retrieval",
)


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Parameters
    ----------
    name : str
        What is measured: "recall_at_10", "mean_mm", "auroc".
    value : float or None
        None where it is not defined (a disease that all or no scans have).
    low, high : float or None
        Ends of the 95 % interval; None where none was computed.
    group : str
        Which part of the data: "all", "findings", the name of a disease or of a pool.
    answer : str
        Who answered: "model", a baseline ("random", "middle", "category_prior"), or who knows the truth ("oracle").
    """

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    group: str = "all"
    answer: str = "model"


@dataclass(frozen=True, eq=False)
class EvaluationResults:
    """The figures of one task.

    Parameters
    ----------
    task : str
        One of `TASKS`.
    dataset : str
        "phantoms", "ct-rate", the name of a list of sentences. Never a patient's.
    weights_name, weights_fingerprint : str
    figures : tuple of Figure
    counts : dict
        How many scans, sentences, ... took part, by name; of a group as "scans, GROUP".
    left_out : tuple of str
        Groups whose figures are not defined and do not enter the means.
    created : str
        ISO 8601, UTC.
    program : Program
    """

    task: str
    dataset: str
    weights_name: str
    weights_fingerprint: str
    figures: tuple[Figure, ...]
    counts: Mapping[str, int] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    program: Program = field(default_factory=this_program)

    @property
    def file_name(self) -> str:
        """Name of the file among those of other tasks and data sets."""
        plain = "".join(c if c.isalnum() or c in "-_" else "-" for c in self.dataset)
        return f"{self.task}_{plain}.json"

    def figure(self, name: str, group: str = "all", answer: str = "model") -> Figure | None:
        """Return a figure by its name, or None."""
        wanted = (name, group, answer)
        return next((f for f in self.figures if (f.name, f.group, f.answer) == wanted), None)

    def to_json(self) -> str:
        """Return the file's text; each figure stands on a line."""
        head = {
            "format": FORMAT,
            "schema_version": SCHEMA_VERSION,
            "task": self.task,
            "dataset": self.dataset,
            "program": to_jsonable(self.program),
            "created": self.created,
            "weights": {"name": self.weights_name, "fingerprint": self.weights_fingerprint},
            "counts": dict(self.counts),
            "left_out": list(self.left_out),
        }
        lines = ",\n".join(json.dumps(to_jsonable(figure), ensure_ascii=False) for figure in self.figures)
        return f'{json.dumps(head, indent=1, ensure_ascii=False)[:-2]},\n "figures": [\n{lines}\n]}}\n'

    def write(self, folder: Path) -> Path:
        """Write the file into `folder` and return its path; a run that is killed meanwhile leaves the old one whole.

        Raises
        ------
        InputError
            When the place cannot be written to.
        """
        path = Path(folder) / self.file_name
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        try:
            partial.write_text(self.to_json(), encoding="utf-8", newline="\n")
            os.replace(partial, path)
        except OSError as error:
            raise InputError(f"{path.name} cannot be written ({error.strerror}). Choose another place.") from error
        return path


def read_evaluation_results(path: Path) -> EvaluationResults:
    """Return what a file of evaluation figures holds.

    Raises
    ------
    InputError
        When it is no such file, of a later version, or damaged; with all that is wrong in one message.
    """
    path = Path(path)
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path.name} cannot be read ({error.strerror}).") from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{path.name} is not valid JSON. Choose a file that evaluate wrote.") from error
    fields: Mapping[str, Any] = content if isinstance(content, dict) else {}
    if fields.get("format") != FORMAT:
        raise InputError(f"{path.name} is not a file of evaluation figures: its format is not {FORMAT!r}.")
    if fields.get("schema_version") != SCHEMA_VERSION:
        raise InputError(
            f"{path.name} has schema_version {fields.get('schema_version')!r}; this program reads {SCHEMA_VERSION}. Update the "
            "program, or make the file again."
        )
    problems: list[str] = []
    file = JsonObject(content, "the file", problems)
    weights, program = file.nested("weights"), file.nested("program")
    counts = fields.get("counts", {})
    if not (isinstance(counts, dict) and all(type(count) is int for count in counts.values())):
        file.tell("counts must be an object of whole numbers")
        counts = {}
    results = EvaluationResults(
        task=file.choice("task", TASKS),
        dataset=file.text("dataset"),
        weights_name=weights.text("name"),
        weights_fingerprint=weights.text("fingerprint"),
        figures=tuple(_figure(record) for record in file.objects("figures", "figure")),
        counts=counts,
        left_out=_texts(fields.get("left_out", []), file),
        created=file.text("created"),
        program=Program(program.text("name"), program.text("version"), program.optional_text("commit")),
    )
    raise_problems(problems, path.name, "Make it again.")
    return results


def _figure(record: JsonObject) -> Figure:
    figure = Figure(
        name=record.text("name"),
        value=record.optional_number("value"),
        low=record.optional_number("low"),
        high=record.optional_number("high"),
        group=record.text("group"),
        answer=record.text("answer"),
    )
    if (figure.low is None) != (figure.high is None):
        record.tell("one end of the interval is missing")
    return figure


def _texts(value: Any, file: JsonObject) -> tuple[str, ...]:
    if isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(text, str) for text in value):
        return tuple(value)
    file.tell("left_out must be a list of texts")
    return ()
