"""CT-RATE (hub ibrahimhamamci/CT-RATE, gated, CC BY-NC-SA): chest CT with reports and 18 labels.

::

    dataset/{train,valid}[_fixed]/train_1/train_1_a/train_1_a_1.nii.gz      patient 1, scan a, reconstruction 1
    dataset/radiology_text_reports/{train,validation}_reports.csv
    dataset/multi_abnormality_labels/{train,valid}_predicted_labels.csv
    dataset/metadata/{train,validation}_metadata.csv, no_chest_{train,valid}.txt

Files in folders that end in `_fixed` hold Hounsfield units. All others hold stored values whose slope, intercept and spacing
stand in the metadata alone; to apply them to a fixed file shifts it by 1000 HU or more, the classic fault. A file whose values
contradict its folder is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES
from napari_ct_grounding.core.errors import InputError, NotHounsfieldError
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.volume import CTVolume, check_hounsfield, compact_hu
from napari_ct_grounding.readers.formats.volume_files import read_volume_file
from train.data.datasets.scans import Dataset, DatasetScan, ReadScan
from train.data.datasets.tables import label_of, read_table
from train.data.scan_records import ReportTexts

__all__ = ["BROKEN", "CTRate", "body_share", "is_fixed", "volume_id"]

#: Volumes that cannot be used, as the release leaves them out.
BROKEN = frozenset(
    f"train_{scan}_{number}"
    for scan, numbers in (("1267_a", (4,)), ("3821_a", (5,)), ("11755_a", (2, 3, 4)), ("9792_a", (1, 2, 3, 4)))
    for number in numbers
)
SPLITS = ("train", "valid")
_VOLUME = re.compile(r"(train|valid)_(\d+)_([a-z]+)_(\d+)")
_FOLDER_OF_TABLES = {"train": "train", "valid": "validation"}


def volume_id(name: str) -> str:
    """Return ``valid_1_a_2`` of any way in which the tables and files write that volume."""
    return Path(name.strip()).name.partition(".")[0].replace("validation_", "valid_")


def is_fixed(path: Path) -> bool:
    """Whether a file lies in a folder whose files hold Hounsfield units."""
    return any(part.endswith("_fixed") for part in path.parts)


class CTRate(Dataset):
    """CT-RATE on disk.

    Parameters
    ----------
    root : Path
        Folder that holds `dataset/`, or that folder.
    keeps_no_chest : bool
        Whether to keep scans that the data set lists as showing no chest though their reports are those of chest CT. They are
        left out of "train" otherwise; elsewhere they stay, marked "no_chest", since published pools differ in them.

    Notes
    -----
    A volume that is there in both forms is taken from the fixed one. Reports repeat for every reconstruction of a scan:
    `report_id` is the scan.
    """

    name = "ct-rate"

    def __init__(self, root: Path, *, keeps_no_chest: bool = False) -> None:
        root = Path(root)
        self.root = root / "dataset" if (root / "dataset").is_dir() else root
        self._keeps_no_chest = keeps_no_chest
        self._metadata: dict[str, Mapping[str, str]] | None = None

    def scans(self) -> list[DatasetScan]:
        """Return all volumes but the broken ones; see `Dataset.scans`."""
        scans = [scan for split in SPLITS for scan in self._scans_of(split)]
        if not scans:
            raise InputError(
                f"There is no volume in {self.root.name!r}. Name the folder above 'dataset'; CT-RATE lies in "
                "dataset/train_fixed/train_1/train_1_a/train_1_a_1.nii.gz and so on."
            )
        return scans

    def read(self, scan: DatasetScan) -> ReadScan:
        """See `Dataset.read`; a file that is not a fixed one is rescaled and placed by the metadata."""
        volume = read_volume_file(scan.path)
        if not is_fixed(scan.path):
            volume = _with_metadata(volume, self._metadata_of(scan.scan_id))
        check_hounsfield(volume.hu)
        return ReadScan(volume)

    def _scans_of(self, split: str) -> list[DatasetScan]:
        files: dict[str, Path] = {}
        for folder in (f"{split}_fixed", split):
            for path in sorted((self.root / folder).glob("*/*/*.nii.gz")):
                files.setdefault(volume_id(path.name), path)
        files = {name: path for name, path in files.items() if name not in BROKEN and _VOLUME.fullmatch(name)}
        if not files:
            return []
        reports = self._by_volume(
            f"radiology_text_reports/{_FOLDER_OF_TABLES[split]}_reports.csv", "Findings_EN", "Impressions_EN"
        )
        labels = self._by_volume(f"multi_abnormality_labels/{split}_predicted_labels.csv", *CT_RATE_DISEASES)
        spacings = self._by_volume(f"metadata/{_FOLDER_OF_TABLES[split]}_metadata.csv", "XYSpacing")
        no_chest = self._no_chest(split)
        scans = []
        for name in sorted(files, key=_in_order):
            _, patient, letter, _ = _VOLUME.fullmatch(name).groups()  # type: ignore[union-attr]
            report_id = f"{split}_{patient}_{letter}"
            shows_no_chest = bool({name, report_id} & no_chest)
            if shows_no_chest and split == "train" and not self._keeps_no_chest:
                continue
            report, label = reports.get(name, {}), labels.get(name, {})
            facts: dict[str, object] = {"no_chest": True} if shows_no_chest else {}
            if spacing := spacings.get(name, {}).get("XYSpacing"):
                facts["xy_spacing_mm"] = _numbers(spacing)[0]
            scans.append(
                DatasetScan(
                    scan_id=name,
                    report_id=report_id,
                    patient_id=f"{split}_{patient}",
                    split=split,
                    path=files[name],
                    texts=ReportTexts(report.get("Findings_EN", ""), report.get("Impressions_EN", "")),
                    labels={
                        disease: known
                        for disease in CT_RATE_DISEASES
                        if (known := label_of(label.get(disease, ""))) is not None
                    },
                    facts=facts,
                )
            )
        return scans

    def _by_volume(self, table: str, *columns: str) -> dict[str, dict[str, str]]:
        """Return the rows of a table by their volume; nothing where there is no such table."""
        path = self.root / table
        if not path.is_file():
            return {}
        rows = read_table(path, ["VolumeName", *columns])
        return {volume_id(row["VolumeName"]): row for row in rows.to_dict("records")}

    def _no_chest(self, split: str) -> set[str]:
        path = self.root / "metadata" / f"no_chest_{split}.txt"
        return {volume_id(line) for line in path.read_text().splitlines() if line.strip()} if path.is_file() else set()

    def _metadata_of(self, name: str) -> Mapping[str, str]:
        if self._metadata is None:
            columns = ("RescaleSlope", "RescaleIntercept", "XYSpacing", "ZSpacing")
            self._metadata = {}
            for split in SPLITS:
                self._metadata |= self._by_volume(f"metadata/{_FOLDER_OF_TABLES[split]}_metadata.csv", *columns)
        if name not in self._metadata:
            raise InputError(
                f"The volume {name} does not lie in a folder of fixed files, and the metadata tables do not know it, so "
                "its Hounsfield units are unknown. Download the fixed file, or dataset/metadata."
            )
        return self._metadata[name]


def body_share(values: NDArray) -> float:
    """Share of voxels, 0 to 1, that look like air (-1100 to -850 HU) or soft tissue (-150 to 150); 0 without either."""
    sample = values[:: max(1, len(values) // 32), ::4, ::4]
    is_air, is_soft = (sample > -1100) & (sample < -850), (sample > -150) & (sample < 150)
    return float((is_air | is_soft).mean()) if is_air.any() and is_soft.any() else 0.0


def _with_metadata(volume: CTVolume, metadata: Mapping[str, str]) -> CTVolume:
    """Turn stored values into HU and give the grid its spacing.

    Raises
    ------
    NotHounsfieldError
        When the values look like Hounsfield units already.
    """
    slope, intercept = float(metadata["RescaleSlope"]), float(metadata["RescaleIntercept"])
    rescaled = compact_hu(volume.hu.astype(np.float32) * np.float32(slope) + np.float32(intercept))
    if (slope, intercept) != (1.0, 0.0) and body_share(volume.hu) > body_share(rescaled):
        raise NotHounsfieldError(
            f"{volume.name} lies among files with stored values, but its values look like Hounsfield units already; slope "
            f"{slope:g} and intercept {intercept:g} of the metadata would be applied twice. Move it to the folder of fixed files."
        )
    column_mm, row_mm = (*_numbers(metadata["XYSpacing"]), *_numbers(metadata["XYSpacing"]))[:2]
    spacing = np.array([column_mm, row_mm, float(metadata["ZSpacing"])])
    affine = volume.geometry.affine.copy()
    affine[:3, :3] *= spacing / np.linalg.norm(affine[:3, :3], axis=0)
    geometry = VolumeGeometry(affine, volume.geometry.shape)
    return CTVolume(rescaled, geometry, volume.slice_table, volume.name, volume.notes, volume.stored_affine)


def _numbers(cell: str) -> list[float]:
    """Numbers of a cell like "[0.68359375, 0.68359375]"."""
    return [float(number) for number in re.findall(r"[-+.\deE]+", cell)]


def _in_order(name: str) -> tuple[int, str, int]:
    _, patient, letter, reconstruction = _VOLUME.fullmatch(name).groups()  # type: ignore[union-attr]
    return int(patient), letter, int(reconstruction)
