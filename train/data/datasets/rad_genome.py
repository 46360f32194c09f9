"""RadGenome-ChestCT: scans of CT-RATE with their reports taken apart by region.

::

    {train,valid}_preprocessed/train_1/train_1a/train_1_a_1.nii.gz
    {train,validation}_region_report.csv       Volumename, Anatomy, Sentence
"""

from __future__ import annotations

from pathlib import Path

from napari_ct_grounding.core.errors import InputError
from train.data.datasets.ct_rate import BROKEN, CTRate, volume_id
from train.data.datasets.scans import Dataset, DatasetScan
from train.data.datasets.tables import find_table, read_table
from train.data.scan_records import ReportTexts

__all__ = ["RadGenome"]

_TABLES = {
    "train": ("train_region_report*.csv",),
    "valid": ("validation_region_report*.csv", "valid_region_report*.csv"),
}


class RadGenome(Dataset):
    """RadGenome-ChestCT on disk; the folder that holds `train_preprocessed`, with the tables in it or below it.

    Sentences without a region belong to the findings and to no organ.
    """

    name = "radgenome"

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    @property
    def patients(self) -> str:
        """See `Dataset`."""
        return CTRate.name

    def scans(self) -> list[DatasetScan]:
        """See `Dataset.scans`."""
        scans = []
        for split, patterns in _TABLES.items():
            files = {volume_id(path.name): path for path in (self.root / f"{split}_preprocessed").glob("*/*/*.nii.gz")}
            if not files:
                continue
            table = find_table(self.root, *patterns, *(f"*/{pattern}" for pattern in patterns))
            by_region: dict[str, dict[str, list[str]]] = {}
            for row in read_table(table, ["Volumename", "Anatomy", "Sentence"]).to_dict("records"):
                if row["Sentence"]:
                    regions = by_region.setdefault(volume_id(row["Volumename"]), {})
                    regions.setdefault(row["Anatomy"], []).append(row["Sentence"])
            for name in sorted(files.keys() - BROKEN):
                regions = by_region.get(name, {})
                report_id = name.rpartition("_")[0]
                scans.append(
                    DatasetScan(
                        scan_id=name,
                        report_id=report_id,
                        patient_id=report_id.rpartition("_")[0],
                        split=split,
                        path=files[name],
                        texts=ReportTexts(
                            findings=" ".join(sentence for sentences in regions.values() for sentence in sentences),
                            findings_by_organ=tuple(
                                (region, " ".join(told)) for region, told in regions.items() if region
                            ),
                        ),
                    )
                )
        if not scans:
            raise InputError(f"There is no volume in {self.root.name}/train_preprocessed nor valid_preprocessed.")
        return scans
