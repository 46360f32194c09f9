"""The walks by name, in the order in which they are taken: each makes the pictures of a page of docs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.shots.demonstrator import take_demonstrator_walk
from tests.shots.film import take_film
from tests.shots.radiologist import take_radiologist_walk
from tests.shots.researcher import take_researcher_walk

__all__ = ["WALKS"]

#: ``walk(out, scratch)``: pictures into `out`, anything else into `scratch`.
Walk = Callable[[Path, Path], None]

WALKS: dict[str, Walk] = {
    "demonstrator": take_demonstrator_walk,
    "film": take_film,
    "radiologist": take_radiologist_walk,
    "researcher": take_researcher_walk,
}
