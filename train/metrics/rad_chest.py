"""The 18 CT-RATE classes from the labels of Rad-ChestCT, whose columns are "abnormality*location".

A class is true where any of the abnormalities mapped to it is, at any place. Rad-ChestCT does not tell calcified coronary
arteries from other calcified arteries, nor knows mosaic attenuation; protocol "radchestct_standard" therefore joins the two
scores by their maximum, keeps one of them and drops mosaic attenuation: 16 classes are left.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES

__all__ = ["MAPPINGS", "PROTOCOL_DISEASES", "ct_rate_labels", "standard_protocol"]

_ARTERIAL, _CORONARY, _MOSAIC = (
    CT_RATE_DISEASES.index(name)
    for name in ("Arterial wall calcification", "Coronary artery wall calcification", "Mosaic attenuation pattern")
)
_KEPT = [i for i in range(len(CT_RATE_DISEASES)) if i not in (_CORONARY, _MOSAIC)]

#: The classes that protocol "radchestct_standard" scores.
PROTOCOL_DISEASES = tuple(CT_RATE_DISEASES[i] for i in _KEPT)

_MATERIAL = (
    "catheter_or_port", "tracheal_tube", "chest_tube", "breast_implant", "pacemaker_or_defib", "stent", "clip", "staple",
    "gi_tube", "hardware", "suture",
)  # fmt: skip

_STANDARD: dict[str, tuple[str, ...]] = {
    **{name: (name.lower().replace(" ", "_"),) for name in CT_RATE_DISEASES},
    "Medical material": _MATERIAL,
    "Arterial wall calcification": ("calcification",),
    "Coronary artery wall calcification": ("calcification",),
    "Hiatal hernia": ("hernia",),
    "Lung nodule": ("nodule", "nodulegr1cm"),
    "Lung opacity": ("opacity",),
    "Pulmonary fibrotic sequela": ("scarring",),
    "Mosaic attenuation pattern": (),
    "Peribronchial thickening": ("bronchial_wall_thickening",),
    "Interlobular septal thickening": ("septal_thickening",),
}

_EXTENDED: dict[str, tuple[str, ...]] = {
    **_STANDARD,
    "Medical material": (*_MATERIAL, "heart_valve_replacement", "cabg", "sternotomy"),
    "Arterial wall calcification": ("atherosclerosis",),
    "Coronary artery wall calcification": ("coronary_artery_disease",),
    "Lung opacity": ("opacity", "groundglass", "infiltrate", "airspace_disease"),
    "Pulmonary fibrotic sequela": ("scarring", "fibrosis", "reticulation", "honeycombing", "interstitial_lung_disease"),
    "Bronchiectasis": ("bronchiectasis", "bronchiolectasis"),
    "Mosaic attenuation pattern": ("air_trapping",),
}

#: Class to abnormalities of Rad-ChestCT, by the name of the mapping.
MAPPINGS = {"standard": _STANDARD, "extended": _EXTENDED}


def ct_rate_labels(columns: Sequence[str], values: NDArray, mapping: str = "standard") -> NDArray[np.int64]:
    """Return the 18 classes (n, 18): 1, 0, or -1 where no column speaks of the class.

    Parameters
    ----------
    columns : sequence of str
        "abnormality*location".
    values : (n, len(columns))
        1 where true.
    mapping : {"standard", "extended"}
    """
    if mapping not in MAPPINGS:
        raise ValueError(f"mapping is {mapping!r}; it must be one of {', '.join(MAPPINGS)}.")
    abnormalities = np.array([column.partition("*")[0].strip().lower() for column in columns])
    labels = np.full((len(values), len(CT_RATE_DISEASES)), -1, dtype=np.int64)
    for index, name in enumerate(CT_RATE_DISEASES):
        chosen = np.isin(abnormalities, MAPPINGS[mapping][name])
        if chosen.any():
            labels[:, index] = (np.asarray(values)[:, chosen] == 1).any(axis=1)
    return labels


def standard_protocol(labels: NDArray, scores: NDArray) -> tuple[NDArray, NDArray]:
    """Return labels and scores (n, 16) of `PROTOCOL_DISEASES` from those (n, 18) of all classes."""
    scores = np.array(scores, dtype=np.float64)
    scores[:, _ARTERIAL] = np.maximum(scores[:, _ARTERIAL], scores[:, _CORONARY])
    return np.asarray(labels)[:, _KEPT], scores[:, _KEPT]
