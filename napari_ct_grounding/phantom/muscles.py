"""Single muscles of the trunk, drawn by their outlines: back, psoas, loins, belly, buttocks and thighs."""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.
# ruff: noqa: E501

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.phantom.contours import Level, loft, shell
from napari_ct_grounding.phantom.scene import Scene
from napari_ct_grounding.phantom.shapes import Patch

__all__ = ["paint_muscles"]

#: Outlines of right-sided muscles (x, y) by reference z; the left ones are their mirror images.
_ERECTOR: list[Level] = [
    (150, [(4, 62), (16, 58), (30, 66), (32, 82), (20, 94), (8, 92)]),
    (80, [(4, 40), (20, 38), (38, 48), (36, 66), (20, 74), (6, 64)]),
    (10, [(4, 18), (20, 15), (40, 20), (44, 32), (26, 40), (6, 38)]),
    (-80, [(4, 15), (18, 13), (38, 15), (50, 22), (42, 31), (24, 36), (6, 34)]),
    (-150, [(4, 17), (20, 13), (42, 15), (58, 24), (50, 35), (26, 42), (7, 40)]),
    (-225, [(4, 20), (22, 14), (48, 17), (68, 31), (66, 46), (44, 56), (20, 56), (7, 46)]),
    (-295, [(4, 24), (22, 16), (48, 19), (70, 34), (72, 50), (54, 62), (24, 66), (8, 54)]),
    (-345, [(4, 26), (20, 19), (44, 22), (60, 34), (58, 48), (40, 60), (18, 62), (7, 50)]),
    (-385, [(4, 28), (16, 22), (32, 24), (42, 34), (36, 46), (22, 52), (8, 46)]),
    (-420, [(4, 26), (12, 22), (22, 25), (24, 33), (16, 38), (6, 36)]),
]  # fmt: skip
_PSOAS: list[Level] = [
    (-196, [(20, 84), (26, 82), (30, 88), (26, 94), (21, 92)]),
    (-250, [(24, 82), (36, 76), (46, 84), (44, 98), (32, 102), (25, 96)]),
    (-300, [(28, 84), (42, 74), (58, 82), (60, 98), (46, 108), (31, 102)]),
    (-345, [(30, 88), (46, 80), (62, 90), (64, 106), (50, 116), (33, 106)]),
    (-395, [(42, 104), (56, 98), (70, 108), (72, 124), (58, 132), (44, 122)]),
    (-440, [(56, 122), (68, 116), (84, 124), (86, 140), (70, 146), (57, 138)]),
    (-490, [(72, 126), (84, 120), (98, 126), (98, 140), (84, 146), (73, 140)]),
    (-525, [(84, 108), (92, 104), (100, 110), (98, 120), (90, 122), (84, 116)]),
]  # fmt: skip
_QUADRATUS: list[Level] = [
    (-225, [(60, 52), (72, 46), (82, 54), (76, 62), (64, 62)]),
    (-295, [(60, 62), (78, 52), (92, 62), (84, 72), (66, 74)]),
    (-345, [(62, 60), (82, 54), (100, 66), (90, 76), (68, 72)]),
]
_ILIACUS: list[Level] = [
    (-355, [(98, 92), (112, 96), (126, 120), (120, 132), (108, 116)]),
    (-395, [(72, 88), (92, 84), (116, 112), (118, 138), (104, 138), (84, 112)]),
    (-440, [(72, 104), (86, 100), (104, 120), (104, 140), (90, 142), (78, 124)]),
    (-470, [(76, 122), (88, 118), (98, 128), (94, 140), (82, 140)]),
]
_GLUTEUS_MAX: list[Level] = [
    (-375, [(44, 30), (58, 20), (76, 28), (74, 38), (56, 40)]),
    (-420, [(30, 22), (60, 12), (96, 30), (114, 56), (102, 62), (80, 44), (44, 34)]),
    (-470, [(16, 20), (50, 4), (96, 20), (132, 62), (120, 72), (88, 46), (44, 34)]),
    (-520, [(12, 26), (46, 4), (94, 16), (136, 62), (128, 76), (96, 44), (52, 40)]),
    (-560, [(14, 34), (48, 10), (90, 18), (126, 52), (112, 58), (84, 40), (44, 44)]),
]  # fmt: skip
_GLUTEUS_MED: list[Level] = [
    (-350, [(112, 66), (130, 78), (142, 104), (136, 112), (122, 88)]),
    (-395, [(76, 44), (110, 56), (142, 96), (144, 134), (132, 138), (118, 104), (88, 66)]),
    (-440, [(82, 46), (118, 60), (148, 104), (146, 142), (130, 148), (112, 118), (92, 72)]),
    (-480, [(116, 72), (136, 74), (154, 104), (148, 134), (130, 138), (120, 110)]),
]  # fmt: skip
_RECTUS: list[Level] = [
    (-130, [(8, 203), (30, 199), (56, 198), (58, 204), (34, 208), (10, 210)]),
    (-225, [(4, 201), (34, 199), (66, 192), (68, 199), (38, 209), (5, 210)]),
    (-315, [(3, 193), (34, 191), (66, 184), (67, 192), (38, 202), (4, 203)]),
    (-420, [(2, 189), (26, 188), (48, 184), (48, 193), (28, 200), (3, 201)]),
    (-495, [(2, 176), (16, 176), (24, 178), (22, 188), (12, 192), (2, 191)]),
]  # fmt: skip
_THIGH: list[tuple[str, list[Level]]] = [
    ("sartorius", [(-440, [(112, 152), (124, 150), (126, 162), (114, 164)]), (-520, [(100, 166), (114, 162), (116, 172), (102, 176)]), (-620, [(84, 166), (98, 164), (100, 174), (86, 176)])]),
    ("rectus femoris", [(-470, [(96, 146), (112, 142), (114, 156), (98, 158)]), (-530, [(92, 144), (116, 140), (118, 160), (96, 164)]), (-630, [(90, 140), (116, 140), (116, 162), (92, 164)])]),
    ("tensor", [(-420, [(130, 140), (140, 136), (142, 150), (132, 154)]), (-500, [(122, 140), (140, 130), (146, 146), (128, 156)]), (-580, [(124, 132), (138, 126), (142, 140), (128, 148)])]),
    ("vastus", [(-510, [(112, 112), (136, 96), (144, 118), (128, 136), (114, 132)]), (-640, [(96, 110), (130, 80), (148, 100), (138, 130), (110, 138)])]),
    ("adductors", [(-500, [(30, 140), (52, 132), (66, 138), (60, 152), (36, 154)]), (-540, [(22, 106), (54, 96), (78, 110), (76, 142), (50, 158), (26, 148)]), (-640, [(18, 90), (56, 66), (86, 96), (82, 142), (50, 158), (24, 144)])]),
    ("hamstrings", [(-545, [(48, 44), (66, 40), (74, 54), (60, 62)]), (-640, [(44, 34), (80, 28), (96, 52), (70, 66)])]),
    ("obturator", [(-455, [(66, 76), (76, 74), (80, 104), (72, 110)]), (-490, [(52, 76), (66, 70), (70, 112), (58, 118)]), (-525, [(42, 82), (60, 74), (64, 108), (46, 112)])]),
    ("piriformis", [(-425, [(30, 52), (56, 44), (74, 46), (60, 56)]), (-462, [(50, 50), (86, 48), (116, 72), (100, 72), (64, 60)])]),
]  # fmt: skip


