"""What the dock remembers from one start of napari to the next."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs

__all__ = ["Settings", "read_settings", "settings_path", "write_settings"]


@dataclass(frozen=True)
class Settings:
    """Choices that outlive the program.

    Parameters
    ----------
    keeps_embeddings : bool
        Whether encoded scans are kept on disk.
    """

    keeps_embeddings: bool = True


def settings_path() -> Path:
    """Return the file of the settings; it need not exist."""
    return platformdirs.user_config_path("napari-ct-grounding", appauthor=False) / "settings.json"


def read_settings() -> Settings:
    """Return the settings; those that are missing or make no sense are the defaults."""
    try:
        stored = json.loads(settings_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Settings()
    keeps_embeddings = stored.get("keeps_embeddings") if isinstance(stored, dict) else None
    return Settings(keeps_embeddings) if isinstance(keeps_embeddings, bool) else Settings()


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
