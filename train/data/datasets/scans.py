"""What every data set's reader gives: scans with their reports, labels and placed sentences, and how their voxels are read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.readers.reading import read_volume
from train.data.scan_records import ReportTexts

__all__ = ["Dataset", "DatasetScan", "InExtent", "OnImage", "OnPlane", "PlacedSentence", "ReadScan"]


@dataclass(frozen=True, eq=False)
class OnPlane:
    """A slice by its own geometry.

    Parameters
    ----------
    affine : NDArray[float64], (4, 4)
        Pixel (column, row, 0) to world RAS+ mm.
    shape : tuple of int
        Pixels (rows, columns).
    """

    affine: NDArray[np.float64]
    shape: tuple[int, int]


@dataclass(frozen=True)
class OnImage:
    """A slice by the number that a workstation shows (DICOM InstanceNumber) in the series that is encoded."""

    number: int


@dataclass(frozen=True)
class InExtent:
    """A stretch of world z, mm, lower end first."""

    lo_mm: float
    hi_mm: float


@dataclass(frozen=True)
class PlacedSentence:
    """Sentences that are true of one place, each by itself."""

    sentences: tuple[str, ...]
    where: OnPlane | OnImage | InExtent

    def as_json(self) -> dict[str, Any]:
        """Return plain numbers and texts; `from_json` reads them."""
        where: dict[str, Any]
        match self.where:
            case OnPlane(affine, shape):
                where = {"dcmaffine": np.asarray(affine).tolist(), "shape": list(shape)}
            case OnImage(number):
                where = {"image": number}
            case InExtent(lo_mm, hi_mm):
                where = {"z_mm": [lo_mm, hi_mm]}
        return {"sentences": list(self.sentences), **where}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> PlacedSentence:
        """Read what `as_json` gave.

        Raises
        ------
        InputError
            When the sentences or their place are missing or of another kind.
        """
        where: OnPlane | OnImage | InExtent
        try:
            sentences = tuple(str(sentence) for sentence in content["sentences"])
            if "dcmaffine" in content:
                rows, columns = content["shape"]
                affine = np.array(content["dcmaffine"], dtype=np.float64).reshape(4, 4)
                where = OnPlane(affine, (int(rows), int(columns)))
            elif "image" in content:
                where = OnImage(int(content["image"]))
            else:
                lo_mm, hi_mm = sorted(float(z) for z in content["z_mm"])
                where = InExtent(lo_mm, hi_mm)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                "A placed sentence needs 'sentences' (a list of texts) and one of 'image' (a number), 'z_mm' (two numbers) and "
                f"'dcmaffine' (4 x 4) with 'shape' (rows, columns); this one has {sorted(content)}."
            ) from error
        return cls(sentences, where)


@dataclass(frozen=True, eq=False)
class DatasetScan:
    """One scan of a data set, before it is read.

    Parameters
    ----------
    scan_id, report_id, patient_id : str
        Reconstructions of one scan share a report; scans of one patient never lie in two splits.
    split : {"train", "valid", "test"}
    path : Path
        Of the file, or the folder of DICOM.
    texts : ReportTexts
    labels : mapping
        Name to 1 or 0; what is not known is left out.
    placed : tuple of PlacedSentence
    facts : mapping
        What evaluation needs to know besides ("no_chest", "xy_spacing_mm").
    """

    scan_id: str
    report_id: str
    patient_id: str
    split: str
    path: Path
    texts: ReportTexts = field(default_factory=ReportTexts)
    labels: Mapping[str, int] = field(default_factory=dict)
    placed: tuple[PlacedSentence, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class ReadScan:
    """The voxels of a scan, and sentences whose place only they tell (masks)."""

    volume: CTVolume
    placed: tuple[PlacedSentence, ...] = ()


class Dataset(ABC):
    """A data set on disk.

    Attributes
    ----------
    name : str
        In file names and records.
    patients : str
        Whose patient names these are: data sets that are made of one another's scans say the same. Its own name by default.
    """

    name: str

    @property
    def patients(self) -> str:
        """See the class."""
        return self.name

    @abstractmethod
    def scans(self) -> list[DatasetScan]:
        """Return all usable scans that are on disk, in a fixed order.

        Raises
        ------
        InputError
            When tables are missing or say what they must not; all problems at once.
        """

    def read(self, scan: DatasetScan) -> ReadScan:
        """Read the voxels of a scan; raises `VolumeError` when they cannot be used."""
        return ReadScan(read_volume(scan.path))
