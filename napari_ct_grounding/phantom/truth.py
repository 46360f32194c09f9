"""The truth of a scan: every landmark and finding inside it, in world millimetres."""

# Tables of numbers stand in long rows.
# ruff: noqa: E501

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_ct_grounding.phantom.catalogue import FINDINGS, split_target
from napari_ct_grounding.phantom.combined import combined_spans
from napari_ct_grounding.phantom.scene import Scene

__all__ = ["Target", "targets_of"]

_SIDELESS = {"left_atrium", "right_atrium", "left_ventricle", "right_ventricle", "left_liver_lobe"}
_ORGANS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("lung", ("lung", "lobe", "lingula", "bronch", "trachea", "carina", "hilum", "costophrenic", "diaphragm", "cavity", "consolidation",
              "ground_glass", "emphysema", "bulla", "atelectasis", "scarring", "fibrosis", "mosaic", "septal", "pleural", "pneumothorax")),
    ("heart", ("atrium", "ventricle", "heart", "cardiac", "pericardial", "cardiomegaly", "coronary", "pacemaker", "sternotomy")),
    ("vessel", ("vena", "aort", "vessels", "pulmonary_", "veins", "azygos", "portal_vein", "coeliac", "arter", "aneurysm", "port_catheter")),
    ("bone", ("vertebra", "spine", "rib", "clavicle", "scapula", "humeral", "stern", "manubrium", "xiphoid", "skull", "mandible", "iliac",
              "sacr", "coccyx", "acetabulum", "femoral", "trochanter", "ischial", "symphysis", "metastasis", "hip_prosthesis")),
    ("liver", ("liver",)), ("gallbladder", ("gall",)), ("spleen", ("splen",)), ("adrenal", ("adrenal",)),
    ("kidney", ("kidney", "renal", "hydronephrosis")), ("pancreas", ("pancreas",)),
    ("bowel", ("oesophag", "stomach", "gastric", "duodenum", "caecum", "colon", "flexure", "rectum", "bowel", "hernia")),
    ("bladder", ("bladder",)), ("thyroid", ("thyroid", "goitre")), ("lymph node", ("lymph",)), ("airway", ("larynx", "hyoid", "cricoid", "tracheal")),
)  # fmt: skip


@dataclass(frozen=True)
class Target:
    """Where one landmark or finding lies in a scan.

    Parameters
    ----------
    name : str
        Name in the catalogue; a finding as ``kind@place``.
    kind : {"landmark", "finding"}
    label : str
        Plain words.
    place : str
        Place of a finding, else "".
    side : {"right", "left", "both"} or None
    organ : str
    disease : str or None
        CT-RATE abnormality that it makes true.
    z_lo_mm, z_hi_mm : float
        World extent of the part inside the scan.
    visible_fraction : float
        Share of the full z extent inside the scan.
    size_mm : float or None
        Diameter, depth or length where one is meant.
    centre_mm : (float, float, float) or None
        World x, y, z of the middle of a finding, where one point stands for it.
    severity : {"mild", "moderate", "severe"} or None
    number : int or None
        How many there are, where they can be counted.
    traits : tuple of str
        See `catalogue.TRAITS`.
    """

    name: str
    kind: str
    label: str
    place: str
    side: str | None
    organ: str
    disease: str | None
    z_lo_mm: float
    z_hi_mm: float
    visible_fraction: float
    size_mm: float | None = None
    centre_mm: tuple[float, float, float] | None = None
    severity: str | None = None
    number: int | None = None
    traits: tuple[str, ...] = ()

    @property
    def z_mm(self) -> float:
        """World centre of the visible part."""
        return (self.z_lo_mm + self.z_hi_mm) / 2

    @property
    def is_finding(self) -> bool:
        """Whether it is a finding, not normal anatomy."""
        return self.kind == "finding"


def targets_of(scene: Scene, edges: np.ndarray, world: tuple[float, float, float]) -> tuple[Target, ...]:
    """Return what is in the scan; `world` is the world point (x, y, z) of the real origin."""
    out = []
    shift, person = world[2], scene.person
    for name, span in (scene.spans | combined_spans(scene.spans)).items():
        low, high = scene.person.real_z(span.z_lo), scene.person.real_z(span.z_hi)
        seen_low, seen_high = max(low, edges[0]), min(high, edges[1])
        if seen_high <= seen_low:
            continue
        kind, place = split_target(name)
        is_finding = kind in FINDINGS
        out.append(
            Target(
                name=name,
                kind="finding" if is_finding else "landmark",
                label=_label(kind, place),
                place=place,
                side=_side(name),
                organ=_organ(kind),
                disease=FINDINGS[kind].disease if is_finding else None,
                z_lo_mm=float(seen_low + shift),
                z_hi_mm=float(seen_high + shift),
                visible_fraction=float((seen_high - seen_low) / max(high - low, 1e-6)),
                size_mm=span.size_mm,
                centre_mm=None
                if span.centre is None
                else (
                    float(span.centre[0] * person.scale_x + world[0]),
                    float(span.centre[1] * person.scale_y + world[1]),
                    float(person.real_z(span.centre[2]) + shift),
                ),
                severity=span.severity,
                number=span.number,
                traits=span.traits,
            )
        )
    return tuple(out)


def _label(kind: str, place: str) -> str:
    words = kind.split("_")
    if kind.startswith("vertebra_"):
        return f"vertebra {words[1].upper()}"
    if words[-1] in ("right", "left", "both"):
        words = [words[-1], *words[:-1]]
    where = place.upper() if kind == "vertebral_fracture" else place.replace("_", " ")
    return " ".join(words) + (f", {where}" if place else "")


def _side(name: str) -> str | None:
    kind, place = split_target(name)
    if kind in _SIDELESS:
        return None
    if place:
        if kind.startswith("liver_"):
            return None
        if place.startswith("both"):
            return "both"
        if place == "lingula":
            return "left"
        if place == "middle_lobe":
            return "right"
        parts = place.split("_")
        return next((p for p in parts if p in ("right", "left")), None)
    if kind == "lingula":
        return "left"
    if kind == "middle_lobe":
        return "right"
    return next((p for p in kind.split("_") if p in ("right", "left", "both")), None)


def _organ(kind: str) -> str:
    for organ, words in _ORGANS:
        if any(word in kind for word in words):
            return organ
    return "soft tissue"
