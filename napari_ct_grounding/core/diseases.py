"""The 18 CT-RATE abnormalities and the prompt pairs that score them.

Source: label file of CT-RATE (arXiv 2403.17834), in its order; prompt pairs of the released RadFinder evaluation ("mean7").
"""

from __future__ import annotations

__all__ = ["CHEST_DISEASES", "CT_RATE_DISEASES", "prompt_pairs"]

CT_RATE_DISEASES = (
    "Medical material",
    "Arterial wall calcification",
    "Cardiomegaly",
    "Pericardial effusion",
    "Coronary artery wall calcification",
    "Hiatal hernia",
    "Lymphadenopathy",
    "Emphysema",
    "Atelectasis",
    "Lung nodule",
    "Lung opacity",
    "Pulmonary fibrotic sequela",
    "Pleural effusion",
    "Mosaic attenuation pattern",
    "Peribronchial thickening",
    "Consolidation",
    "Bronchiectasis",
    "Interlobular septal thickening",
)


#: Those of lung, pleura, heart and airways: without a chest in the scan their scores mean nothing.
CHEST_DISEASES = frozenset(CT_RATE_DISEASES) - {"Medical material", "Arterial wall calcification", "Lymphadenopathy"}


def prompt_pairs(name: str) -> tuple[tuple[str, str], ...]:
    """Return the seven (positive, negative) prompts for a disease; the name is inserted as it is written."""
    return (
        (f"{name}.", f"No {name}."),
        (f"Findings are compatible with {name}.", f"Findings are not compatible with {name}."),
        (f"There is {name}.", f"There is no {name}."),
        (f"{name} is seen.", f"{name} is not seen."),
        (f"{name}.", f"Not {name}."),
        (f"{name} is observed.", f"{name} is not observed."),
        (f"{name} is present.", f"{name} is not present."),
    )
