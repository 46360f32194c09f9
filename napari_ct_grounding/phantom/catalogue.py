"""Everything a phantom can show and a sentence can name: the one list that images, wordings and training share.

A *landmark* is normal anatomy ("carina"); paired ones carry their side in the name ("kidney_left"). A *finding* is a kind
("lung_nodule") with the places where it may occur; its target is written ``kind@place`` ("lung_nodule@right_upper_lobe").
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FINDINGS", "LANDMARKS", "LUNG_PLACES", "FindingKind", "finding_target", "split_target"]

_SIDES = ("right", "left")


def _paired(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}_{side}" for name in names for side in _SIDES)


#: Normal anatomy, cranial to caudal within each group.
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
)  # fmt: skip

LUNG_PLACES = ("right_upper_lobe", "middle_lobe", "right_lower_lobe", "left_upper_lobe", "lingula", "left_lower_lobe")


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
    """

    name: str
    places: tuple[str, ...] = ("",)
    disease: str | None = None


FINDINGS: dict[str, FindingKind] = {
    kind.name: kind
    for kind in (
        FindingKind("lung_nodule", (*LUNG_PLACES, "right_apex", "left_apex"), "Lung nodule"),
        FindingKind("lung_mass", (*LUNG_PLACES, "right_hilum", "left_hilum"), "Lung nodule"),
        FindingKind("cavity", LUNG_PLACES),
        FindingKind("consolidation", LUNG_PLACES, "Consolidation"),
        FindingKind("ground_glass", (*LUNG_PLACES, "both_lower_lobes", "both_upper_lobes"), "Lung opacity"),
        FindingKind("emphysema", ("both_upper_lobes", "both_lungs"), "Emphysema"),
        FindingKind("bulla", ("right_apex", "left_apex"), "Emphysema"),
        FindingKind("linear_atelectasis", ("right_base", "left_base", "lingula", "middle_lobe"), "Atelectasis"),
        FindingKind("lobar_atelectasis", ("right_lower_lobe", "left_lower_lobe"), "Atelectasis"),
        FindingKind("apical_scarring", ("right_apex", "left_apex", "both_apices"), "Pulmonary fibrotic sequela"),
        FindingKind("basal_fibrosis", ("both_lower_lobes",), "Pulmonary fibrotic sequela"),
        FindingKind("bronchiectasis", LUNG_PLACES, "Bronchiectasis"),
        FindingKind("peribronchial_thickening", ("both_lower_lobes", "both_hila"), "Peribronchial thickening"),
        FindingKind("mosaic_attenuation", ("both_lungs",), "Mosaic attenuation pattern"),
        FindingKind("septal_thickening", ("both_lower_lobes", "both_upper_lobes"), "Interlobular septal thickening"),
        FindingKind("pleural_effusion", ("right", "left", "both"), "Pleural effusion"),
        FindingKind("pneumothorax", ("right", "left")),
        FindingKind("pericardial_effusion", ("",), "Pericardial effusion"),
        FindingKind("cardiomegaly", ("",), "Cardiomegaly"),
        FindingKind("coronary_calcification", ("",), "Coronary artery wall calcification"),
        FindingKind(
            "aortic_calcification",
            ("aortic_arch", "descending_aorta", "abdominal_aorta"),
            "Arterial wall calcification",
        ),
        FindingKind("ascending_aneurysm", ("",)),
        FindingKind("abdominal_aneurysm", ("",)),
        FindingKind("hiatal_hernia", ("",), "Hiatal hernia"),
        FindingKind(
            "lymphadenopathy",
            (
                "right_paratracheal",
                "subcarinal",
                "aortopulmonary",
                "right_hilum",
                "left_hilum",
                "right_axilla",
                "left_axilla",
            ),
            "Lymphadenopathy",
        ),
        FindingKind("goitre", ("",)),
        FindingKind("pacemaker", ("",), "Medical material"),
        FindingKind("port_catheter", ("",), "Medical material"),
        FindingKind("tracheal_tube", ("",), "Medical material"),
        FindingKind("sternotomy_wires", ("",), "Medical material"),
        FindingKind("hip_prosthesis", ("right", "left")),
        FindingKind("liver_lesion", ("dome", "right_lobe", "left_lobe")),
        FindingKind("liver_cyst", ("right_lobe", "left_lobe")),
        FindingKind("gallstones"),
        FindingKind("splenomegaly"),
        FindingKind("splenic_lesion"),
        FindingKind("kidney_cyst", ("right", "left")),
        FindingKind("kidney_stone", ("right", "left")),
        FindingKind("hydronephrosis", ("right", "left")),
        FindingKind("adrenal_nodule", ("right", "left")),
        FindingKind("ascites"),
        FindingKind("bladder_stone"),
        FindingKind("rib_fracture", ("right", "left")),
        FindingKind("vertebral_fracture", tuple(f"t{n}" for n in range(5, 13)) + tuple(f"l{n}" for n in range(1, 5))),
        FindingKind("sclerotic_metastasis", ("thoracic_spine", "lumbar_spine", "pelvis")),
    )
}


def finding_target(kind: str, place: str) -> str:
    """Return the target name of a finding at a place."""
    return f"{kind}@{place}" if place else kind


def split_target(target: str) -> tuple[str, str]:
    """Return (landmark or kind, place) of a target name; the place of a landmark is ""."""
    kind, _, place = target.partition("@")
    return kind, place
