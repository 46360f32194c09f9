"""napari's own setting which reader opens what, for the user who agrees to let ours open CTs.

napari's builtin reader claims folders and most file names, too, so that napari asks at every drop. The setting
(Preferences, Plugins, "file extension readers") is the way in which napari wants that answered once.
"""

from __future__ import annotations

import os

from napari.settings import get_settings

__all__ = ["PATTERNS", "is_preferred", "set_preferred"]

PLUGIN = "napari-ct-grounding"

#: File names that mean a CT, and any folder: napari compares a folder's path with the separator behind it.
PATTERNS = (*(f"*.{ending}" for ending in ("nii", "nii.gz", "nrrd", "nhdr", "mha", "mhd", "dcm")), f"*{os.sep}")


def is_preferred() -> bool:
    """Whether napari opens all of `PATTERNS` with our reader."""
    chosen = get_settings().plugins.extension2reader
    return all(chosen.get(pattern) == PLUGIN for pattern in PATTERNS)


def set_preferred(is_wanted: bool) -> None:
    """Enter our reader for `PATTERNS`, or take it out again; what the user chose for other readers stays when it is taken out."""
    chosen = dict(get_settings().plugins.extension2reader)
    for pattern in PATTERNS:
        if is_wanted:
            chosen[pattern] = PLUGIN
        elif chosen.get(pattern) == PLUGIN:
            del chosen[pattern]
    get_settings().plugins.extension2reader = chosen
