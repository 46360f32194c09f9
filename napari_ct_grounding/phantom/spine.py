"""Vertebrae C1 to L5 with discs, arches, processes, canal and cord; fractures and metastases change them."""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.
# ruff: noqa: E501, RUF005

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_ct_grounding.phantom.body import Vertebra
from napari_ct_grounding.phantom.contours import loft, mirrored, ribbon
from napari_ct_grounding.phantom.scene import Scene
from napari_ct_grounding.phantom.shapes import Solid

__all__ = ["paint_spine"]

# Half outlines of the body from rear to front: shares of half the width and of the depth.
_THORACIC = np.array(
    [(0, -0.43), (0.35, -0.5), (0.72, -0.47), (1, -0.22), (0.92, 0.1), (0.62, 0.4), (0.25, 0.5), (0, 0.51)]
)
_LUMBAR = np.array(
    [(0, -0.42), (0.35, -0.48), (0.75, -0.49), (1, -0.2), (0.98, 0.12), (0.74, 0.4), (0.35, 0.5), (0, 0.5)]
)


def _body(scene: Scene, bone: Vertebra, levels: Sequence[tuple[float, float]], grow: float = 0.0) -> Solid | None:
    half = _LUMBAR if bone.name.startswith("l") else _THORACIC
    outline = mirrored(half) * (bone.width / 2 + grow, bone.depth + 2 * grow) + (0, bone.y)
    centre = np.array((0, bone.y))
    return loft(scene.canvas, [(z, centre + (outline - centre) * share) for z, share in levels], cap=12.0)


def paint_spine(scene: Scene) -> None:
    """Paint vertebrae C1 to L5 with discs, arches, processes and the cord; fractures and metastases change their values."""
    canvas, person, hu = scene.canvas, scene.person, scene.hu
    rng = person.rng("spine")
    worn = float(np.clip((person.age - 45) / 40, 0, 1)) * float(person.rng("wear").uniform(0.2, 1.2))
    bones = list(person.vertebrae.values())
    reach = 60.0
    for index, bone in enumerate(bones):
        spongy = hu["spongiosa"] + float(rng.normal(0, 12))
        spur = 1 + 0.05 * worn * float(np.clip(rng.normal(0.5, 0.8), 0, 2))
        below = bones[index + 1].z_hi if index + 1 < len(bones) else bone.z_lo - 10
        if bone.name not in {f"c{k}" for k in range(1, 6)}:
            scene.mark(f"vertebra_{bone.name}", bone.z_lo, bone.z_hi)
        if bone.z_hi < canvas.z[0] - reach or below > canvas.z[-1] + reach:
            if scene.wants("vertebral_fracture", bone.name):
                scene.mark(
                    f"vertebral_fracture@{bone.name}", bone.z_lo, bone.z_hi, round((bone.z_hi - bone.z_lo) * 0.3, 1)
                )
            continue
        disc = _body(scene, bone, [(below, 0.97), ((bone.z_lo + below) / 2, 1.0), (bone.z_lo, 0.97)])
        canvas.paint(canvas.cover(disc), hu["disc"] + 15)
        canvas.paint(canvas.cover(disc, -6.0), hu["disc"] - 10)
        if worn > 0.75 and bone.name in {"l4", "l5", "l3"} and rng.random() < 0.4:  # gas of a worn disc
            canvas.paint_ellipsoid((0, bone.y, (bone.z_lo + below) / 2), (9, 7, 1.6), -700)
        solid = _body(
            scene,
            bone,
            [(bone.z_lo, spur), (bone.z_lo + 4, 0.96), (bone.z, 0.89), (bone.z_hi - 4, 0.96), (bone.z_hi, spur)],
        )
        scene.now_drawing(f"vertebra_{bone.name}")
        patch = canvas.cover(solid)
        canvas.paint(patch, hu["cortical"] * 0.85)
        inner = canvas.cover(solid, -1.6)
        if inner is not None:
            ends = np.clip(
                np.minimum(canvas.z[inner.box[0]] - bone.z_lo, bone.z_hi - canvas.z[inner.box[0]]) / 1.5 - 0.4, 0, 1
            )[:, None, None]
            grain = canvas.field(inner.box, 5.0, person.rng(f"marrow-{bone.name}")) * np.float32(14)
            canvas.paint(inner, spongy + grain + (1 - ends) * np.float32(hu["cortical"] * 0.5))
        if scene.wants("vertebral_fracture", bone.name):
            _fracture(scene, bone)
        _arch(scene, bone, hu["cortical"] * 0.8, spongy + 60)
    scene.mark("cervical_spine", person.vertebrae["c7"].z_lo, person.vertebrae["c1"].z_hi)
    for place, names in (
        ("thoracic_spine", [f"t{n}" for n in range(2, 13)]),
        ("lumbar_spine", [f"l{n}" for n in range(1, 6)]),
    ):
        if f"sclerotic_metastasis@{place}" in scene.wishes:
            _metastasis(scene, f"sclerotic_metastasis@{place}", names)


