"""Which findings a scan shows: by chance, correlated as diseases are, so that every class has positives enough to be learned."""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.
# ruff: noqa: E501

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from napari_ct_grounding.phantom.body import VERTEBRAE, Person
from napari_ct_grounding.phantom.catalogue import FINDINGS, FindingKind, finding_target

__all__ = ["FINDING_REACH", "choose_findings", "fits", "reach_of"]

#: Rough z range (reference mm) in which a finding at a place lies; a scan that holds most of it may show it.
FINDING_REACH: dict[str, tuple[float, float]] = {
    "right_upper_lobe": (-60, 62), "middle_lobe": (-120, -45), "right_lower_lobe": (-170, -10), "left_upper_lobe": (-40, 62),
    "lingula": (-120, -35), "left_lower_lobe": (-170, -10), "right_apex": (30, 68), "left_apex": (30, 68), "both_apices": (30, 68),
    "right_hilum": (-60, 5), "left_hilum": (-60, 5), "both_hila": (-60, 5), "both_lower_lobes": (-170, -30), "both_upper_lobes": (-20, 65),
    "both_lungs": (-150, 60), "right_base": (-165, -100), "left_base": (-165, -100), "both_bases": (-165, -100), "right": (-190, -60),
    "left": (-190, -60), "both": (-190, -80), "dome": (-165, -125), "right_lobe": (-250, -160), "left_lobe": (-205, -145),
    "both_lobes": (-250, -145), "aortic_arch": (-5, 40), "ascending_aorta": (-62, 12), "descending_aorta": (-155, 5),
    "abdominal_aorta": (-340, -155), "supraaortic_vessels": (28, 75), "iliac_arteries": (-460, -335), "right_paratracheal": (0, 35),
    "subcarinal": (-45, -10), "aortopulmonary": (-12, 14), "prevascular": (-8, 24), "right_axilla": (-10, 26), "left_axilla": (-10, 26),
    "right_supraclavicular": (66, 98), "left_supraclavicular": (66, 98), "retroperitoneal": (-292, -258), "mesenteric": (-317, -283),
    "right_iliac": (-442, -408), "left_iliac": (-442, -408), "right_groin": (-514, -482), "left_groin": (-514, -482),
    "thoracic_spine": (-200, 60), "lumbar_spine": (-380, -210), "pelvis": (-450, -385), "right_ribs": (-130, -10), "left_ribs": (-130, -10),
    "sternum": (-85, 40), "head": (-270, -230), "body": (-235, -200), "tail": (-210, -185), "perihepatic": (-255, -150),
    "ascending_colon": (-390, -285), "transverse_colon": (-300, -265), "descending_colon": (-375, -230), "sigmoid_colon": (-440, -385),
    "rectum": (-530, -436),
}  # fmt: skip

