"""What each detector of the slab encoder is taught to see: landmarks, and findings in three degrees of detail.

A finding at a place is rare (80 of 2,600 phantoms), its kind is not; so a nodule of the right upper lobe teaches three detectors:
nodule, nodule on the right, nodule of the right upper lobe.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.phantom.catalogue import FINDINGS, LANDMARKS, split_target
from napari_ct_grounding.phantom.statements import side_of
from train.data.statements import finding_targets

__all__ = ["detection_labels", "detector_names", "detectors_of", "num_landmark_detectors"]


@cache
def detector_names() -> tuple[str, ...]:
    """Return what each detector looks for: landmarks, kinds, ``kind:side``, ``kind@place``."""
    sided = dict.fromkeys(f"{split_target(t)[0]}:{side_of(t)}" for t in finding_targets() if side_of(t))
    placed = (target for target in finding_targets() if "@" in target)
    return (*LANDMARKS, *FINDINGS, *sided, *placed)


def num_landmark_detectors() -> int:
    """Return how many detectors, the first ones, look for landmarks."""
    return len(LANDMARKS)


@cache
def _numbers() -> dict[str, int]:
    return {name: number for number, name in enumerate(detector_names())}


@cache
def detectors_of(target: str) -> tuple[int, ...]:
    """Return the detectors that a target teaches; none for a name that the catalogue no longer has."""
    kind, place = split_target(target)
    names = [target, kind] if place else [target]
    if place and (side := side_of(target)):
        names += [f"{kind}:{side}"]
        if side == "both":  # what is on both sides is on each
            names += [f"{kind}:right", f"{kind}:left"]
    return tuple(_numbers()[name] for name in dict.fromkeys(names) if name in _numbers())


def detection_labels(targets: Sequence[str], centre: NDArray, extent: NDArray, num_slabs: int) -> NDArray[np.bool_]:
    """Return which slabs show what, (num_slabs, detectors).

    Parameters
    ----------
    targets : sequence of str
    centre, extent : NDArray, (targets,)
        Middle and height of what is seen, in slabs; at least one slab shows it.
    num_slabs : int
    """
    labels = np.zeros((num_slabs, len(detector_names())), dtype=np.bool_)
    for target, middle, height in zip(targets, centre, extent, strict=True):
        low = int(np.clip(np.floor(middle - height / 2 + 0.5), 0, num_slabs - 1))
        high = int(np.clip(np.ceil(middle + height / 2 - 0.5), low, num_slabs - 1))
        labels[low : high + 1, detectors_of(target)] = True
    return labels
