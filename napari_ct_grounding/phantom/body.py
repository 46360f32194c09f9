"""One person: sex, age, stature, girth, and the maps between the reference person and the real one."""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.
# ruff: noqa: E501

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.phantom.shapes import Canvas, Patch

__all__ = ["VERTEBRAE", "Person", "Vertebra", "make_person"]

#: name, height of the body, disc below, z of the middle, width, depth, y of the middle; reference man, mm.
VERTEBRAE: dict[str, tuple[float, float, float, float, float, float]] = {
    "c1": (11, 4, 208, 30, 14, 128),
    "c2": (16, 4, 190, 24, 15, 126),
    "c3": (13, 5, 169, 22, 15, 123),
    "c4": (13, 5, 150, 22, 16, 120),
    "c5": (13, 5, 131.5, 23, 16, 116),
    "c6": (13.5, 5.5, 113, 24, 17, 112),
    "c7": (14.5, 5, 94, 28, 18, 105),
    "t1": (16, 4, 73, 29, 20, 98),
    "t2": (17.5, 3.5, 52, 28, 22, 88),
    "t3": (17.5, 3.2, 31, 27, 24, 79),
    "t4": (18, 3, 10, 27, 26, 72),
    "t5": (18.5, 3.3, -11, 28, 27, 68),
    "t6": (19, 3.8, -33, 29, 29, 66),
    "t7": (20, 4.2, -56, 31, 30, 65),
    "t8": (20.5, 4.5, -81, 32, 31, 65),
    "t9": (21.5, 5, -106, 34, 32, 66),
    "t10": (22.5, 5.5, -133, 35, 33, 69),
    "t11": (23.5, 6, -162, 38, 34, 73),
    "t12": (25, 7, -192, 42, 35, 78),
    "l1": (26.5, 8, -225, 45, 36, 85),
    "l2": (27, 9, -259, 47, 37, 91),
    "l3": (27, 10, -295, 49, 38, 95),
    "l4": (26.5, 11, -332, 51, 38, 93),
    "l5": (26, 10, -369, 53, 38, 85),
}

