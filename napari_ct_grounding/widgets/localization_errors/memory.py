"""What the error browser remembers from one start to the next: files opened, and the folders of their scans."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import platformdirs

from napari_ct_grounding.core.whole_file import write_whole

__all__ = ["BrowserMemory", "memory_path", "read_memory", "write_memory"]

_MAX_FILES = 10


@dataclass(frozen=True)
class BrowserMemory:
    """Files, the latest first, and for each the folder that its scans were found under.

    Parameters
    ----------
    files : tuple of str
    folders : dict
        Path of a file to path of a folder.
    """

    files: tuple[str, ...] = ()
    folders: dict[str, str] = field(default_factory=dict)

    def opened(self, file: Path) -> BrowserMemory:
        """Return what is remembered once a file was opened."""
        files = (str(file), *(known for known in self.files if known != str(file)))[:_MAX_FILES]
        return replace(self, files=files, folders={key: value for key, value in self.folders.items() if key in files})

    def found_under(self, file: Path, folder: Path) -> BrowserMemory:
        """Return what is remembered once the folder of a file's scans was chosen."""
        return replace(self, folders=self.folders | {str(file): str(folder)})

    def folder_of(self, file: Path) -> Path:
        """Return where to look for the scans of a file: the folder chosen for it, or the one it lies in."""
        return Path(self.folders.get(str(file), file.parent))


def memory_path() -> Path:
    """Return the file of this memory; it need not exist."""
    return platformdirs.user_config_path("napari-ct-grounding", appauthor=False) / "localization-errors.json"


def read_memory() -> BrowserMemory:
    """Return what was remembered; nothing where the file is missing or makes no sense."""
    try:
        stored = json.loads(memory_path().read_text(encoding="utf-8"))
        files = tuple(file for file in stored["files"] if isinstance(file, str))
        folders = {str(key): value for key, value in stored["folders"].items() if isinstance(value, str)}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return BrowserMemory()
    return BrowserMemory(files[:_MAX_FILES], folders)


def write_memory(memory: BrowserMemory) -> None:
    """Remember.

    Raises
    ------
    OSError
        When the disk is full or the folder cannot be written.
    """
    memory_path().parent.mkdir(parents=True, exist_ok=True)
    write_whole(memory_path(), json.dumps({"files": memory.files, "folders": memory.folders}, indent=1))
