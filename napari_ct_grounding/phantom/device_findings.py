"""Tubes, lines and implants: all that a report calls medical material, except hip prostheses (`skeleton`)."""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.
# ruff: noqa: RUF005

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.phantom.chest_findings import sign_of
from napari_ct_grounding.phantom.lungs import LungMap
from napari_ct_grounding.phantom.scene import Scene


def _vein_course(scene: Scene, side: str, tip: float) -> list[tuple[float, float, float]]:
    """Return the way from the brachiocephalic vein of a side into the superior vena cava down to `tip` (z)."""
    cava = scene.courses["superior_vena_cava"][0]
    entry = [(46, 132, 60), (30, 134, 44)] if side == "right" else [(-48, 140, 57), (-20, 152, 48), (8, 150, 38)]
    low = [(float(np.interp(-tip, -cava[:, 2], cava[:, k]))) for k in (0, 1)]
    way = [tuple(map(float, p)) for p in cava if p[2] > tip + 5]
    return [*entry, *way, (low[0], low[1], tip)]  # type: ignore[list-item]


def paint_pacemaker(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a generator before the chest wall and leads to the right heart, at times with the coil of a defibrillator."""
    z, sign, canvas = float(rng.uniform(8, 34)), sign_of(place), scene.canvas
    front = scene.person.cage_at(z)[2]
    box = (sign * rng.uniform(80, 98), front - 2 + rng.uniform(0, 4), z)
    canvas.paint_ellipsoid(box, (24, 6, 22), 3000, power=4)
    start = [(box[0], box[1], z + 12), (sign * 72, 146, 54)]
    leads = []
    for spot in ("right_atrium", "right_ventricle")[int(rng.random() < 0.25) :]:
        end = scene.spots[spot] + rng.normal(0, 3, 3)
        way = [*start, *_vein_course(scene, place, -10.0), (34, 146, -62)]
        leads.append(canvas.paint_tube(np.vstack([*way, end]), 1.8, 2800))
        if spot == "right_ventricle" and rng.random() < 0.3:
            leads.append(canvas.paint_tube(np.vstack([(34, 146, -62), end]), 3.2, 3000))
    low, high = min(e[0] for e in leads), max(e[1] for e in leads)
    scene.mark(target, low, max(high, z + 22), centre=box)


def paint_port(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a port chamber before the chest wall and its line to the upper cava."""
    z, sign, canvas = float(rng.uniform(0, 26)), sign_of(place), scene.canvas
    front = scene.person.cage_at(z)[2]
    box = (sign * 88, front + 2, z)
    canvas.paint_ellipsoid(box, (14, 8, 13), 2200, power=3)
    way = [box, (sign * 64, 150, 58), *_vein_course(scene, place, float(rng.uniform(-50, -18)))]
    low, high = canvas.paint_tube(way, 1.9, 900)
    scene.mark(target, low, max(high, z + 13), centre=box)


def paint_central_line(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a line from the jugular or subclavian vein to the upper cava or right atrium."""
    sign, tip = sign_of(place), float(rng.uniform(-62, 8))
    start = (
        [(sign * 38, 124, 150), (sign * 38, 124, 95)]
        if rng.random() < 0.6
        else [(sign * 120, 150, 40), (sign * 92, 134, 62)]
    )
    way = [*start, *_vein_course(scene, place, tip)]
    low, high = scene.canvas.paint_tube(way, 1.9, 1100)
    scene.mark(target, low, high, centre=way[-1])


def paint_tracheal_tube(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a tube through the mouth, or from a hole in the neck, into the trachea."""
    course = scene.courses["trachea"][0]
    tip = float(rng.uniform(18, 55))
    end = [float(np.interp(-tip, -course[:, 2], course[:, k])) for k in (0, 1)]
    is_short = bool(rng.random() < 0.25)
    outside = [(0, 150, 88), (0, 185, 96)] if is_short else [(0, 138, 113), (0, 143, 165), (0, 175, 205), (0, 215, 190)]
    path = [(*end, tip), (0, 134, 75), *outside]
    scene.canvas.paint_tube(path, 6.5, 280)
    scene.canvas.paint_tube([np.add(p, (4, 0, 0)) for p in path], 1.3, 1300)
    scene.canvas.paint_tube(path, 4.0, -950)
    scene.mark(target, tip - 4, (104 if is_short else 212), centre=path[0])


def paint_nasogastric(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a thin tube through the oesophagus into the stomach."""
    gullet, _ = scene.courses["oesophagus"]
    stomach, _ = scene.courses["stomach"]
    way = [(0, 168, 225), (0, 142, 170), *gullet, stomach[0], stomach[1] + rng.normal(0, 6, 3)]
    low, high = scene.canvas.paint_tube(way, 2.6, 750)
    scene.canvas.paint_tube(way[:3], 1.3, 1000)
    scene.mark(target, low, high, centre=way[-1])


def paint_chest_drain(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a drain between ribs towards the apex or the base."""
    sign = sign_of(place)
    z = float(rng.uniform(-95, -45))
    a = scene.person.cage_at(z)[0]
    goes_up = bool(rng.random() < 0.55)
    end = (sign * 45, 95, float(rng.uniform(25, 50))) if goes_up else (sign * 70, 48, float(rng.uniform(-165, -130)))
    middle = (sign * (a - 10), float(rng.uniform(90, 130)), z + (25 if goes_up else -20))
    path = [(sign * (a + 38), 118, z - 16), (sign * (a - 2), 116, z), middle, end]
    low, high = scene.canvas.paint_tube(path, 4.6, 260)
    scene.canvas.paint_tube(path[1:], 2.6, -850)
    scene.canvas.paint_tube([np.add(p, (0, 3.8, 0)) for p in path], 1.4, 1300)
    scene.mark(target, low, high, centre=end)


def paint_wires(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint wire loops round the sternum."""
    extents = []
    for z in np.linspace(38, -92, int(rng.integers(5, 9))) + rng.normal(0, 2):
        y = float(np.interp(-z, (-40, 0, 55, 105), (166, 175, 200, 209)))
        ring = [(14, y, z), (6, y + 10, z + 2), (-6, y + 10, z - 2), (-14, y, z), (0, y - 9, z), (14, y, z)]
        extents.append(scene.canvas.paint_tube(ring, 1.7, 2800))
    scene.mark_shape(target, *extents, number=len(extents))


def _ring(centre: NDArray, radius: float, axes: tuple[NDArray, NDArray]) -> list[NDArray]:
    angles = np.linspace(0, 2 * np.pi, 9)
    return [centre + radius * (np.cos(a) * axes[0] + np.sin(a) * axes[1]) for a in angles]


def _across(direction: NDArray) -> tuple[NDArray, NDArray]:
    """Return two unit vectors across a direction."""
    along = direction / np.linalg.norm(direction)
    first = np.cross(along, (0.3, 1.0, 0.2))
    first /= np.linalg.norm(first)
    return first, np.cross(along, first)


def paint_valve(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint the ring and struts of an artificial aortic valve."""
    centre = scene.spots["aortic_root"]
    axes = _across(np.array((0.45, 0.3, 0.84)))
    radius = float(rng.uniform(11, 14))
    extents = [scene.canvas.paint_tube(_ring(centre, radius, axes), 2.2, 2600)]
    if rng.random() < 0.4:  # a stented valve
        up = np.cross(*axes) * (12 if np.cross(*axes)[2] > 0 else -12)
        extents.append(scene.canvas.paint_tube(_ring(centre + up, radius, axes), 1.6, 2200))
    scene.mark_shape(target, *extents, size_mm=round(2 * radius, 0), centre=centre)


def paint_coronary_stent(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a bright sleeve in one of the coronary arteries."""
    names = [n for n in ("coronary_lad", "coronary_rca", "coronary_lcx") if n in scene.courses]
    course = scene.courses[names[int(rng.integers(len(names)))]][0]
    k = int(rng.integers(len(course) - 1))
    share = rng.uniform(0, 0.4)
    a = course[k] + (course[k + 1] - course[k]) * share
    b = course[k] + (course[k + 1] - course[k]) * min(1.0, share + 0.55)
    low, high = scene.canvas.paint_tube([a, b], 2.4, 1500)
    scene.mark(target, low, high, centre=(a + b) / 2)


def paint_stent_graft(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint the rings of a stent graft in the lower aorta and both iliac arteries."""
    belly, _ = scene.courses["abdominal_aorta"]
    extents = []
    parts = [(belly[2:], 10.5)] + [(scene.courses[f"iliac_artery_{s}"][0][:2], 7.5) for s in ("right", "left")]
    for course, radius in parts:
        for a, b in itertools.pairwise(course):
            count = max(2, int(np.linalg.norm(b - a) / 9))
            axes = _across(b - a)
            for share in np.linspace(0, 1, count):
                extents.append(scene.canvas.paint_tube(_ring(a + (b - a) * share, radius, axes), 1.3, 2200))
    scene.mark_shape(target, *extents, centre=belly[-1])


def paint_cava_filter(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a cone of wires in the lower cava below the renal veins."""
    top = np.array((21, 117, rng.uniform(-252, -240)))
    extents = []
    for angle in np.linspace(0, 2 * np.pi, 7)[:-1]:
        foot = top + (9 * np.cos(angle), 9 * np.sin(angle), -34)
        extents.append(scene.canvas.paint_tube([top, foot], 1.3, 2400))
    scene.mark_shape(target, *extents, centre=top - (0, 0, 17))


def paint_clips(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint fat in place of the gallbladder, and clips in it."""
    gall = scene.spots["gallbladder"]
    scene.canvas.paint_ellipsoid(gall, (19, 19, 38), scene.hu["visceral_fat"], np.eye(3))
    extents = []
    for _ in range(int(rng.integers(2, 5))):
        spot = gall + (-6, -8, 20) + rng.normal(0, 5, 3)
        extents.append(scene.canvas.paint_tube([spot, spot + rng.normal(0, 3.5, 3)], 1.7, 2800))
    bed = scene.spans.pop("gallbladder")  # it is no longer there
    scene.mark(target, bed.z_lo, bed.z_hi, centre=gall, number=len(extents))


def paint_biliary_stent(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a tube in the bile duct."""
    head = scene.courses["pancreas"][0][0]
    path = [head + (18, 2, -18), head + (4, -2, 6), head + (4, -4, 34), head + (10, 0, 58)]
    low, high = scene.canvas.paint_tube(path, 3.2, 1500 if rng.random() < 0.5 else 450)
    scene.mark(target, low, high, centre=path[1])


def paint_ureteral_stent(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a double-J from the renal pelvis to the bladder."""
    sign, sinus = sign_of(place), scene.spots[f"renal_sinus_{place}"]
    curl = sinus + np.array([(0, 0, 12), (-sign * 7, 2, 16), (-sign * 12, 4, 6)])
    ureter = np.array([(sign * 40, 100, -300), (sign * 50, 80, -400), (sign * 30, 100, -470)])
    path = np.vstack([curl, ureter, scene.spots["bladder"]])
    low, high = scene.canvas.paint_tube(path, 2.3, 900)
    scene.mark(target, low, high, centre=sinus)


def paint_breast_implant(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a shell with gel before the chest wall."""
    sign, z = sign_of(place), float(rng.uniform(-68, -50))
    centre = np.array((sign * 84, scene.person.skin_at(z)[2] - 4, z))
    semi = np.array((50, 26, 48)) * rng.uniform(0.85, 1.1)
    scene.canvas.paint_ellipsoid(centre, semi + 1.5, 150, clip=1 - scene.covers["cage"])
    scene.canvas.paint_ellipsoid(centre, semi, float(rng.choice((70.0, 15.0))), clip=1 - scene.covers["cage"])
    scene.mark(target, z - semi[2], z + semi[2], round(2 * float(semi[2]), 0), centre=centre)


def paint_shoulder_prosthesis(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint a metal head with a stem in the humerus."""
    head, down = scene.spots[f"humeral_head_{place}"], (1 if scene.person.arms_up else -1)
    scene.canvas.paint_ellipsoid(head, (24, 24, 24), 2900)
    stem = head + np.array((sign_of(place) * (20 if down > 0 else 14), 6 if down > 0 else -4, down * 62))
    low, high = scene.canvas.paint_tube([head, stem], [9, 5], 3071)
    scene.mark_shape(target, (low, high), (head[2] - 24, head[2] + 24), centre=head)


def paint_spinal_hardware(scene: Scene, lungs: LungMap, target: str, place: str, rng: np.random.Generator) -> None:
    """Paint rods and pedicle screws over three to five vertebrae."""
    names = [f"t{n}" for n in range(4, 13)] if place == "thoracic_spine" else [f"l{n}" for n in range(1, 6)]
    count = int(rng.integers(3, 5))
    first = int(rng.integers(len(names) - count + 1))
    bones = [scene.person.vertebrae[name] for name in names[first : first + count]]
    extents = []
    for sign in (1, -1):
        heads = []
        for bone in bones:
            rear = bone.y - bone.depth / 2
            heads.append((sign * 22, rear - 22, bone.z))
            tip = (sign * 9, bone.y + bone.depth * 0.2, bone.z)
            extents.append(scene.canvas.paint_tube([heads[-1], (sign * 17, rear, bone.z), tip], 3.0, 3071))
        extents.append(scene.canvas.paint_tube(heads, 3.0, 3071))
    scene.mark_shape(target, *extents, number=2 * count, centre=(0, bones[0].y, (bones[0].z + bones[-1].z) / 2))
