"""Findings painted over finished organs, in a fixed order of kinds.

Findings that change an organ's own shape (an aneurysm, a large spleen, a sunk vertebra) are drawn by that organ's painter.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from napari_ct_grounding.phantom import belly_findings as belly
from napari_ct_grounding.phantom import bone_findings as bones
from napari_ct_grounding.phantom import chest_findings as chest
from napari_ct_grounding.phantom import device_findings as devices
from napari_ct_grounding.phantom import lung_findings as lung
from napari_ct_grounding.phantom import lung_patterns as pattern
from napari_ct_grounding.phantom import urogenital_findings as urogenital
from napari_ct_grounding.phantom.lungs import LungMap
from napari_ct_grounding.phantom.scene import Scene

__all__ = ["paint_late_findings"]

Painter = Callable[[Scene, LungMap, str, str, np.random.Generator], None]

# What comes later wins: patterns under patches under masses, fluid over lung, devices over all.
_PAINTERS: dict[str, Painter] = {
    "emphysema": pattern.paint_emphysema,
    "mosaic_attenuation": pattern.paint_mosaic,
    "septal_thickening": pattern.paint_septal,
    "basal_fibrosis": pattern.paint_basal_fibrosis,
    "ground_glass": pattern.paint_ground_glass,
    "peribronchial_thickening": pattern.paint_peribronchial,
    "consolidation": lung.paint_consolidation,
    "lobar_atelectasis": lung.paint_lobar_atelectasis,
    "linear_atelectasis": lung.paint_linear_atelectasis,
    "parenchymal_scar": lung.paint_parenchymal_scar,
    "apical_scarring": lung.paint_apical_scar,
    "bulla": lung.paint_bulla,
    "bronchiectasis": lung.paint_bronchiectasis,
    "cavity": lung.paint_cavity,
    "lung_mass": lung.paint_mass,
    "multiple_nodules": lung.paint_multiple_nodules,
    "lung_nodule": lung.paint_nodule,
    "pneumothorax": pattern.paint_pneumothorax,
    "pleural_plaque": pattern.paint_plaque,
    "pleural_effusion": pattern.paint_effusion,
    "fissural_effusion": pattern.paint_fissural,
    "descending_aneurysm": chest.paint_descending_aneurysm,
    "aortic_dissection": chest.paint_dissection,
    "pulmonary_embolism": chest.paint_embolism,
    "mediastinal_mass": chest.paint_mediastinal_mass,
    "oesophageal_thickening": chest.paint_oesophagus,
    "lymphadenopathy": chest.paint_nodes,
    "thyroid_nodule": chest.paint_thyroid_nodule,
    "breast_mass": chest.paint_breast_mass,
    "steatosis": belly.paint_steatosis,
    "bile_duct_dilatation": belly.paint_bile_ducts,
    "liver_lesion": belly.paint_many_liver_lesions,
    "liver_calcification": belly.paint_liver_calcification,
    "splenic_calcification": belly.paint_spleen_calcification,
    "pancreatic_lesion": belly.paint_pancreas,
    "kidney_mass": urogenital.paint_kidney_mass,
    "kidney_cyst": urogenital.paint_kidney_cyst,
    "ureteral_stone": urogenital.paint_ureteral_stone,
    "kidney_stone": urogenital.paint_kidney_stone,
    "ascites": belly.paint_local_ascites,
    "bowel_dilatation": belly.paint_bowel_dilatation,
    "colonic_mass": belly.paint_colonic_mass,
    "diverticulosis": belly.paint_diverticula,
    "prostate_enlargement": urogenital.paint_prostate,
    "uterine_fibroid": urogenital.paint_fibroid,
    "ovarian_cyst": urogenital.paint_ovarian_cyst,
    "bladder_mass": urogenital.paint_bladder_mass,
    "umbilical_hernia": belly.paint_umbilical_hernia,
    "inguinal_hernia": belly.paint_inguinal_hernia,
    "free_air": belly.paint_free_air,
    "sclerotic_metastasis": bones.paint_bone_metastasis,
    "lytic_metastasis": bones.paint_bone_metastasis,
    "rib_fracture": bones.paint_rib_fracture,
    "clavicle_fracture": bones.paint_clavicle_fracture,
    "humeral_fracture": bones.paint_humeral_fracture,
    "sternal_fracture": bones.paint_sternal_fracture,
    "pelvic_fracture": bones.paint_pelvic_fracture,
    "hip_fracture": bones.paint_hip_fracture,
    "cholecystectomy_clips": devices.paint_clips,
    "breast_implant": devices.paint_breast_implant,
    "shoulder_prosthesis": devices.paint_shoulder_prosthesis,
    "spinal_hardware": devices.paint_spinal_hardware,
    "valve_prosthesis": devices.paint_valve,
    "coronary_stent": devices.paint_coronary_stent,
    "stent_graft": devices.paint_stent_graft,
    "vena_cava_filter": devices.paint_cava_filter,
    "biliary_stent": devices.paint_biliary_stent,
    "ureteral_stent": devices.paint_ureteral_stent,
    "chest_drain": devices.paint_chest_drain,
    "sternotomy_wires": devices.paint_wires,
    "central_line": devices.paint_central_line,
    "port_catheter": devices.paint_port,
    "pacemaker": devices.paint_pacemaker,
    "nasogastric_tube": devices.paint_nasogastric,
    "tracheal_tube": devices.paint_tracheal_tube,
}


def paint_late_findings(scene: Scene, lungs: LungMap) -> None:
    """Paint the wished findings that lie over finished organs."""
    for kind, painter in _PAINTERS.items():
        for target in sorted(scene.wishes):
            name, _, place = target.partition("@")
            if name == kind:
                scene.now_drawing(target)
                painter(scene, lungs, target, place, scene.rng(target))
