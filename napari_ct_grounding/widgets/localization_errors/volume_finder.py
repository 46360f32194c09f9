"""Where the scans of a results file lie below a folder: at their relative path, or wherever one of that name lies.

Runs on a worker. Reads no scan: which of several of the same name is the right one is told by its fingerprint when it is opened.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from napari_ct_grounding.core.errors import Cancelled
from napari_ct_grounding.readers.formats.volume_files import VOLUME_ENDINGS

__all__ = ["FoundScans", "find_scans"]

#: A folder with more files and folders than this is not searched to its end.
MAX_ENTRIES = 300_000
#: Scans of one name that are tried.
MAX_CANDIDATES = 8


@dataclass(frozen=True)
class FoundScans:
    """Scans below a folder.

    Parameters
    ----------
    root : Path
    paths : dict
        Scan, as the results name it, to its candidates, the likeliest first; scans that were not found are not in it.
    is_cut : bool
        Whether the folder holds more than was looked at.
    """

    root: Path
    paths: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    is_cut: bool = False


def find_scans(
    root: Path, scans: Iterable[str], is_cancelled: Callable[[], bool] = lambda: False, max_entries: int = MAX_ENTRIES
) -> FoundScans:
    """Look for scans below a folder: first where the results say, then by name.

    Parameters
    ----------
    root : Path
    scans : iterable of str
        Paths as results name them, with "/"; or bare names, with or without the ending.
    is_cancelled : callable
        Asked between folders.
    max_entries : int
        Files and folders to look at.

    Raises
    ------
    Cancelled
    """
    found: dict[str, tuple[Path, ...]] = {}
    lost: dict[str, list[str]] = {}
    for number, scan in enumerate(dict.fromkeys(scans)):
        if number % 100 == 0 and is_cancelled():
            raise Cancelled("The search was cancelled.")
        path = root / scan
        if scan and _exists(path):
            found[scan] = (path,)
        else:
            lost.setdefault(_bare(PurePosixPath(scan).name), []).append(scan)
    lost.pop("", None)
    if not lost:
        return FoundScans(root, found)
    named, is_cut = _named(root, lost, is_cancelled, max_entries)
    taken = {path for (path,) in found.values()}
    for name, all_places in named.items():
        places = [place for place in all_places if place not in taken]  # those are other scans of these results
        if not places:
            continue
        for scan in lost[name]:
            best = sorted(places, key=lambda place: (-_num_equal_parts(place, scan), len(place.parts), str(place)))
            most = _num_equal_parts(best[0], scan)
            found[scan] = tuple(place for place in best if _num_equal_parts(place, scan) == most)[:MAX_CANDIDATES]
    return FoundScans(root, found, is_cut)


def _named(
    root: Path, names: Mapping[str, object], is_cancelled: Callable[[], bool], max_entries: int
) -> tuple[dict[str, list[Path]], bool]:
    """Everything below `root` that bears one of these bare names, and whether the search ended early."""
    places: dict[str, list[Path]] = {}
    num = 0
    for parent, folders, files in os.walk(root):
        if is_cancelled():
            raise Cancelled("The search was cancelled.")
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in (*sorted(files), *folders):
            num += 1
            bare = _bare(name)
            if bare in names:
                places.setdefault(bare, []).append(Path(parent, name))
        if num > max_entries:
            return places, True
    return places, False


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _bare(name: str) -> str:
    """A name without the ending of a volume file, in lower case: results of other programs often leave the ending out."""
    name = name.lower()
    return next((name.removesuffix(ending) for ending in VOLUME_ENDINGS if name.endswith(ending)), name)


def _num_equal_parts(path: Path, scan: str) -> int:
    """How many folders above the name agree with what the results say."""
    ours, theirs = path.parts[-2::-1], PurePosixPath(scan).parts[-2::-1]
    num = 0
    for one, other in zip(ours, theirs, strict=False):
        if one.lower() != other.lower():
            break
        num += 1
    return num
