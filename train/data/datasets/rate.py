"""What a language model made of reports (the RATE tables): labels, findings by organ, reports without comparisons.

::

    no_comparisons_findings_PART_SPLIT.csv      report_id, no_comparison_findings
    no_comparisons_impressions_PART_SPLIT.csv   report_id, no_comparison_impressions
    category_findings_PART_SPLIT.csv            report_id, category, findings
    questions_PART_SPLIT.csv                    report_id, category, question, answer

A table that is not there is not missed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from napari_ct_grounding.core.errors import InputError
from train.data.datasets.scans import Dataset, DatasetScan, ReadScan
from train.data.datasets.tables import read_table

__all__ = ["WithRate", "answer_label"]

_NOTHING_FOUND = "no relevant findings"


class WithRate(Dataset):
    """A data set whose scans carry, besides their own, what the RATE tables say of their reports.

    Parameters
    ----------
    dataset : Dataset
    folder : Path
        Of the tables.
    counts_unclear_as_no : bool
        As released: what is neither yes nor no is a no. Otherwise it is unknown.

    Raises
    ------
    InputError
        When the folder holds none of the tables.
    """

    def __init__(self, dataset: Dataset, folder: Path, *, counts_unclear_as_no: bool = False) -> None:
        self.name = dataset.name
        self._dataset = dataset
        self._folder = Path(folder)
        self._counts_unclear_as_no = counts_unclear_as_no

    @property
    def patients(self) -> str:
        """See `Dataset`."""
        return self._dataset.patients

    def scans(self) -> list[DatasetScan]:
        """See `Dataset.scans`."""
        findings = {row["report_id"]: row["no_comparison_findings"] for row in self._rows("no_comparisons_findings")}
        impressions = {
            row["report_id"]: row["no_comparison_impressions"] for row in self._rows("no_comparisons_impressions")
        }
        by_organ: dict[str, list[tuple[str, str]]] = {}
        for row in self._rows("category_findings"):
            if row["findings"] and row["findings"].strip(" .").lower() != _NOTHING_FOUND:
                by_organ.setdefault(row["report_id"], []).append((row["category"], row["findings"]))
        labels: dict[str, dict[str, int]] = {}
        for row in self._rows("questions"):
            label = answer_label(row["answer"], self._counts_unclear_as_no)
            if label is not None:
                labels.setdefault(row["report_id"], {})[row["question"]] = label
        if not (findings or impressions or by_organ or labels):
            raise InputError(
                f"There are no RATE tables in {self._folder.name!r}; their names begin with 'questions_' and so on."
            )

        def told(scan: DatasetScan) -> DatasetScan:
            names = (scan.report_id, scan.scan_id, f"{scan.scan_id}.nii.gz")
            texts = replace(
                scan.texts,
                findings_by_organ=next((tuple(by_organ[name]) for name in names if name in by_organ), ()),
                findings_without_comparison=next((findings[name] for name in names if name in findings), ""),
                impressions_without_comparison=next((impressions[name] for name in names if name in impressions), ""),
            )
            answers = next((labels[name] for name in names if name in labels), {})
            return replace(scan, texts=texts, labels={**answers, **scan.labels})

        return [told(scan) for scan in self._dataset.scans()]

    def read(self, scan: DatasetScan) -> ReadScan:
        """See `Dataset.read`."""
        return self._dataset.read(scan)

    def _rows(self, kind: str) -> Iterator[dict[str, str]]:
        columns = {
            "no_comparisons_findings": ("no_comparison_findings",),
            "no_comparisons_impressions": ("no_comparison_impressions",),
            "category_findings": ("category", "findings"),
            "questions": ("question", "answer"),
        }[kind]
        for path in sorted(self._folder.glob(f"{kind}_*.csv")):
            for row in read_table(path, ["report_id", *columns]).to_dict("records"):
                yield {str(key): value for key, value in row.items()}


def answer_label(answer: str, counts_unclear_as_no: bool = False) -> int | None:
    """Return 1 for yes, 0 for no; None for what is neither (0, if that counts as no)."""
    word = answer.strip(" .\n").lower()
    if word == "yes":
        return 1
    return 0 if word == "no" or counts_unclear_as_no else None
