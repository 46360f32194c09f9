"""Hounsfield units of the tissues of one person in one contrast phase (120 kVp)."""

from __future__ import annotations

import numpy as np

__all__ = ["PHASES", "tissue_hu"]

PHASES = ("none", "arterial", "pulmonary", "portal")

#: Mean HU per phase in the order of PHASES.
_BY_PHASE: dict[str, tuple[float, float, float, float]] = {
    "aorta": (42, 320, 200, 150),
    "pulmonary_artery": (42, 200, 360, 147),
    "right_heart": (42, 190, 350, 147),
    "left_heart": (42, 310, 220, 150),
    "myocardium": (45, 95, 75, 105),
    "svc": (42, 420, 600, 150),
    "ivc": (40, 60, 45, 115),
    "portal": (40, 80, 45, 165),
    "hepatic_vein": (42, 50, 42, 155),
    "liver": (56, 68, 58, 112),
    "spleen": (47, 120, 70, 120),
    "pancreas": (40, 105, 50, 95),
    "cortex": (33, 165, 80, 185),
    "medulla": (33, 70, 40, 160),
    "adrenal": (28, 60, 40, 75),
    "thyroid": (105, 190, 170, 160),
    "muscle": (50, 55, 52, 60),
    "bowel_wall": (40, 85, 50, 90),
    "node": (38, 75, 50, 90),
    "prostate": (38, 55, 40, 75),
    "uterus": (45, 75, 50, 110),
    "mass": (38, 65, 50, 80),
    "collapse": (40, 80, 60, 105),
}

_FIXED = {
    "fat": -105.0,
    "visceral_fat": -100.0,
    "skin": 30.0,
    "gland": 30.0,
    "bile": 10.0,
    "urine": 8.0,
    "water": 8.0,
    "stomach_content": 20.0,
    "stool": -40.0,
    "gas": -970.0,
    "cartilage": 105.0,
    "disc": 85.0,
    "brain": 35.0,
    "cord": 35.0,
}


def tissue_hu(phase: str, age: float, rng: np.random.Generator) -> dict[str, float]:
    """Return HU by tissue name for one person; contrast strengths and organs vary between people."""
    column = PHASES.index(phase)
    strength = float(rng.uniform(0.75, 1.25))
    table = {}
    for name, values in _BY_PHASE.items():
        plain, value = values[0], values[column]
        spread = rng.normal(0, 4)
        table[name] = float(plain + (value - plain) * strength * rng.uniform(0.92, 1.08) + spread)
    for name, value in _FIXED.items():
        table[name] = float(value + rng.normal(0, 5))
    if rng.random() < 0.18:  # fatty liver
        table["liver"] -= rng.uniform(15, 50)
    table["muscle"] -= max(0.0, (age - 40) * 0.3)
    table["spongiosa"] = float(np.clip(rng.normal(260 - 2.2 * age, 35) + 60, 70, 320))
    table["cortical"] = float(rng.uniform(420, 800))
    table["lung"] = float(rng.normal(-855, 25))
    table["excreted"] = table["urine"] + 6
    if phase == "portal" and rng.random() < 0.25:  # late enough for contrast in the renal pelvis
        table["excreted"] = float(rng.uniform(150, 1300))
        table["cortex"] = table["medulla"] = float(0.5 * (table["cortex"] + table["medulla"]))
    table["gas"] = float(rng.uniform(-990, -940))
    if rng.random() < 0.2:  # oral contrast
        table["stomach_content"] = float(rng.uniform(120, 350))
    return table
