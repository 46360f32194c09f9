"""Everything a phantom can show and a sentence can name: the one list that images, wordings and training share.

A *landmark* is normal anatomy ("carina"); paired ones carry their side in the name ("kidney_left"). A *finding* is a kind
("lung_nodule") with the places where it may occur; its target is written ``kind@place`` ("lung_nodule@right_upper_lobe").
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "BORDERED",
    "BORDERS",
    "FINDINGS",
    "LANDMARKS",
    "LUNG_PLACES",
    "PAIRED",
    "TRAITS",
    "WHOLES",
    "FindingKind",
    "finding_target",
    "graded",
    "split_target",
]

_SIDES = ("right", "left")


def _paired(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}_{side}" for name in names for side in _SIDES)


#: Landmarks with a right and a left one, which are also spoken of together ("kidney_both").
PAIRED = (
    "humeral_head", "clavicle", "scapula", "first_rib", "sternoclavicular_joint", "lung_apex", "main_bronchus", "hilum",
    "lung_base", "costophrenic_sulcus", "diaphragm_dome", "pulmonary_artery", "axilla", "breast", "adrenal", "kidney",
    "renal_hilum", "psoas", "iliac_crest", "sacroiliac_joint", "acetabulum", "femoral_head", "greater_trochanter",
    "ischial_tuberosity",
)  # fmt: skip
#: Landmarks that are made of others.
WHOLES: dict[str, tuple[str, ...]] = {
    "lungs": ("right_upper_lobe", "right_lower_lobe", "left_upper_lobe", "left_lower_lobe"),
    "pancreas": ("pancreas_head", "pancreas_body", "pancreas_tail"),
    "thoracic_spine": ("vertebra_t1", "vertebra_t12"),
    "lumbar_spine": ("vertebra_l1", "vertebra_l5"),
}
#: Landmarks of which the upper and the lower border are landmarks too ("liver_top").
BORDERED = (
    "lungs", "heart", "aortic_arch", "manubrium", "thyroid", "liver", "spleen", "pancreas", "kidney_right", "kidney_left",
    "kidney_both", "iliac_crest_both", "sacrum", "bladder", "prostate", "uterus", "femoral_head_right", "femoral_head_left",
    "femoral_head_both", "pubic_symphysis",
)  # fmt: skip
BORDERS = ("top", "bottom")

#: Normal anatomy that is painted, cranial to caudal within each group; then what is made of it (`combined`).
LANDMARKS: tuple[str, ...] = (
    # head, neck and shoulders
    "skull_base", "mandible", "hyoid", "larynx", "cricoid", "thyroid", "cervical_spine",
    *_paired("humeral_head", "clavicle", "scapula", "first_rib", "sternoclavicular_joint"),
    "manubrium", "sternal_body", "xiphoid",
    # airways and lungs
    "trachea", "carina",
    *_paired("lung_apex", "main_bronchus", "hilum", "lung_base", "costophrenic_sulcus", "diaphragm_dome"),
    "right_upper_lobe", "middle_lobe", "right_lower_lobe", "left_upper_lobe", "lingula", "left_lower_lobe",
    # mediastinum and heart
    "brachiocephalic_veins", "superior_vena_cava", "azygos_arch", "aortic_arch", "aortopulmonary_window",
    "supraaortic_vessels", "ascending_aorta", "descending_thoracic_aorta", "aortic_root",
    "pulmonary_trunk", *_paired("pulmonary_artery"),
    "left_atrium", "right_atrium", "left_ventricle", "right_ventricle", "heart", "cardiac_apex",
    "thoracic_oesophagus", "gastro_oesophageal_junction", *_paired("axilla", "breast"),
    # abdomen
    "liver", "liver_dome", "left_liver_lobe", "liver_tip", "gallbladder", "portal_vein",
    "spleen", "stomach", "gastric_fundus", "duodenum", "pancreas_head", "pancreas_body", "pancreas_tail",
    *_paired("adrenal", "kidney", "kidney_upper_pole", "renal_hilum", "kidney_lower_pole", "psoas"),
    "coeliac_trunk", "superior_mesenteric_artery", "renal_arteries", "abdominal_aorta", "aortic_bifurcation",
    "inferior_vena_cava", "caecum", "ascending_colon", "hepatic_flexure", "transverse_colon", "splenic_flexure",
    "descending_colon", "sigmoid_colon", "rectum", "small_bowel", "umbilicus",
    # pelvis
    *_paired("iliac_crest", "sacroiliac_joint", "acetabulum", "femoral_head", "greater_trochanter", "ischial_tuberosity"),
    "sacrum", "sacral_promontory", "coccyx", "pubic_symphysis", "bladder", "prostate", "uterus",
    # spine
    *(f"vertebra_c{n}" for n in (6, 7)), *(f"vertebra_t{n}" for n in range(1, 13)), *(f"vertebra_l{n}" for n in range(1, 6)),
    *(f"{name}_both" for name in PAIRED), *WHOLES, *(f"{name}_{border}" for name in BORDERED for border in BORDERS),
)  # fmt: skip

LUNG_PLACES = ("right_upper_lobe", "middle_lobe", "right_lower_lobe", "left_upper_lobe", "lingula", "left_lower_lobe")

_APICES = ("right_apex", "left_apex")
_HILA = ("right_hilum", "left_hilum")
_POLES = ("right_upper_pole", "right_lower_pole", "left_upper_pole", "left_lower_pole")
_VERTEBRAE = (*(f"t{n}" for n in range(3, 13)), *(f"l{n}" for n in range(1, 6)))

#: What a finding may look like besides its size: the words of `Target.traits`.
TRAITS = (
    "solid", "ground_glass", "calcified", "spiculated", "lobulated", "subpleural", "necrotic", "thick_walled", "thin_walled",
    "fluid_level", "cystic", "free", "loculated", "fat", "single", "multiple", "displaced", "old",
)  # fmt: skip

_MATERIAL = "Medical material"


@dataclass(frozen=True)
class FindingKind:
    """A kind of finding.

    Parameters
    ----------
    name : str
    places : tuple of str
        Where it may occur; "" where the kind itself says the place.
    disease : str or None
        The CT-RATE abnormality that it makes true.
    only : {"F", "M", "contrast"} or None
        Whom it needs: a woman, a man, or anybody with contrast medium.
    """

    name: str
    places: tuple[str, ...] = ("",)
    disease: str | None = None
    only: str | None = None


FINDINGS: dict[str, FindingKind] = {
    kind.name: kind
    for kind in (
        # lungs
        FindingKind("lung_nodule", (*LUNG_PLACES, *_APICES, *_HILA), "Lung nodule"),
        FindingKind("multiple_nodules", ("both_lungs", "both_upper_lobes", "both_lower_lobes"), "Lung nodule"),
        FindingKind("lung_mass", (*LUNG_PLACES, *_HILA, *_APICES), "Lung nodule"),
        FindingKind("cavity", (*LUNG_PLACES, *_APICES)),
        FindingKind("consolidation", (*LUNG_PLACES, "both_lower_lobes", *_HILA), "Consolidation"),
        FindingKind(
            "ground_glass", (*LUNG_PLACES, "both_lower_lobes", "both_upper_lobes", "both_lungs", "both_hila"), "Lung opacity"
        ),
        FindingKind(
            "emphysema",
            ("both_upper_lobes", "both_lungs", "both_lower_lobes", "right_upper_lobe", "left_upper_lobe"),
            "Emphysema",
        ),
        FindingKind("bulla", (*_APICES, *LUNG_PLACES), "Emphysema"),
        FindingKind(
            "linear_atelectasis",
            ("right_base", "left_base", "lingula", "middle_lobe", "both_bases", "right_upper_lobe", "left_upper_lobe"),
            "Atelectasis",
        ),
        FindingKind(
            "lobar_atelectasis",
            ("right_lower_lobe", "left_lower_lobe", "middle_lobe", "right_upper_lobe", "left_upper_lobe"),
            "Atelectasis",
        ),
        FindingKind("apical_scarring", (*_APICES, "both_apices"), "Pulmonary fibrotic sequela"),
        FindingKind("parenchymal_scar", LUNG_PLACES, "Pulmonary fibrotic sequela"),
        FindingKind(
            "basal_fibrosis", ("both_lower_lobes", "right_lower_lobe", "left_lower_lobe"), "Pulmonary fibrotic sequela"
        ),
        FindingKind("bronchiectasis", (*LUNG_PLACES, "both_lower_lobes"), "Bronchiectasis"),
        FindingKind(
            "peribronchial_thickening",
            ("both_lower_lobes", "both_hila", "right_lower_lobe", "left_lower_lobe"),
            "Peribronchial thickening",
        ),
        FindingKind(
            "mosaic_attenuation", ("both_lungs", "both_lower_lobes", "both_upper_lobes"), "Mosaic attenuation pattern"
        ),
        FindingKind(
            "septal_thickening", ("both_lower_lobes", "both_upper_lobes", "both_lungs"), "Interlobular septal thickening"
        ),
        # pleura
        FindingKind("pleural_effusion", ("right", "left", "both"), "Pleural effusion"),
        FindingKind("fissural_effusion", _SIDES, "Pleural effusion"),
        FindingKind("pleural_plaque", ("right", "left", "both")),
        FindingKind("pneumothorax", (*_SIDES, *_APICES)),
        # heart, vessels, mediastinum, neck
        FindingKind("pericardial_effusion", ("",), "Pericardial effusion"),
        FindingKind("cardiomegaly", ("",), "Cardiomegaly"),
        FindingKind("coronary_calcification", ("",), "Coronary artery wall calcification"),
        FindingKind(
            "aortic_calcification",
            ("aortic_arch", "descending_aorta", "abdominal_aorta", "ascending_aorta", "supraaortic_vessels", "iliac_arteries"),
            "Arterial wall calcification",
        ),
        FindingKind("ascending_aneurysm"),
        FindingKind("descending_aneurysm"),
        FindingKind("abdominal_aneurysm"),
        FindingKind("aortic_dissection", ("ascending_aorta", "descending_aorta", "abdominal_aorta")),
        FindingKind("pulmonary_embolism", _SIDES, only="contrast"),
        FindingKind("hiatal_hernia", ("",), "Hiatal hernia"),
        FindingKind("oesophageal_thickening"),
        FindingKind("mediastinal_mass"),
        FindingKind(
            "lymphadenopathy",
            (
                "right_paratracheal", "subcarinal", "aortopulmonary", "prevascular", *_HILA, "right_axilla", "left_axilla",
                "right_supraclavicular", "left_supraclavicular", "retroperitoneal", "mesenteric", "right_iliac", "left_iliac",
                "right_groin", "left_groin",
            ),
            "Lymphadenopathy",
        ),
        FindingKind("goitre"),
        FindingKind("thyroid_nodule", _SIDES),
        FindingKind("breast_mass", _SIDES, only="F"),
        # devices
        FindingKind("pacemaker", ("left", "right"), _MATERIAL),
        FindingKind("port_catheter", _SIDES, _MATERIAL),
        FindingKind("central_line", _SIDES, _MATERIAL),
        FindingKind("tracheal_tube", ("",), _MATERIAL),
        FindingKind("nasogastric_tube", ("",), _MATERIAL),
        FindingKind("chest_drain", _SIDES, _MATERIAL),
        FindingKind("sternotomy_wires", ("",), _MATERIAL),
        FindingKind("valve_prosthesis", ("",), _MATERIAL),
        FindingKind("coronary_stent", ("",), _MATERIAL),
        FindingKind("stent_graft", ("",), _MATERIAL),
        FindingKind("vena_cava_filter", ("",), _MATERIAL),
        FindingKind("cholecystectomy_clips", ("",), _MATERIAL),
        FindingKind("biliary_stent", ("",), _MATERIAL),
        FindingKind("ureteral_stent", _SIDES, _MATERIAL),
        FindingKind("breast_implant", _SIDES, _MATERIAL, only="F"),
        FindingKind("hip_prosthesis", _SIDES, _MATERIAL),
        FindingKind("shoulder_prosthesis", _SIDES, _MATERIAL),
        FindingKind("spinal_hardware", ("thoracic_spine", "lumbar_spine"), _MATERIAL),
        # abdomen and pelvis
        FindingKind("liver_lesion", ("dome", "right_lobe", "left_lobe", "both_lobes")),
        FindingKind("liver_cyst", ("dome", "right_lobe", "left_lobe")),
        FindingKind("liver_calcification", ("right_lobe", "left_lobe")),
        FindingKind("steatosis"),
        FindingKind("gallstones"),
        FindingKind("bile_duct_dilatation"),
        FindingKind("splenomegaly"),
        FindingKind("splenic_lesion"),
        FindingKind("splenic_calcification"),
        FindingKind("pancreatic_lesion", ("head", "body", "tail")),
        FindingKind("kidney_cyst", (*_SIDES, *_POLES)),
        FindingKind("kidney_mass", (*_SIDES, *_POLES)),
        FindingKind("kidney_stone", (*_SIDES, *_POLES)),
        FindingKind("hydronephrosis", _SIDES),
        FindingKind("ureteral_stone", _SIDES),
        FindingKind("adrenal_nodule", _SIDES),
        FindingKind("ascites", ("", "perihepatic", "pelvis")),
        FindingKind("free_air"),
        FindingKind("bowel_dilatation"),
        FindingKind("diverticulosis"),
        FindingKind("colonic_mass", ("ascending_colon", "transverse_colon", "descending_colon", "sigmoid_colon", "rectum")),
        FindingKind("bladder_stone"),
        FindingKind("bladder_mass"),
        FindingKind("prostate_enlargement", only="M"),
        FindingKind("uterine_fibroid", only="F"),
        FindingKind("ovarian_cyst", _SIDES, only="F"),
        FindingKind("umbilical_hernia"),
        FindingKind("inguinal_hernia", _SIDES),
        # bones
        FindingKind("rib_fracture", _SIDES),
        FindingKind("clavicle_fracture", _SIDES),
        FindingKind("humeral_fracture", _SIDES),
        FindingKind("sternal_fracture"),
        FindingKind("vertebral_fracture", _VERTEBRAE),
        FindingKind("pelvic_fracture", _SIDES),
        FindingKind("hip_fracture", _SIDES),
        FindingKind(
            "sclerotic_metastasis", ("thoracic_spine", "lumbar_spine", "pelvis", "right_ribs", "left_ribs", "sternum")
        ),
        FindingKind("lytic_metastasis", ("thoracic_spine", "lumbar_spine", "pelvis", "right_ribs", "left_ribs")),
    )
}  # fmt: skip


def graded(share: float) -> str:
    """Return "mild", "moderate" or "severe" for a share of the possible, from 0 to 1."""
    return ("mild", "moderate", "severe")[max(0, min(2, int(share * 3)))]


def finding_target(kind: str, place: str) -> str:
    """Return the target name of a finding at a place."""
    return f"{kind}@{place}" if place else kind


def split_target(target: str) -> tuple[str, str]:
    """Return (landmark or kind, place) of a target name; the place of a landmark is ""."""
    kind, _, place = target.partition("@")
    return kind, place
