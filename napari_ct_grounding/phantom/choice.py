"""Which findings a scan shows: by chance, weighted so that every kind at every place occurs often, lightly correlated."""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.
# ruff: noqa: E501

from __future__ import annotations

import numpy as np

from napari_ct_grounding.phantom.body import VERTEBRAE
from napari_ct_grounding.phantom.catalogue import FINDINGS, finding_target

__all__ = ["FINDING_REACH", "choose_findings", "reach_of"]

#: Rough z range (reference mm) in which a finding at a place lies; a scan that holds its middle may show it.
FINDING_REACH: dict[str, tuple[float, float]] = {
    "right_upper_lobe": (-60, 62), "middle_lobe": (-120, -45), "right_lower_lobe": (-170, -10), "left_upper_lobe": (-40, 62),
    "lingula": (-120, -35), "left_lower_lobe": (-170, -10), "right_apex": (30, 68), "left_apex": (30, 68), "both_apices": (30, 68),
    "right_hilum": (-60, 5), "left_hilum": (-60, 5), "both_hila": (-60, 5), "both_lower_lobes": (-170, -30), "both_upper_lobes": (-20, 65),
    "both_lungs": (-150, 60), "right_base": (-165, -100), "left_base": (-165, -100), "right": (-190, -60), "left": (-190, -60),
    "both": (-190, -80), "dome": (-165, -125), "right_lobe": (-250, -160), "left_lobe": (-205, -145), "aortic_arch": (-5, 40),
    "descending_aorta": (-155, 5), "abdominal_aorta": (-340, -155), "right_paratracheal": (0, 35), "subcarinal": (-45, -10),
    "aortopulmonary": (-12, 14), "right_axilla": (-40, 50), "left_axilla": (-40, 50), "thoracic_spine": (-200, 60),
    "lumbar_spine": (-380, -210), "pelvis": (-450, -385),
}  # fmt: skip

_BY_KIND: dict[str, tuple[float, float]] = {
    "pericardial_effusion": (-135, -20), "cardiomegaly": (-135, -20), "coronary_calcification": (-110, -50), "ascending_aneurysm": (-60, 12),
    "abdominal_aneurysm": (-345, -255), "hiatal_hernia": (-155, -95), "goitre": (45, 125), "pacemaker": (-110, 40), "port_catheter": (-60, 45),
    "tracheal_tube": (25, 165), "sternotomy_wires": (-95, 42), "hip_prosthesis": (-600, -450), "gallstones": (-275, -235),
    "splenomegaly": (-300, -140), "splenic_lesion": (-225, -155), "kidney_cyst": (-300, -190), "kidney_stone": (-280, -210),
    "hydronephrosis": (-285, -205), "adrenal_nodule": (-205, -165), "ascites": (-478, -132), "bladder_stone": (-495, -440),
    "rib_fracture": (-130, -10), "pneumothorax": (-130, 60),
}  # fmt: skip

#: Relative weight of a kind when findings are drawn by chance; all others have 1.
_WEIGHTS = {
    "lung_nodule": 4.0, "lung_mass": 2.0, "consolidation": 2.5, "ground_glass": 2.5, "pleural_effusion": 2.0, "linear_atelectasis": 2.0,
    "bronchiectasis": 1.8, "cavity": 1.6, "aortic_calcification": 2.0, "lymphadenopathy": 3.0, "coronary_calcification": 1.5,
    "vertebral_fracture": 3.0, "liver_lesion": 2.0, "liver_cyst": 1.5, "sclerotic_metastasis": 1.6, "kidney_cyst": 1.5,
    "kidney_stone": 1.4, "apical_scarring": 1.4,
}  # fmt: skip

#: Findings that cannot share one place.
_EXCLUDES = (
    ("pneumothorax", "pleural_effusion"), ("lobar_atelectasis", "consolidation"), ("cardiomegaly", "pericardial_effusion"),
    ("pneumothorax", "lobar_atelectasis"), ("tracheal_tube", "goitre"),
)  # fmt: skip


def reach_of(target: str) -> tuple[float, float]:
    """Rough z range, reference mm, of a finding target."""
    kind, _, place = target.partition("@")
    if kind == "vertebral_fracture":
        height, _, z, *_ = VERTEBRAE[place]
        return (z - height / 2, z + height / 2)
    return _BY_KIND.get(kind) or FINDING_REACH[place]


def choose_findings(rng: np.random.Generator, z_lo: float, z_hi: float) -> frozenset[str]:
    """Return two to seven findings whose place lies between two reference heights, lightly correlated."""
    kinds, weights = [], []
    options: dict[str, list[str]] = {}
    for kind in FINDINGS.values():
        fit = []
        for place in kind.places:
            target = finding_target(kind.name, place)
            low, high = reach_of(target)
            if min(high, z_hi) - max(low, z_lo) > 0.75 * (high - low):
                fit.append(target)
        if fit:
            options[kind.name] = fit
            kinds.append(kind.name)
            weights.append(_WEIGHTS.get(kind.name, 1.0))
    if not kinds:
        return frozenset()
    chosen: list[str] = []
    wanted = min(int(rng.integers(2, 8)), len(kinds))
    share = np.array(weights) / sum(weights)
    for kind_name in rng.choice(kinds, size=wanted, replace=False, p=share):
        if any({str(kind_name), c.partition("@")[0]} == set(pair) for pair in _EXCLUDES for c in chosen):
            continue
        fit = options[str(kind_name)]
        chosen.append(fit[int(rng.integers(len(fit)))])
        single = FINDINGS[str(kind_name)].places
        if kind_name == "vertebral_fracture" or len(single) < 3 or rng.random() > 0.15:
            continue
        more = fit[int(rng.integers(len(fit)))]
        if "both" not in more and "both" not in chosen[-1]:
            chosen.append(more)
    names = {c.partition("@")[0] for c in chosen}
    if (
        "cardiomegaly" in names
        and "pleural_effusion" in options
        and "pneumothorax" not in names
        and rng.random() < 0.35
    ):
        chosen.append(options["pleural_effusion"][-1])
    if (
        any(c.startswith("aortic_calcification") for c in chosen)
        and "coronary_calcification" in options
        and rng.random() < 0.4
    ):
        chosen.append("coronary_calcification")
    return frozenset(_tidy(chosen))


def _tidy(targets: list[str]) -> list[str]:
    """Drop what another target already says: one effusion, one scarring, no double places."""
    out: dict[str, str] = {}
    for target in targets:
        kind = target.partition("@")[0]
        lone = kind in {"pleural_effusion", "apical_scarring", "emphysema", "peribronchial_thickening", "septal_thickening",
                        "ground_glass", "lobar_atelectasis", "pneumothorax"}  # fmt: skip
        out.setdefault(kind if lone else target, target)
    return list(out.values())