_BY_KIND: dict[str, tuple[float, float]] = {
    "pericardial_effusion": (-135, -20), "cardiomegaly": (-135, -20), "coronary_calcification": (-110, -50), "ascending_aneurysm": (-60, 12),
    "descending_aneurysm": (-150, 10), "abdominal_aneurysm": (-345, -255), "pulmonary_embolism": (-60, 0), "hiatal_hernia": (-155, -95),
    "oesophageal_thickening": (-150, 60), "mediastinal_mass": (-55, 45), "goitre": (45, 125), "thyroid_nodule": (75, 118),
    "breast_mass": (-110, -20), "pacemaker": (-110, 40), "port_catheter": (-60, 60), "central_line": (-60, 90), "tracheal_tube": (25, 165),
    "nasogastric_tube": (-215, 110), "chest_drain": (-140, 40), "sternotomy_wires": (-95, 42), "valve_prosthesis": (-75, -45),
    "coronary_stent": (-118, -50), "stent_graft": (-410, -255), "vena_cava_filter": (-290, -240), "cholecystectomy_clips": (-290, -220),
    "biliary_stent": (-275, -190), "ureteral_stent": (-480, -235), "breast_implant": (-115, -10), "hip_prosthesis": (-530, -450),
    "shoulder_prosthesis": (40, 110), "gallstones": (-275, -235), "bile_duct_dilatation": (-260, -165), "steatosis": (-280, -135),
    "splenomegaly": (-300, -140), "splenic_lesion": (-225, -155), "splenic_calcification": (-225, -155), "hydronephrosis": (-285, -205),
    "ureteral_stone": (-470, -290), "adrenal_nodule": (-205, -165), "free_air": (-260, -130), "bowel_dilatation": (-420, -255),
    "diverticulosis": (-445, -385), "bladder_stone": (-495, -440), "bladder_mass": (-495, -440), "prostate_enlargement": (-530, -460),
    "uterine_fibroid": (-475, -410), "ovarian_cyst": (-465, -400), "umbilical_hernia": (-335, -295), "inguinal_hernia": (-545, -465),
    "rib_fracture": (-130, -10), "clavicle_fracture": (50, 90), "humeral_fracture": (20, 125), "sternal_fracture": (-80, 25),
    "pelvic_fracture": (-540, -480), "hip_fracture": (-512, -450), "pneumothorax": (-130, 60), "fissural_effusion": (-90, 10),
    "pleural_plaque": (-130, 20),
}  # fmt: skip
_BY_TARGET: dict[str, tuple[float, float]] = {
    "ascites": (-478, -132), "ascites@pelvis": (-482, -425), "pneumothorax@right_apex": (35, 70), "pneumothorax@left_apex": (35, 70),
}  # fmt: skip
_KIDNEY = {"upper": (-225, -185), "lower": (-300, -250)}

#: Share of the scans that hold its place and show a kind; all others have `_RARE`, devices `_DEVICE`. A scan without any finding: `_NORMAL`.
_RARE, _DEVICE = 0.045, 0.022
_NORMAL = 0.1
_PREVALENCE = {
    "lung_nodule": 0.16, "multiple_nodules": 0.06, "lung_mass": 0.07, "cavity": 0.05, "consolidation": 0.2, "ground_glass": 0.22,
    "emphysema": 0.16, "bulla": 0.06, "linear_atelectasis": 0.15, "lobar_atelectasis": 0.08, "apical_scarring": 0.09,
    "parenchymal_scar": 0.08, "basal_fibrosis": 0.07, "bronchiectasis": 0.19, "peribronchial_thickening": 0.2, "mosaic_attenuation": 0.19,
    "septal_thickening": 0.2, "pleural_effusion": 0.18, "pneumothorax": 0.05, "pericardial_effusion": 0.2, "cardiomegaly": 0.22,
    "coronary_calcification": 0.23, "aortic_calcification": 0.22, "hiatal_hernia": 0.19, "lymphadenopathy": 0.22, "liver_lesion": 0.1,
    "liver_cyst": 0.08, "kidney_cyst": 0.1, "kidney_stone": 0.07, "vertebral_fracture": 0.09, "sclerotic_metastasis": 0.06, "steatosis": 0.05,
    "gallstones": 0.08, "aortic_dissection": 0.04, "pulmonary_embolism": 0.1, "kidney_mass": 0.04, "rib_fracture": 0.05,
    "uterine_fibroid": 0.08, "prostate_enlargement": 0.08, "ovarian_cyst": 0.08, "breast_mass": 0.07, "goitre": 0.08, "thyroid_nodule": 0.08,
    "tracheal_tube": 0.05, "hip_prosthesis": 0.05, "inguinal_hernia": 0.07, "hip_fracture": 0.06, "pelvic_fracture": 0.06,
}  # fmt: skip
#: Kinds that come together: a hidden disease of the person drives them, with this share of the variance.
_BLOCKS: tuple[tuple[float, tuple[str, ...]], ...] = (
    (0.3, ("aortic_calcification", "coronary_calcification", "hiatal_hernia", "emphysema", "cardiomegaly", "apical_scarring", "coronary_stent",
           "abdominal_aneurysm", "sternotomy_wires", "valve_prosthesis", "vertebral_fracture", "diverticulosis", "pacemaker")),
    (0.35, ("pleural_effusion", "septal_thickening", "pericardial_effusion", "ground_glass", "central_line", "ascites")),
    (0.3, ("consolidation", "tracheal_tube", "nasogastric_tube", "cavity", "multiple_nodules")),
    (0.3, ("bronchiectasis", "peribronchial_thickening", "mosaic_attenuation", "bulla")),
    (0.3, ("lung_mass", "lung_nodule", "lymphadenopathy", "liver_lesion", "sclerotic_metastasis", "lytic_metastasis", "adrenal_nodule",
           "port_catheter", "lobar_atelectasis")),
    (0.35, ("rib_fracture", "pneumothorax", "chest_drain", "clavicle_fracture", "sternal_fracture", "pelvic_fracture")),
)  # fmt: skip