def _marbled(scene: Scene, patch: Patch | None, clip: NDArray | None = None, shade: float = 0.0) -> None:
    """Paint muscle, with the streaks of fat of the person's age."""
    if patch is None:
        return
    canvas, person = scene.canvas, scene.person
    grain = canvas.field(patch.box, 7.0, person.rng("marbling"))
    share = np.clip(grain - np.float32(2.3 - 0.016 * person.age), 0, 0.5)
    value = np.float32(scene.hu["muscle"] + shade) + np.float32(4) * grain - share * np.float32(110)
    canvas.paint(patch, value, clip)


def _muscle(scene: Scene, levels: list[Level], size: float = 1.0, name: str = "", depth: float = 0.0) -> None:
    """Paint a muscle on both sides; `depth` moves its outlines forwards with the wall of the belly."""
    rng = scene.person.rng(f"muscle-{name}")
    for sign in (1, -1):
        own = 1 + rng.normal(0, 0.03, (len(levels), 2))
        drawn = []
        for (z, points), factor in zip(levels, own, strict=True):
            outline = np.asarray(points, float)
            centre = outline.mean(0)
            outline = centre + (outline - centre) * size * factor + (0, depth * scene.person.belly_share(z))
            drawn.append((z, outline * (sign, 1)))
        solid = loft(scene.canvas, drawn, cap=2.0, margin_mm=2.0)
        rind = shell(scene.canvas, solid, -0.3, 1.7)  # the fat between this muscle and its neighbours
        if rind is not None:
            scene.canvas.paint(rind, scene.hu["fat"] + 25, scene.covers["lean"])
        _marbled(scene, scene.canvas.cover(solid, -0.3), scene.covers["lean"])


def paint_muscles(scene: Scene) -> None:
    """Paint the long muscles: back, psoas, loins, straight muscle of the belly, buttocks and thighs."""
    person = scene.person
    size = (0.9 if person.sex == "F" else 1.0) * (1.12 - 0.0026 * person.age)
    for name, levels in (("erector", _ERECTOR), ("quadratus", _QUADRATUS), ("iliacus", _ILIACUS), ("gluteus max", _GLUTEUS_MAX),
                         ("gluteus med", _GLUTEUS_MED), *_THIGH):  # fmt: skip
        _muscle(scene, levels, size if name != "erector" else 0.5 + 0.5 * size, name)
    _muscle(scene, _RECTUS, 0.5 + 0.5 * size, "rectus", depth=person.belly_mm)
    _muscle(scene, _PSOAS, size, "psoas")
    for side in ("right", "left"):
        scene.mark(f"psoas_{side}", -515, -196)
