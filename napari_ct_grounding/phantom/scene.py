"""What is being painted: the canvas, the person, the tissues, the findings wished for, and where everything came to lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_ct_grounding.phantom.body import Person
from napari_ct_grounding.phantom.shapes import Canvas, Patch, Solid

__all__ = ["Scene", "Span"]


@dataclass(frozen=True)
class Span:
    """Where a target lies, over its whole height whether scanned or not, and what a report may say of it.

    Parameters
    ----------
    z_lo, z_hi : float
        Extent in reference mm.
    size_mm : float or None
        Diameter, depth or length where one is meant.
    centre : (float, float, float) or None
        Reference x, y, z; None where no point stands for the whole.
    severity : {"mild", "moderate", "severe"} or None
    number : int or None
        How many of them there are, where they can be counted.
    traits : tuple of str
        What it looks like ("calcified", "subpleural"); see `catalogue.TRAITS`.
    """

    z_lo: float
    z_hi: float
    size_mm: float | None = None
    centre: tuple[float, float, float] | None = None
    severity: str | None = None
    number: int | None = None
    traits: tuple[str, ...] = ()


class Covers(dict[str, NDArray[np.float32]]):
    """Covers by name; that of one lung is cut from that of both when it is asked for."""

    def __init__(self, x: NDArray[np.float32], middle_x: float) -> None:
        super().__init__()
        self._right = (x > middle_x).astype(np.float32)

    def __missing__(self, name: str) -> NDArray[np.float32]:
        """Return "lung_right" or "lung_left"."""
        if name not in {"lung_right", "lung_left"}:
            raise KeyError(name)
        return self["lungs"] * (self._right if name == "lung_right" else 1 - self._right)


@dataclass(eq=False)
class Scene:
    """The state of one painting.

    Parameters
    ----------
    canvas : Canvas
    person : Person
    hu : dict of str to float
        Tissue values.
    wishes : frozenset of str
        Target names of the findings to draw.
    spans : dict of str to Span
        Landmarks and findings drawn so far.
    courses : dict of str to (NDArray (n, 3), NDArray (n,))
        Centre lines (x, y, z) and radii of vessels and tubes, reference mm, for findings that lie along them.
    spots : dict of str to NDArray (3,)
        Centres of organs, reference mm, for findings that lie in them.
    covers : dict of str to NDArray
        Whole-canvas covers that later painters need ("cage", "lungs", "lung_right", ...), float32 (z, y, x).
    solids : dict of str to Solid
        Signed distances that later painters need ("lean", "skin", "cage", "cavity").
    """

    canvas: Canvas
    person: Person
    hu: dict[str, float]
    wishes: frozenset[str]
    spans: dict[str, Span] = field(default_factory=dict)
    courses: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]] = field(default_factory=dict)
    spots: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    covers: dict[str, NDArray[np.float32]] = field(init=False)
    solids: dict[str, Solid] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.covers = Covers(self.canvas.x, self.person.middle_x)

    def mark(
        self,
        name: str,
        z_lo: float,
        z_hi: float,
        size_mm: float | None = None,
        *,
        centre: Sequence[float] | NDArray | None = None,
        severity: str | None = None,
        number: int | None = None,
        traits: tuple[str, ...] = (),
    ) -> None:
        """Record where a target lies and what it is like; see `Span`."""
        point = None if centre is None else (float(centre[0]), float(centre[1]), float(centre[2]))
        low, high = float(min(z_lo, z_hi)), float(max(z_lo, z_hi))
        self.spans[name] = Span(low, high, size_mm, point, severity, number, traits)

    def mark_shape(self, name: str, *extents: tuple[float, float], size_mm: float | None = None, **what: Any) -> None:
        """Record a target that is made of several parts; `what` as in `mark`."""
        self.mark(name, min(e[0] for e in extents), max(e[1] for e in extents), size_mm, **what)

    def keep_course(self, name: str, points: ArrayLike, radii: ArrayLike) -> None:
        """Keep the centre line of a vessel or tube for findings painted later."""
        path = np.asarray(points, float)
        self.courses[name] = path, np.broadcast_to(np.asarray(radii, float), len(path)).copy()

    def keep_spot(self, name: str, centre: ArrayLike) -> None:
        """Keep the centre of an organ for findings painted later."""
        self.spots[name] = np.array(centre, float)

    def now_drawing(self, *names: str) -> None:
        """Say whose mask gets what is painted from now on; without names nobody's."""
        self.canvas.owners = names

    def wants(self, kind: str, place: str = "") -> bool:
        """Return whether this finding is wished for."""
        return (f"{kind}@{place}" if place else kind) in self.wishes

    def rng(self, target: str) -> np.random.Generator:
        """Return the random stream of one finding of this person."""
        return np.random.default_rng([self.person.seed, 2, crc32(target.encode())])

    def whole(self, patch: Patch) -> NDArray[np.float32]:
        """Return the cover of a patch on the whole canvas."""
        cover = np.zeros_like(self.canvas.hu)
        cover[patch.box] = patch.cover
        return cover

    def painted_span(self, patch: Patch | None, full: tuple[float, float]) -> tuple[float, float]:
        """Return the z extent (reference mm) of what a clipped patch really painted.

        Where the painted part leaves the scan, the extent of the unclipped shape `full` stands in for what cannot be seen.
        """
        if patch is None or not patch.cover.size:
            return full
        rows = np.flatnonzero(patch.cover.max(axis=(1, 2)) >= 0.25) + (patch.box[0].start or 0)
        if not len(rows):
            return full
        z, half = self.canvas.z, self.canvas.step_mm[0] / 2
        low, high = float(z[rows[0]] - half), float(z[rows[-1]] + half)
        low = min(full[0], low) if rows[0] == 0 else max(full[0], low)
        high = max(full[1], high) if rows[-1] == len(z) - 1 else min(full[1], high)
        return (low, high) if high > low else full