#: Places that are likelier than the others (which have 1).
_PLACE_WEIGHTS: dict[str, dict[str, float]] = {
    "lung_nodule": {"right_hilum": 0.4, "left_hilum": 0.4},
    "linear_atelectasis": {"right_upper_lobe": 0.5, "left_upper_lobe": 0.5},
    "pleural_effusion": {"both": 1.5},
}
#: Findings that one scan does not show together.
_EXCLUDES = tuple(
    frozenset(pair)
    for pair in (
        ("pneumothorax", "pleural_effusion"), ("lobar_atelectasis", "pleural_effusion"), ("cardiomegaly", "pericardial_effusion"),
        ("pneumothorax", "lobar_atelectasis"), ("pneumothorax", "pleural_plaque"), ("tracheal_tube", "goitre"), ("goitre", "thyroid_nodule"),
        ("gallstones", "cholecystectomy_clips"), ("abdominal_aneurysm", "stent_graft"), ("ascending_aneurysm", "aortic_dissection"),
        ("descending_aneurysm", "aortic_dissection"), ("abdominal_aneurysm", "aortic_dissection"), ("stent_graft", "aortic_dissection"),
        ("coronary_stent", "coronary_calcification"), ("breast_mass", "breast_implant"), ("clavicle_fracture", "shoulder_prosthesis"),
        ("hip_fracture", "hip_prosthesis"), ("humeral_fracture", "shoulder_prosthesis"), ("bladder_mass", "bladder_stone"),
        ("hydronephrosis", "ureteral_stone"), ("ureteral_stone", "ureteral_stent"), ("steatosis", "liver_cyst"),
        ("emphysema", "mosaic_attenuation"), ("multiple_nodules", "lung_nodule"), ("mediastinal_mass", "sternotomy_wires"),
        ("cardiomegaly", "hiatal_hernia"),
    )
)  # fmt: skip
#: Kinds of which a scan shows one place only.
_LONE = {
    "pleural_effusion", "apical_scarring", "emphysema", "peribronchial_thickening", "septal_thickening", "ground_glass", "lobar_atelectasis",
    "pneumothorax", "mosaic_attenuation", "basal_fibrosis", "multiple_nodules", "ascites", "pacemaker", "pleural_plaque", "spinal_hardware",
    "consolidation", "bronchiectasis",
}  # fmt: skip
_FOCAL = {
    "lung_nodule",
    "lung_mass",
    "cavity",
    "consolidation",
    "lobar_atelectasis",
    "bulla",
    "bronchiectasis",
    "parenchymal_scar",
}
#: These lie beside the chest: only a wide field of view shows them.
_BESIDE = {"humeral_fracture", "shoulder_prosthesis"}
_MORE_PLACES = 0.2


