"""Merlin: 25,494 abdominal CT with reports.

::

    merlin_data/STUDY.nii.gz
    reports_final.xlsx        study id, Findings (findings and impression in one), Split
"""

from __future__ import annotations

from pathlib import Path

from napari_ct_grounding.core.errors import InputError
from train.data.datasets.report_parts import findings_and_impression
from train.data.datasets.scans import Dataset, DatasetScan
from train.data.datasets.tables import read_table
from train.data.scan_records import ReportTexts

__all__ = ["Merlin"]

_SPLITS = {"train": "train", "val": "valid", "valid": "valid", "validation": "valid", "test": "test"}


class Merlin(Dataset):
    """Merlin on disk; the folder that holds `merlin_data`. A study is a patient of its own, since nothing else is known."""

    name = "merlin"

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def scans(self) -> list[DatasetScan]:
        """See `Dataset.scans`."""
        table = read_table(self.root / "reports_final.xlsx", ["study id", "Findings", "Split"])
        scans = []
        for row in table.to_dict("records"):
            path = self.root / "merlin_data" / f"{row['study id']}.nii.gz"
            if not path.is_file():
                continue
            if row["Split"].lower() not in _SPLITS:
                raise InputError(f"reports_final.xlsx has the split {row['Split']!r}; it must be train, val or test.")
            scans.append(
                DatasetScan(
                    scan_id=row["study id"],
                    report_id=row["study id"],
                    patient_id=row["study id"],
                    split=_SPLITS[row["Split"].lower()],
                    path=path,
                    texts=ReportTexts(*findings_and_impression(row["Findings"])),
                )
            )
        if not scans:
            raise InputError(
                f"None of the {len(table)} studies of reports_final.xlsx lies in {self.root.name}/merlin_data."
            )
        return scans
