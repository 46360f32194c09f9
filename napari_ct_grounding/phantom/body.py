"""One person: sex, age, stature, girth, and the maps between the reference person and the real one."""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.phantom.outlines import CAGE, CAVITY, FAT, INNER, cage_solid
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
    belly_mm : float
        How far the fat within the belly pushes its wall forwards.
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
    belly_mm: float

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
    def middle_x(self) -> float:
        """X of the middle of the mediastinum, between the two lungs."""
        return float(self.jitter("mediastinum", (3, 0, 0))[0])

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

    @cached_property
    def inner_table(self) -> NDArray[np.float64]:
        """Rows (z, half-width, back, front) of what lies under the fat of the skin."""
        return INNER + self._girth(INNER[:, 0])

    @cached_property
    def cavity_table(self) -> NDArray[np.float64]:
        """Rows (z, half-width, back, front) of the space inside the muscles of the belly."""
        return CAVITY + self._girth(CAVITY[:, 0])

    @staticmethod
    def belly_share(z: NDArray | float) -> Any:
        """Share of `belly_mm` by which the front of the belly lies further forwards at a reference z."""
        return np.interp(z, (-470, -400, -300, -220, -130), (0.0, 0.55, 1.0, 0.7, 0.0))

    def _girth(self, z: NDArray) -> NDArray[np.float64]:
        """How much the fat of the belly pushes its wall out, per row: (0, half-width, back, front)."""
        share = self.belly_share(z) * self.belly_mm
        return np.stack([0 * z, 0.45 * share, 0 * z, share], axis=1)

    def fat_at(self, z: NDArray | float) -> tuple[NDArray, NDArray, NDArray]:
        """Fat and skin in front, at the side and behind at a reference z, in reference mm."""
        ant, lat, post = (np.interp(z, FAT[:, 0], FAT[:, k]) for k in (1, 2, 3))
        lateral = 0.75 if self.sex == "M" else 0.85
        return (
            3 + ant * self.fat_mm / self.scale_y,
            4 + lat * self.fat_mm * lateral / self.scale_x,
            3 + post * self.fat_mm * 0.75 / self.scale_y,
        )

    def cage(self, canvas: Canvas, grow_mm: float = 0.0) -> Patch:
        """Cover of the space inside the ribs, grown by `grow_mm`."""
        patch = canvas.cover(cage_solid(self, canvas, max(12.0, grow_mm + 4)), grow_mm)
        return patch or Patch((slice(0, 0), slice(0, 0), slice(0, 0)), np.zeros((0, 0, 0), np.float32))

    def cage_at(self, z: float) -> tuple[float, float, float]:
        """Half-width, back and front (y) of the cage at a reference z."""
        a, back, front = (float(np.interp(z, CAGE[:, 0], CAGE[:, k])) for k in (1, 2, 3))
        return a, back, front

    def skin_at(self, z: float) -> tuple[float, float, float]:
        """Half-width, back and front (y) of the skin at a reference z."""
        table = self.inner_table
        a, back, front = (float(np.interp(z, table[:, 0], table[:, k])) for k in (1, 2, 3))
        ant, lat, post = (float(v) for v in self.fat_at(z))
        return a + lat, back - post, front + ant


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
    visceral = np.random.default_rng([seed, 9]).gamma(2.0, 6.0) * (1.25 if sex == "M" else 0.7) * (0.4 + age / 90)
    return Person(
        seed=seed,
        sex=sex,
        age=age,
        stature_mm=stature,
        scale_x=float(np.clip(size * (0.985 + build + rng.normal(0, 0.025)), 0.82, 1.18)),
        scale_y=float(np.clip(size * (1.13 + build + rng.normal(0, 0.06) + 0.001 * (fat - 18)), 0.88, 1.42)),
        z_knots=np.stack([knots, real]),
        fat_mm=fat,
        arms_up=bool(rng.random() < 0.75),
        phase=str(rng.choice(("none", "arterial", "pulmonary", "portal"), p=(0.5, 0.12, 0.1, 0.28))),
        dome_mm=float(rng.choice((rng.normal(0, 7), rng.uniform(8, 38)), p=(0.7, 0.3))) + (7.0 if sex == "F" else 0.0),
        spine_mm=float(np.clip(rng.normal(0, 7), -15, 15)),
        belly_mm=float(np.clip(visceral - 6 + 0.2 * fat, -8, 48)),
    )
