"""What the dock remembers from one start of napari to the next."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import platformdirs

__all__ = ["Settings", "change_settings", "read_settings", "settings_path", "write_settings"]


@dataclass(frozen=True)
class Settings:
    """Choices that outlive the program.

    Parameters
    ----------
    keeps_embeddings : bool
        Whether encoded scans are kept on disk.
    own_diseases : tuple of str
        Prompts that the user added to the 18 diseases.
    own_phrases, removed_phrases : tuple of str
        What the user added to the phrase bank of the tab "Here", and took out of it.
    phrase_language : str
        Of the bundled phrases.
    """

    keeps_embeddings: bool = True
    own_diseases: tuple[str, ...] = ()
    own_phrases: tuple[str, ...] = ()
    removed_phrases: tuple[str, ...] = ()
    phrase_language: str = "en"


def settings_path() -> Path:
    """Return the file of the settings; it need not exist."""
    return platformdirs.user_config_path("napari-ct-grounding", appauthor=False) / "settings.json"


def read_settings() -> Settings:
    """Return the settings; those that are missing or make no sense are the defaults."""
    try:
        stored = json.loads(settings_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Settings()
    if not isinstance(stored, dict):
        return Settings()
    defaults = Settings()
    values = {field.name: _usable(stored.get(field.name), getattr(defaults, field.name)) for field in fields(Settings)}
    return Settings(**values)


def change_settings(**changes: Any) -> Settings:
    """Store some settings anew, the others as they are on disk, and return all of them.

    Raises
    ------
    OSError
        When the disk is full or the folder cannot be written.
    """
    settings = replace(read_settings(), **changes)
    write_settings(settings)
    return settings


def write_settings(settings: Settings) -> None:
    """Store the settings whole or not at all: a program that is killed meanwhile leaves the old ones.

    Raises
    ------
    OSError
        When the disk is full or the folder cannot be written.
    """
    path = settings_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            json.dump(asdict(settings), file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _usable(value: Any, default: Any) -> Any:
    """A stored value where it has the form of the default, else the default."""
    if isinstance(default, tuple):
        is_texts = isinstance(value, list) and all(isinstance(entry, str) for entry in value)
        return tuple(value) if is_texts else default
    return value if isinstance(value, type(default)) else default