def reach_of(target: str) -> tuple[float, float]:
    """Rough z range, reference mm, of a finding target."""
    kind, _, place = target.partition("@")
    if kind == "vertebral_fracture":
        height, _, z, *_ = VERTEBRAE[place]
        return (z - height / 2, z + height / 2)
    if kind.startswith("kidney_"):
        return _KIDNEY.get(place.split("_")[1] if "_" in place else "", (-290, -195))
    return _BY_TARGET.get(target) or _BY_KIND.get(kind) or FINDING_REACH[place]


def fits(kind: FindingKind, person: Person) -> bool:
    """Return whether this person can have this kind of finding."""
    return kind.only in (None, person.sex) or (kind.only == "contrast" and person.phase != "none")


def choose_findings(
    rng: np.random.Generator, z_lo: float, z_hi: float, person: Person | None = None, half_width: float = 250.0
) -> frozenset[str]:
    """Return the findings of a scan between two reference heights: none in a tenth of the scans.

    Parameters
    ----------
    rng : numpy.random.Generator
    z_lo, z_hi : float
        Reference mm.
    person : Person, optional
        Without one, findings that only a man, a woman or somebody with contrast can have are left out.
    half_width : float
        Half of the field of view, reference mm.
    """
    is_normal = rng.random() < _NORMAL
    hidden = dict.fromkeys(FINDINGS, (0.0, 0.0))
    for share, kinds in _BLOCKS:
        value = float(rng.standard_normal())
        hidden |= dict.fromkeys(kinds, (share, value))
    chosen: list[str] = []
    # Every kind takes its draws whatever the others do, so that a longer scan keeps what a shorter one shows.
    for kind in FINDINGS.values():
        own, order, more = float(rng.standard_normal()), float(rng.random()), float(rng.random())
        share, value = hidden[kind.name]
        limit = NormalDist().inv_cdf(
            1
            - min(
                0.9,
                _PREVALENCE.get(kind.name, _DEVICE if kind.disease == "Medical material" else _RARE) / (1 - _NORMAL),
            )
        )
        if is_normal or np.sqrt(share) * value + np.sqrt(1 - share) * own < limit:
            continue
        if kind.only is not None and (person is None or not fits(kind, person)):
            continue
        if kind.name in _BESIDE and half_width < 195:
            continue
        options = _options(kind, z_lo, z_hi)
        if options:
            chosen.append(_draw(kind.name, options, order))
            if kind.name not in _LONE and len(options) > 2 and more < _MORE_PLACES:
                chosen.append(_draw(kind.name, options, more / _MORE_PLACES))
    shuffled = [chosen[i] for i in rng.permutation(len(chosen))]
    return frozenset(_compatible(shuffled))


def _options(kind: FindingKind, z_lo: float, z_hi: float) -> list[str]:
    out = []
    for place in kind.places:
        target = finding_target(kind.name, place)
        low, high = reach_of(target)
        if min(high, z_hi) - max(low, z_lo) > 0.75 * (high - low):
            out.append(target)
    return out


def _draw(kind: str, options: list[str], share: float) -> str:
    weights = np.array([_PLACE_WEIGHTS.get(kind, {}).get(target.partition("@")[2], 1.0) for target in options])
    index = int(np.searchsorted(np.cumsum(weights) / weights.sum(), share, side="right"))
    return options[min(index, len(options) - 1)]


def _compatible(targets: list[str]) -> list[str]:
    """Keep targets in order, without those that cannot stand beside one kept before."""
    out: list[str] = []
    for target in targets:
        kind, _, place = target.partition("@")
        others = [t.partition("@") for t in out]
        clash = any(frozenset((kind, other)) in _EXCLUDES for other, _, _ in others)
        crowded = kind in _FOCAL and any(other in _FOCAL and where == place for other, _, where in others)
        spread = any(other == kind and ("both" in where or "both" in place) for other, _, where in others)
        if not (clash or crowded or spread):
            out.append(target)
    return out
