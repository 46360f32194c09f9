"""The user's own phrases and disease prompts, kept from one start of napari to the next."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import platformdirs

from napari_ct_grounding.core.whole_file import write_whole

__all__ = ["OwnLists", "change_own_lists", "own_lists_path", "read_own_lists"]


@dataclass(frozen=True)
class OwnLists:
    """What the user added to the lists of the package, and took out of them.

    Parameters
    ----------
    diseases : tuple of str
        Prompts beside the 18 diseases.
    phrases, removed_phrases : tuple of str
        Added to the phrase bank of the tab "Here", and taken out of it.
    phrase_language : str
        Of the bundled phrases.
    """

    diseases: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    removed_phrases: tuple[str, ...] = ()
    phrase_language: str = "en"


def own_lists_path() -> Path:
    """Return the file; it need not exist."""
    return platformdirs.user_config_path("napari-ct-grounding", appauthor=False) / "own_lists.json"


def read_own_lists() -> OwnLists:
    """Return the lists; those that are missing or make no sense are empty."""
    try:
        stored = json.loads(own_lists_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return OwnLists()
    if not isinstance(stored, dict):
        return OwnLists()
    defaults = OwnLists()
    values = {field.name: _usable(stored.get(field.name), getattr(defaults, field.name)) for field in fields(OwnLists)}
    return OwnLists(**values)


def change_own_lists(**changes: Any) -> None:
    """Store some lists anew, the others as they are on disk; a program killed meanwhile leaves the old file.

    Raises
    ------
    OSError
        When the disk is full or the folder cannot be written.
    """
    lists = replace(read_own_lists(), **changes)
    path = own_lists_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(asdict(lists), ensure_ascii=False, indent=1))


def _usable(value: Any, default: Any) -> Any:
    """A stored value where it has the form of the default, else the default."""
    if isinstance(default, tuple):
        is_texts = isinstance(value, list) and all(isinstance(entry, str) for entry in value)
        return tuple(value) if is_texts else default
    return value if isinstance(value, str) else default
