"""Fat between the lungs, oesophagus, thyroid and small nodes."""


# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.

from __future__ import annotations

import numpy as np

from napari_ct_grounding.phantom.catalogue import graded
from napari_ct_grounding.phantom.scene import Scene

__all__ = ["paint_mediastinum"]


def paint_mediastinum(scene: Scene) -> None:
    """Paint fat between the lungs, oesophagus, thyroid and small nodes."""
    canvas, person, hu = scene.canvas, scene.person, scene.hu
    cage = scene.covers["cage"]
    rows = slice(int(np.searchsorted(canvas.z, -230)), int(np.searchsorted(canvas.z, 74)))
    if rows.stop > rows.start:
        part = canvas.hu[rows]
        # Behind the vertebral bodies lies muscle, in front of them fat.
        behind = (
            np.clip((50 - canvas.y) / 8 + 0.5, 0, 1)[:, None] * np.clip((40 - np.abs(canvas.x)) / 12, 0, 1)[None, :]
        )
        value = hu["visceral_fat"] + behind.astype(np.float32) * np.float32(hu["muscle"] - hu["visceral_fat"])
        part += cage[rows] * (value - part)
    move = person.jitter("oesophagus", (2, 1, 0))
    path = np.array([
        (-2, 118, 110), (-2, 117, 80), (-7, 100, 31), (-7, 93, 0), (-4, 90, -60), (-6, 104, -92), (-12, 117, -130),
        (-16, 122, -150), (-28, 124, -166),
    ]) + move  # fmt: skip
    scene.now_drawing("thoracic_oesophagus")
    canvas.paint_tube(path, 9, hu["bowel_wall"])
    scene.keep_course("oesophagus", path, 9.0)
    rng = person.rng("gullet")
    if rng.random() < 0.5:
        canvas.paint_tube(path[1:6], 3.5 + 2 * rng.random(), -500)
    scene.now_drawing()
    scene.mark("thoracic_oesophagus", -152, 75)
    low = person.jitter("hiatus", (0, 0, 7))[2]
    scene.mark("gastro_oesophageal_junction", -175 + low, -155 + low)
    size = 1.0
    if scene.wants("goitre"):
        size = float(scene.rng("goitre").uniform(1.5, 2.6))
    lift = person.jitter("thyroid", (0, 0, 5))[2]
    semi = np.array((10, 11, 25)) * (size, size, 0.4 + 0.6 * size)
    centre_z = 97 + lift - (size - 1) * 12
    scene.now_drawing("thyroid")
    for sign in (1, -1):
        lobe = (sign * (19 + 5 * (size - 1)), 136, centre_z)
        canvas.paint_ellipsoid(lobe, semi, hu["thyroid"] - 25 * (size > 1.2))
        scene.keep_spot(f"thyroid_{'right' if sign > 0 else 'left'}", lobe)
    canvas.paint_ellipsoid((0, 147, 92 + lift), (16, 4 * size, 9), hu["thyroid"])
    scene.mark("thyroid", centre_z - semi[2], centre_z + semi[2])
    if size > 1.2:
        for sign in (1, -1):
            canvas.paint_ellipsoid((sign * 24, 138, centre_z - 6), (7, 6, 9), 45)
        scene.mark(
            "goitre", centre_z - semi[2], centre_z + semi[2], round(2 * float(semi[2]), 0), centre=(0, 136, centre_z),
            severity=graded((size - 1.5) / 1.1),
        )  # fmt: skip
    scene.now_drawing()
    nodes = person.rng("nodes")
    for spot in ((18, 122, 15), (-12, 108, 5), (-28, 128, 0), (4, 98, -28), (-130, 102, 8), (132, 100, 12)):
        if nodes.random() < 0.7:
            canvas.paint_ellipsoid(np.add(spot, nodes.normal(0, 4, 3)), nodes.uniform(2.5, 4.5, 3), hu["node"])