def _arch(scene: Scene, bone: Vertebra, rind: float, marrow: float) -> None:
    """Paint pedicles, laminae, facets and processes, then the canal with the cord in its sac."""
    canvas, hu, person = scene.canvas, scene.hu, scene.person
    half = (bone.z_hi - bone.z_lo) / 2
    rear, mid = bone.y - bone.depth / 2, bone.z
    kind = bone.name[0]
    reach, drop, length = {"c": (24, 8, 26), "t": (31, 22, 40), "l": (42, 5, 32)}[kind]
    side = {"c": 15, "t": 13, "l": 16}[kind]
    for sign in (1, -1):
        foot = (sign * (bone.width / 2 - 5.5), rear + 3, mid + half * 0.35)
        joint = np.array((sign * side, rear - 15, mid - 1))
        wing = joint + (sign * (reach - side), -6 if kind == "t" else 3, 4 if kind == "t" else 1)
        parts: tuple[tuple[list, list[float]], ...] = (([foot, joint + (sign, 2, half * 0.4)], [4.6, 4.2]), ([joint, wing], [4.4, 3.0]), ([joint + (0, 0, half * 0.7), joint - (sign * 1, 1, half * 0.95)], [5.4, 5.0]),
                 ([joint - (sign * 1, 1, half * 0.4), (0, rear - 24, mid - half * 0.7)], [3.6, 3.4]))  # fmt: skip
        for path, radii in parts:
            canvas.paint_tube(path, radii, rind)
        for path, radii in parts[:3]:
            canvas.paint_tube(path, [r - 1.7 for r in radii], marrow)
    tip = max(rear - 24 - length, float(np.interp(mid - drop, person.inner_table[:, 0], person.inner_table[:, 2])) + 8)
    levels = [
        (mid - half * 0.9, [(0, rear - 24), (0, (rear - 24 + tip) / 2)], 2.6),
        (mid - half * 0.2, [(0, rear - 22), (0, rear - 30)], 2.2),
    ]
    if drop > 10:  # the thoracic spines slope down
        levels = [
            (mid - drop - 6, [(0, tip + 9), (0, tip)], 2.6),
            (mid - drop * 0.5, [(0, rear - 30), (0, tip + 9)], 2.4),
            (mid - 2, [(0, rear - 22), (0, rear - 32)], 2.2),
        ]
    else:
        levels = [
            (mid - half * 1.1, [(0, rear - 30), (0, tip)], 3.4),
            (mid - half * 0.1, [(0, rear - 24), (0, tip + 3)], 2.4),
        ]
    plate = ribbon(canvas, levels, cap=3.0)
    canvas.paint(canvas.cover(plate), rind)
    canvas.paint(canvas.cover(plate, -1.4), marrow)
    scene.now_drawing()
    canal = (9.5, 7.5) if kind == "t" else (11, 8)
    canvas.paint_ellipsoid((0, rear - 9, mid), (*canal, half + 4), hu["fat"] + 60, power=3)
    canvas.paint_ellipsoid((0, rear - 8.5, mid), (canal[0] - 2, canal[1] - 1.5, half + 5), 20, power=3)
    canvas.paint_ellipsoid((0, rear - 8.5, mid), (4.5, 3.5, half + 5), hu["cord"] + 8, power=3)


def _fracture(scene: Scene, bone: Vertebra) -> None:
    # The front half sinks in; a dense band lies under the end plate.
    half = (bone.z_hi - bone.z_lo) / 2
    canvas = scene.canvas
    canvas.paint_ellipsoid(
        (0, bone.y + bone.depth * 0.22, bone.z_hi - half * 0.3),
        (bone.width / 2 + 1, bone.depth * 0.38, half * 0.45),
        scene.hu["disc"],
    )
    canvas.paint_ellipsoid(
        (0, bone.y, bone.z - half * 0.35), (bone.width / 2 + 2, bone.depth / 2 + 2, half * 0.6), 640, power=4
    )
    scene.mark(f"vertebral_fracture@{bone.name}", bone.z_lo, bone.z_hi, round(half * 1.2, 1))


def _metastasis(scene: Scene, target: str, names: Sequence[str]) -> None:
    own = scene.rng(target)
    bone = scene.person.vertebrae[names[int(own.integers(len(names)))]]
    radius = float(own.uniform(8, 13))
    centre = (own.uniform(-8, 8), bone.y + own.uniform(-5, 5), bone.z)
    height = min(radius, (bone.z_hi - bone.z_lo) / 2)
    scene.canvas.paint_ellipsoid(centre, (radius, radius, height), own.uniform(700, 1100))
    scene.mark(target, bone.z - height, bone.z + height, round(2 * radius, 1))
