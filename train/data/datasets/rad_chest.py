"""Rad-ChestCT (Zenodo, 3,630 chest CT): voxels and labels, no reports.

::

    npz/{trn,val,tst}00001.npz                                         key "ct", (z, y, x) int16 HU, 0.8 mm
    img{train,valid,test}_Abnormality_and_Location_Labels.csv          NoteAcc_DEID, "abnormality*location" ...

Array axes run to Inferior, Posterior and Left. The files know no place in the world: the volume's centre is its origin.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES
from napari_ct_grounding.core.errors import InputError, VolumeError
from napari_ct_grounding.core.geometry import canonicalise
from napari_ct_grounding.core.volume import CTVolume, SliceRecord, check_hounsfield
from train.data.datasets.scans import Dataset, DatasetScan, ReadScan
from train.data.datasets.tables import read_table
from train.metrics.rad_chest import ct_rate_labels

__all__ = ["RadChestCT"]

SPACING_MM = 0.8
_SPLITS = {"trn": ("train", "imgtrain"), "val": ("valid", "imgvalid"), "tst": ("test", "imgtest")}


class RadChestCT(Dataset):
    """Rad-ChestCT on disk; the folder that holds `npz` and the tables.

    Parameters
    ----------
    root : Path
    mapping : {"standard", "extended"}
        From its abnormalities to the 18 classes of CT-RATE.
    """

    name = "rad-chestct"

    def __init__(self, root: Path, *, mapping: str = "standard") -> None:
        self.root = Path(root)
        self._mapping = mapping

    def scans(self) -> list[DatasetScan]:
        """See `Dataset.scans`."""
        scans = []
        for prefix, (split, table) in _SPLITS.items():
            files = sorted((self.root / "npz").glob(f"{prefix}*.npz"))
            if not files:
                continue
            rows = read_table(self.root / f"{table}_Abnormality_and_Location_Labels.csv", ["NoteAcc_DEID"])
            columns = [column for column in rows.columns if "*" in column]
            values = (rows[columns].apply(lambda column: column.isin(("1", "1.0")))).to_numpy().astype(int)
            labels = dict(zip(rows["NoteAcc_DEID"], ct_rate_labels(columns, values, self._mapping), strict=True))
            for path in files:
                known = labels.get(path.stem, [])
                scans.append(
                    DatasetScan(
                        scan_id=path.stem,
                        report_id=path.stem,
                        patient_id=path.stem,
                        split=split,
                        path=path,
                        labels={
                            name: int(value) for name, value in zip(CT_RATE_DISEASES, known, strict=False) if value >= 0
                        },
                    )
                )
        if not scans:
            raise InputError(f"There is no scan in {self.root.name}/npz; files are called trn00001.npz and so on.")
        return scans

    def read(self, scan: DatasetScan) -> ReadScan:
        """See `Dataset.read`; HU are clipped to -1000 to 1000, as released."""
        try:
            with np.load(scan.path) as content:
                stored = np.clip(content["ct"], -1000, 1000).astype(np.int16)
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise VolumeError(f"{scan.path.name} cannot be read ({error}). Download it again.") from error
        if stored.ndim != 3:
            raise VolumeError(f"{scan.path.name} has {stored.ndim} axes; a scan has three (z, y, x).")
        affine = np.diag([-SPACING_MM, -SPACING_MM, -SPACING_MM, 1.0])
        affine[:3, 3] = (np.array(stored.shape[::-1]) - 1) * SPACING_MM / 2
        how = canonicalise(affine, stored.shape[::-1])
        table = tuple(SliceRecord(how.stored_slice_of(index)) for index in range(how.geometry.shape[0]))
        volume = CTVolume(how.apply(stored.transpose()), how.geometry, table, scan.scan_id, stored_affine=affine)
        check_hounsfield(volume.hu)
        return ReadScan(volume)
