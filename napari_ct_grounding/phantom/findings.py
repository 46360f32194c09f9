"""Findings painted over finished organs: lungs (see `lung_findings`), nodes, ribs and devices.

Findings that change an organ's own shape (an aneurysm, a large spleen) are drawn by that organ's painter.
"""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.
# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from napari_ct_grounding.phantom import lung_findings
from napari_ct_grounding.phantom.lungs import LungMap
from napari_ct_grounding.phantom.scene import Scene
from napari_ct_grounding.phantom.skeleton import rib_centre

__all__ = ["paint_late_findings"]

Painter = Callable[[Scene, LungMap, str, str, np.random.Generator], None]


def _nodes(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    spots = {
        "right_paratracheal": (20, 124, 16), "subcarinal": (4, 96, -28), "aortopulmonary": (-32, 126, 2), "right_hilum": (44, 112, -32),
        "left_hilum": (-48, 110, -28), "right_axilla": (134, 105, 8), "left_axilla": (-134, 105, 8),
    }  # fmt: skip
    extents = []
    for k in range(int(rng.integers(2, 5))):
        semi = np.array(rng.uniform((7, 7, 7), (13, 12, 13)))
        centre = np.array(spots[place], float) + rng.normal(0, 1, 3) * ((6, 5, 6) if k else (1, 1, 1))
        scene.canvas.paint_ellipsoid(centre, semi, scene.hu["node"] + 8)
        extents.append((centre[2] - semi[2], centre[2] + semi[2]))
    scene.mark_shape(target, *extents, size_mm=round(2 * float(semi[0]), 0))


def _rib_fracture(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    number = int(rng.integers(3, 9))
    sign = 1 if place == "right" else -1
    y = float(rng.uniform(80, 135))
    z = rib_centre(scene, number, y)
    a, back, front = scene.person.cage_at(z)
    share = abs(y - (back + front) / 2) / ((front - back) / 2)
    x = (a + 4) * (1 - share**2.2) ** (1 / 2.2)
    r = float(rng.uniform(8, 12))
    scene.canvas.paint_ellipsoid((sign * x, y, z), (r, r, r), 480)
    scene.canvas.paint_tube([(sign * (x - 8), y, z), (sign * (x + 10), y, z)], 1.8, 40)
    scene.mark(target, z - r, z + r, round(2 * r, 0))


def _pacemaker(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    z = float(rng.uniform(10, 34))
    y = 152.0
    canvas = scene.canvas
    canvas.paint_ellipsoid((-96, y + 4, z), (24, 6, 22), 3000, power=4)
    lead = [(-96, y, z + 10), (-70, 146, 52), (-20, 152, 47), (24, 138, 32), (34, 138, -20), (35, 146, -66)]
    low, _ = canvas.paint_tube(lead, 1.8, 2800)
    low2, high = canvas.paint_tube([*lead[:-1], (26, 152, -78), (-8, 166, -98), (-34, 168, -108)], 1.8, 2800)
    scene.mark(target, min(low, low2), max(high, z + 22))


def _port(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    z = float(rng.uniform(2, 24))
    canvas = scene.canvas
    canvas.paint_ellipsoid((88, 160, z), (14, 8, 13), 2200, power=3)
    low, high = canvas.paint_tube(
        [
            (88, 156, z + 8),
            (62, 150, 56),
            (34, 138, 50),
            (27, 134, 30),
            (34, 137, -12),
            (33, 140, rng.uniform(-58, -38)),
        ],
        1.9,
        900,
    )
    scene.mark(target, low, max(high, z + 13))


def _tube(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    tip = float(rng.uniform(22, 50))
    path = [(1, 116, tip), (0, 134, 75), (0, 138, 113), (0, 143, 165), (0, 175, 205), (0, 215, 190)]
    scene.canvas.paint_tube(path, 6.5, 250)
    scene.canvas.paint_tube([np.add(p, (4, 0, 0)) for p in path], 1.2, 1200)
    scene.canvas.paint_tube(path, 4.0, -950)
    scene.mark(target, tip - 4, 212)


def _wires(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    extents = []
    for z in np.linspace(38, -92, int(rng.integers(5, 8))) + rng.normal(0, 2):
        y = float(np.interp(-z, (-40, 0, 55, 105), (166, 175, 200, 209)))
        ring = [(14, y, z), (6, y + 10, z + 2), (-6, y + 10, z - 2), (-14, y, z), (0, y - 9, z), (14, y, z)]
        extents.append(scene.canvas.paint_tube(ring, 1.7, 2800))
    scene.mark_shape(target, *extents)


_PAINTERS: dict[str, Painter] = {
    "emphysema": lung_findings.paint_emphysema,
    "mosaic_attenuation": lung_findings.paint_mosaic,
    "septal_thickening": lung_findings.paint_septal,
    "basal_fibrosis": lung_findings.paint_basal_fibrosis,
    "ground_glass": lung_findings.paint_ground_glass,
    "consolidation": lung_findings.paint_consolidation,
    "lobar_atelectasis": lung_findings.paint_lobar_atelectasis,
    "linear_atelectasis": lung_findings.paint_linear_atelectasis,
    "apical_scarring": lung_findings.paint_apical_scar,
    "bulla": lung_findings.paint_bulla,
    "bronchiectasis": lung_findings.paint_bronchiectasis,
    "cavity": lung_findings.paint_cavity,
    "lung_mass": lung_findings.paint_mass,
    "lung_nodule": lung_findings.paint_nodule,
    "pneumothorax": lung_findings.paint_pneumothorax,
    "pleural_effusion": lung_findings.paint_effusion,
    "lymphadenopathy": _nodes,
    "rib_fracture": _rib_fracture,
    "sternotomy_wires": _wires,
    "port_catheter": _port,
    "pacemaker": _pacemaker,
    "tracheal_tube": _tube,
}


def paint_late_findings(scene: Scene, lungs: LungMap) -> None:
    """Paint the wished findings that lie over finished organs, in a fixed order of kinds."""
    for kind, painter in _PAINTERS.items():
        for target in sorted(scene.wishes):
            name, _, place = target.partition("@")
            if name == kind:
                painter(scene, lungs, target, place, scene.rng(target))