# z, half-width, back and front of what lies under the subcutaneous fat.
_INNER = np.array(
    [
        (-640, 88, 20, 165), (-560, 150, 12, 185), (-480, 163, 8, 200), (-400, 156, 14, 203), (-342, 150, 18, 203),
        (-315, 146, 18, 204), (-225, 146, 14, 212), (-130, 150, 12, 220), (-55, 158, 12, 216), (0, 164, 12, 203),
        (40, 165, 14, 190), (60, 158, 18, 182), (78, 125, 26, 172), (92, 82, 40, 166), (113, 58, 52, 165),
        (165, 56, 56, 178), (195, 60, 50, 198), (230, 70, 40, 212), (300, 74, 30, 210), (370, 55, 55, 190), (395, 5, 110, 130),
    ]
)  # fmt: skip
# z, half-width, back and front of the space inside the ribs.
_CAGE = np.array(
    [
        (-260, 128, 36, 202), (-230, 132, 32, 205), (-190, 137, 26, 210), (-130, 140, 23, 212), (-80, 139, 23, 206),
        (-40, 133, 25, 195), (0, 117, 28, 180), (30, 98, 33, 160), (50, 77, 42, 142), (62, 58, 52, 126), (72, 40, 64, 108),
    ]
)  # fmt: skip
# z, half-width, back and front of the space inside the muscles of the belly.
_CAVITY = np.array(
    [
        (-545, 22, 60, 90), (-520, 42, 48, 125), (-495, 60, 42, 155), (-460, 76, 44, 186), (-420, 98, 55, 192), (-380, 118, 62, 193),
        (-342, 127, 62, 193), (-315, 127, 58, 194), (-260, 126, 42, 200), (-225, 128, 34, 202), (-150, 132, 28, 206),
    ]
)  # fmt: skip
# z, fat in front, at the side, behind, as a share of the fat at the umbilicus.
_FAT = np.array(
    [
        (-600, 0.5, 0.5, 0.6), (-480, 1.0, 0.9, 1.1), (-400, 1.15, 0.9, 1.2), (-315, 1.0, 0.9, 0.9), (-225, 0.7, 0.75, 0.6),
        (-130, 0.5, 0.6, 0.5), (-40, 0.45, 0.55, 0.6), (40, 0.35, 0.45, 0.7), (85, 0.25, 0.3, 0.6), (165, 0.25, 0.3, 0.3), (300, 0.1, 0.1, 0.1),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Vertebra:
    """A vertebral body: name, z of its lower and upper end plate, width, depth and middle (y), all in reference mm."""

    name: str
    z_lo: float
    z_hi: float
    width: float
    depth: float
    y: float

    @property
    def z(self) -> float:
        """Middle of the body."""
        return (self.z_lo + self.z_hi) / 2


@dataclass(frozen=True, eq=False)
class Person:
    """Random facts of one person, and the maps from reference to real millimetres.

    Parameters
    ----------
    seed : int
    sex : {"F", "M"}
    age : float
        Years.
    stature_mm : float
    scale_x, scale_y : float
        Real divided by reference millimetres across and along the axis back to front.
    z_knots : NDArray, (2, n)
        Reference z and real z; between them the map is linear.
    fat_mm : float
        Fat in front of the umbilicus.
    arms_up : bool
    phase : str
        Contrast phase; see `tissue.PHASES`.
    dome_mm : float
        How far the domes stand above those of full inspiration.
    spine_mm : float
        Shift of the thoracic vertebrae against the carina.
    """

    seed: int
    sex: str
    age: float
    stature_mm: float
    scale_x: float
    scale_y: float
    z_knots: NDArray[np.float64]
    fat_mm: float
    arms_up: bool
    phase: str
    dome_mm: float
    spine_mm: float

    def rng(self, name: str) -> np.random.Generator:
        """Return the random stream of one part of this person: the same whatever else is drawn."""
        return np.random.default_rng([self.seed, 1, crc32(name.encode())])

    def jitter(self, name: str, sd: tuple[float, float, float] = (3.0, 3.0, 6.0)) -> NDArray[np.float64]:
        """Return a random shift (x, y, z), mm, at most two deviations long along each axis."""
        return np.clip(self.rng(name).standard_normal(3), -2, 2) * sd

    def real_z(self, z: float) -> float:
        """Return real z (mm, carina at 0) of a reference z."""
        return float(np.interp(z, self.z_knots[0], self.z_knots[1]))

    def reference_z(self, z: NDArray | float) -> NDArray:
        """Return reference z of real z."""
        return np.interp(z, self.z_knots[1], self.z_knots[0])

    @cached_property
    def vertebrae(self) -> dict[str, Vertebra]:
        """C1 to L5 with their own jitter, by name."""
        rng = self.rng("vertebrae")
        shape = 1 + rng.normal(0, 0.03, 2)
        out = {}
        for name, (height, _, z, width, depth, y) in VERTEBRAE.items():
            shift = self.spine_mm * float(np.interp(z, (-369, -100, 120, 210), (0, 1, 1, 0.3)))
            middle = z + shift
            out[name] = Vertebra(name, middle - height / 2, middle + height / 2, width * shape[0], depth * shape[1], y)
        return out

    def _column(self, canvas: Canvas, table: NDArray, power: float, fat: bool = False) -> Patch:
        z = canvas.z
        lo, hi = table[0, 0], table[-1, 0]
        rows = slice(int(np.searchsorted(z, lo)), int(np.searchsorted(z, hi, side="right")))
        z = z[rows]
        a, back, front = (np.interp(z, table[:, 0], table[:, k]) for k in (1, 2, 3))
        if fat:
            ant, lat, post = (np.interp(z, _FAT[:, 0], _FAT[:, k]) for k in (1, 2, 3))
            lateral = 0.75 if self.sex == "M" else 0.85
            a = a + 4 + lat * self.fat_mm * lateral / self.scale_x
            back = back - 3 - post * self.fat_mm * 0.75 / self.scale_y
            front = front + 3 + ant * self.fat_mm / self.scale_y
        return canvas.column(a, back, front, power, rows)

    def outline(self, canvas: Canvas) -> Patch:
        """Cover of the body with skin and fat."""
        return self._column(canvas, _INNER, 2.5, fat=True)

    def lean(self, canvas: Canvas) -> Patch:
        """Cover of what lies under the subcutaneous fat."""
        return self._column(canvas, _INNER, 2.4)

    def cage(self, canvas: Canvas, grow_mm: float = 0.0) -> Patch:
        """Cover of the space inside the ribs, grown by `grow_mm`."""
        table = _CAGE + np.array((0, grow_mm, -grow_mm, grow_mm))
        return self._column(canvas, table, 2.2)

    def cavity(self, canvas: Canvas) -> Patch:
        """Cover of the space inside the muscles of the belly."""
        return self._column(canvas, _CAVITY, 2.4)

    def cage_at(self, z: float) -> tuple[float, float, float]:
        """Half-width, back and front (y) of the cage at a reference z."""
        a, back, front = (float(np.interp(z, _CAGE[:, 0], _CAGE[:, k])) for k in (1, 2, 3))
        return a, back, front

    def skin_at(self, z: float) -> tuple[float, float, float]:
        """Half-width, back and front (y) of the skin at a reference z."""
        a, back, front = (float(np.interp(z, _INNER[:, 0], _INNER[:, k])) for k in (1, 2, 3))
        ant, lat, post = (float(np.interp(z, _FAT[:, 0], _FAT[:, k])) for k in (1, 2, 3))
        lateral = 0.75 if self.sex == "M" else 0.85
        return (
            a + 4 + lat * self.fat_mm * lateral / self.scale_x,
            back - 3 - post * self.fat_mm * 0.75 / self.scale_y,
            front + 3 + ant * self.fat_mm / self.scale_y,
        )


def make_person(seed: int) -> Person:
    """Return the person of a seed."""
    rng = np.random.default_rng([seed, 0])
    sex = "M" if rng.random() < 0.56 else "F"
    age = float(rng.uniform(22, 88))
    stature = float(np.clip(rng.normal(1760 if sex == "M" else 1635, 75), 1450, 1980))
    size = 0.45 * (stature / 1760) + 0.55
    knots = np.array((-640, -505, -392, -205, -130, 0, 70, 165, 400), float)
    scale = (stature / 1760) * (1 + np.clip(rng.normal(0, 0.035, len(knots) - 1), -0.08, 0.08))
    real = np.concatenate([[0.0], np.cumsum(np.diff(knots) * scale)])
    real -= np.interp(0.0, knots, real)
    fat = float(np.clip(rng.gamma(2.6, 7.0) + (6 if sex == "F" else 2), 4, 52))
    build = rng.normal(0, 0.045)
    return Person(
        seed=seed,
        sex=sex,
        age=age,
        stature_mm=stature,
        scale_x=float(np.clip(size * (1.02 + build + rng.normal(0, 0.025)), 0.82, 1.18)),
        scale_y=float(np.clip(size * (1.08 + build + rng.normal(0, 0.07) + 0.003 * (fat - 18)), 0.85, 1.38)),
        z_knots=np.stack([knots, real]),
        fat_mm=fat,
        arms_up=bool(rng.random() < 0.75),
        phase=str(rng.choice(("none", "arterial", "pulmonary", "portal"), p=(0.5, 0.12, 0.1, 0.28))),
        dome_mm=float(rng.choice((rng.normal(0, 7), rng.uniform(8, 38)), p=(0.7, 0.3))),
        spine_mm=float(np.clip(rng.normal(0, 7), -15, 15)),
    )
