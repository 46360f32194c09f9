"""Data sets by the name that the shell gives them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from napari_ct_grounding.core.errors import InputError
from train.data.datasets.ct_rate import CTRate
from train.data.datasets.inspect_ctpa import Inspect
from train.data.datasets.manifest import Manifest
from train.data.datasets.merlin import Merlin
from train.data.datasets.rad_chest import RadChestCT
from train.data.datasets.rad_genome import RadGenome
from train.data.datasets.rate import WithRate
from train.data.datasets.rex_grounding import ReXGroundingCT
from train.data.datasets.scans import Dataset

__all__ = ["DATASETS", "open_dataset"]

#: Name to what opens it at a place on disk.
DATASETS: dict[str, Callable[[Path], Dataset]] = {
    CTRate.name: CTRate,
    Merlin.name: Merlin,
    Inspect.name: Inspect,
    RadChestCT.name: RadChestCT,
    RadGenome.name: RadGenome,
    "manifest": Manifest,
}


def open_dataset(name: str, root: Path, *, ct_rate: Path | None = None, rate: Path | None = None) -> Dataset:
    """Return a data set.

    Parameters
    ----------
    name : str
        One of `DATASETS`, or "rexgroundingct".
    root : Path
        Its folder; the table of a manifest.
    ct_rate : Path, optional
        Folder of CT-RATE, whose scans "rexgroundingct" uses.
    rate : Path, optional
        Folder of RATE tables, see `WithRate`.

    Raises
    ------
    InputError
        When there is none by that name or at that place.
    """
    if name not in (*DATASETS, ReXGroundingCT.name):
        raise InputError(f"There is no data set {name!r}; there are {', '.join((*DATASETS, ReXGroundingCT.name))}.")
    if not Path(root).exists():
        raise InputError(f"There is nothing at {Path(root).name!r}, where {name} should lie.")
    if name == ReXGroundingCT.name:
        if ct_rate is None:
            raise InputError("rexgroundingct marks scans of CT-RATE; say where those lie (--ct-rate).")
        dataset: Dataset = ReXGroundingCT(root, ct_rate)
    else:
        dataset = DATASETS[name](root)
    return dataset if rate is None else WithRate(dataset, rate)
