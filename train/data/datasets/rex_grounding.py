"""ReXGroundingCT (hub rajpurkarlab/ReXGroundingCT): masks of findings of CT-RATE, so an exact z-extent for each sentence.

::

    dataset.json                 {"train" | "val" | "test": [{"name": ..., "shape": ..., "findings": {"0": text, ...}}, ...]}
    segmentations/NAME.nii.gz    (finding, x, y, z), positive integers are instances

The CT are CT-RATE's. Masks of "train" show at most three instances of a finding, so what lies outside them is not known to be
free: train on extents, evaluate on "val".
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.errors import InputError, VolumeError
from napari_ct_grounding.core.volume import CTVolume
from train.data.datasets.ct_rate import CTRate, volume_id
from train.data.datasets.scans import Dataset, DatasetScan, InExtent, PlacedSentence, ReadScan

__all__ = ["LEAKING_PATIENTS", "ReXGroundingCT", "z_extents"]

#: Patients with scans in two splits.
LEAKING_PATIENTS = frozenset((1841, 2936, 302, 3357, 3675, 39, 13119, 13278, 13479, 13492, 13583))
_SPLITS = {"train": "train", "val": "valid", "test": "test"}


class ReXGroundingCT(Dataset):
    """ReXGroundingCT on disk.

    Parameters
    ----------
    root : Path
        Holds `dataset.json`.
    ct_rate : Path
        Where CT-RATE lies; of it, only the volumes named are needed.
    """

    name = "rexgroundingct"

    def __init__(self, root: Path, ct_rate: Path) -> None:
        self.root = Path(root)
        self._ct_rate = CTRate(ct_rate, keeps_no_chest=True)

    @property
    def patients(self) -> str:
        """See `Dataset`."""
        return CTRate.name

    def scans(self) -> list[DatasetScan]:
        """Return the scans of patients that lie in one split alone; see `Dataset.scans`."""
        path = self.root / "dataset.json"
        if not path.is_file():
            raise InputError(f"There is no dataset.json in {self.root.name!r}; it comes with ReXGroundingCT.")
        entries = json.loads(path.read_text(encoding="utf-8"))
        splits_of: dict[str, set[str]] = {}
        for split, items in entries.items():
            for item in items:
                splits_of.setdefault(_patient(volume_id(item["name"])), set()).add(split)
        volumes = {scan.scan_id: scan for scan in self._ct_rate.scans()}
        scans = []
        for split, items in entries.items():
            for item in items:
                name = volume_id(item["name"])
                patient = _patient(name)
                is_leaking = len(splits_of[patient]) > 1 or int(patient.rpartition("_")[2]) in LEAKING_PATIENTS
                if name not in volumes or is_leaking:
                    continue
                scan = volumes[name]
                facts = {**scan.facts, "findings": dict(item["findings"]), "is_partial": split == "train"}
                scans.append(
                    DatasetScan(
                        scan.scan_id,
                        scan.report_id,
                        scan.patient_id,
                        _SPLITS[split],
                        scan.path,
                        scan.texts,
                        scan.labels,
                        facts=facts,
                    )
                )
        if not scans:
            raise InputError("None of the volumes of dataset.json lies in the CT-RATE folder given.")
        return scans

    def read(self, scan: DatasetScan) -> ReadScan:
        """Return the volume with the findings that its masks show; see `Dataset.read`."""
        volume = self._ct_rate.read(scan).volume
        path = self.root / "segmentations" / f"{scan.scan_id}.nii.gz"
        if not path.is_file():
            raise VolumeError(f"There is no mask {path.name} in segmentations; download it with dataset.json.")
        image: Any = nibabel.load(path)
        masks = np.asanyarray(image.dataobj)
        extents = z_extents(masks, volume)
        placed = []
        for number, text in scan.facts["findings"].items():
            extent = extents.get(int(number))
            if extent is not None:
                placed.append(PlacedSentence((text,), extent))
        return ReadScan(volume, tuple(placed))


def z_extents(masks: NDArray, volume: CTVolume) -> dict[int, InExtent]:
    """Return the world z-extent of each finding that has a mask, slice faces included.

    Parameters
    ----------
    masks : NDArray, (finding, x, y, z)
        Positive where the finding is, on the stored grid of the scan.
    volume : CTVolume
        That scan; its slice table leads from stored slices to the world.

    Raises
    ------
    VolumeError
        When masks and scan do not have the same number of slices.
    """
    num_slices = volume.geometry.shape[0]
    if masks.ndim != 4 or masks.shape[3] != num_slices:
        raise VolumeError(
            f"The masks have shape {masks.shape}, but the scan has {num_slices} slices; they must agree along z."
        )
    z_of_stored = np.empty(num_slices)
    for index, record in enumerate(volume.slice_table):
        z_of_stored[record.file_index] = volume.geometry.z_of_slice(index)
    half = abs(volume.geometry.affine[2, 2]) / 2
    extents = {}
    for number, mask in enumerate(masks):
        shown = z_of_stored[(mask > 0).any(axis=(0, 1))]
        if len(shown):
            extents[number] = InExtent(float(shown.min() - half), float(shown.max() + half))
    return extents


def _patient(name: str) -> str:
    return "_".join(name.split("_")[:2])
