"""INSPECT: 23,248 CT pulmonary angiograms with impressions.

::

    full/CTPA/PE452ad7d.nii.gz
    labels_20250611.tsv  impressions_20250611.tsv  study_mapping_20250611.tsv  splits_20250611.tsv     tab-separated, dated

Impressions are known by `impression_id`; `study_mapping` leads from there to the image and the person. There are no findings.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from napari_ct_grounding.core.errors import InputError
from train.data.datasets.scans import Dataset, DatasetScan
from train.data.datasets.tables import find_table, label_of, read_table
from train.data.scan_records import ReportTexts

__all__ = ["Inspect"]

_SPLITS = {"train": "train", "val": "valid", "valid": "valid", "validation": "valid", "test": "test"}
_KEYS = ("impression_id", "image_id", "person_id")
#: Column of the labels that tells of what the image shows, and its name here; the others foretell the patient's future.
_EMBOLISM = ("pe_positive_nlp", "Pulmonary embolism")


class Inspect(Dataset):
    """INSPECT on disk; the folder that holds `full`, with the tables in it or below it."""

    name = "inspect"

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def scans(self) -> list[DatasetScan]:
        """See `Dataset.scans`; scans in no split are left out."""
        mapping = self._table("study_mapping", "impression_id", "image_id", "person_id")
        impressions = dict(zip(*_columns(self._table("impressions", "impression_id", "impressions")), strict=True))
        splits = self._keyed(self._table("splits"), "split")
        labels = self._keyed(self._table("labels"), _EMBOLISM[0])
        images = self.root / "full" / "CTPA"
        scans = []
        for row in mapping.to_dict("records"):
            path = images / f"{row['image_id']}.nii.gz"
            split = next((splits[row[key]] for key in _KEYS if row[key] in splits), "")
            if not path.is_file() or split.lower() not in _SPLITS:
                continue
            known = next((label_of(labels[row[key]]) for key in _KEYS if row[key] in labels), None)
            scans.append(
                DatasetScan(
                    scan_id=row["image_id"],
                    report_id=row["impression_id"],
                    patient_id=row["person_id"],
                    split=_SPLITS[split.lower()],
                    path=path,
                    texts=ReportTexts(impressions=impressions.get(row["impression_id"], "")),
                    labels={} if known is None else {_EMBOLISM[1]: known},
                )
            )
        if not scans:
            raise InputError(f"None of the {len(mapping)} images of study_mapping lies in {self.root.name}/full/CTPA.")
        return scans

    def _table(self, name: str, *columns: str) -> pd.DataFrame:
        return read_table(
            find_table(self.root, f"{name}*.tsv", f"*/{name}*.tsv", f"{name}*.csv", f"*/{name}*.csv"), columns
        )

    @staticmethod
    def _keyed(table: pd.DataFrame, column: str) -> dict[str, str]:
        """Return a column by the first of the keys that the table has; nothing where it has none of either."""
        key = next((key for key in _KEYS if key in table.columns), None)
        if key is None or column not in table.columns:
            return {}
        return dict(zip(table[key], table[column], strict=True))


def _columns(table: pd.DataFrame) -> tuple[list[str], list[str]]:
    return list(table["impression_id"]), list(table["impressions"])
