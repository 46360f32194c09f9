"""The hub's local cache on this machine: what of a repository is there, and is it what the hub recorded?

Nothing here asks the network. The layout is the public one of the Hugging Face hub (a file's content lies in ``blobs``
under its hash; ``snapshots/<commit>`` holds links to it), so that weights fetched by another tool are found. Beside it we
keep a record for each repository: the commit that its first download resolved, and size and hash of every file.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from huggingface_hub import constants
from huggingface_hub.file_download import repo_folder_name

__all__ = [
    "ContentHash",
    "HubFile",
    "Snapshot",
    "blob_path",
    "cached_snapshot",
    "link_blob",
    "recorded_hash",
    "write_record",
]

RECORD_NAME = "napari-ct-grounding.json"
COMMIT = re.compile(r"[0-9a-f]{40}")
#: A blob is called by the SHA-256 of its content (large files) or by git's SHA-1 (small ones).
BLOB_NAME = re.compile(r"[0-9a-f]{64}|[0-9a-f]{40}")
CHUNK = 1 << 20


@dataclass(frozen=True)
class HubFile:
    """A file as the hub records it.

    Parameters
    ----------
    path : str
        Within the repository, with "/".
    num_bytes : int
    content_hash : str
        64 hexadecimal digits of SHA-256, or 40 of git's SHA-1; also the name of its blob.
    """

    path: str
    num_bytes: int
    content_hash: str


@dataclass(frozen=True)
class Snapshot:
    """Files of a repository at one commit.

    Parameters
    ----------
    repository : str
        "owner/name".
    commit : str
    files : tuple of HubFile
        Those that are wanted; empty for a cache that another tool filled.
    """

    repository: str
    commit: str
    files: tuple[HubFile, ...] = ()

    @property
    def folder(self) -> Path:
        """Where the files lie once they are fetched."""
        return _repository_folder(self.repository) / "snapshots" / self.commit

    @property
    def missing(self) -> tuple[HubFile, ...]:
        """Files that are not here in full length."""
        return tuple(file for file in self.files if not _has_size(self.folder / file.path, file.num_bytes))


class ContentHash:
    """The hash that the hub records for a file, computed piece by piece.

    Parameters
    ----------
    recorded : str
        64 digits: SHA-256; 40: git's SHA-1, which begins with a header that names the size.
    num_bytes : int
        Size of the whole file.
    """

    def __init__(self, recorded: str, num_bytes: int) -> None:
        self._recorded = recorded
        if len(recorded) == 64:
            self._hash = hashlib.sha256()
        else:
            self._hash = hashlib.sha1(f"blob {num_bytes}\0".encode(), usedforsecurity=False)

    def update(self, piece: bytes) -> None:
        """Add the next piece of the content."""
        self._hash.update(piece)

    def is_as_recorded(self) -> bool:
        """Whether the content so far has the recorded hash."""
        return self._hash.hexdigest() == self._recorded

    def update_from(self, path: Path, on_piece: Callable[[int], None] | None = None) -> None:
        """Add the content of a file; ``on_piece(num_bytes)`` after each piece."""
        with path.open("rb") as file:
            while piece := file.read(CHUNK):
                self._hash.update(piece)
                if on_piece is not None:
                    on_piece(len(piece))


def cached_snapshot(repository: str) -> Snapshot | None:
    """Return what the cache holds of a repository, whole or in part, at the commit of its first download; None for nothing.

    Without a record of ours it is what another tool left under the branch "main".
    """
    folder = _repository_folder(repository)
    recorded = _read_record(folder / RECORD_NAME, repository)
    if recorded is not None:
        return recorded
    try:
        commit = (folder / "refs" / "main").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    if not COMMIT.fullmatch(commit):
        return None
    snapshot = Snapshot(repository, commit)
    return snapshot if snapshot.folder.is_dir() else None


def write_record(snapshot: Snapshot) -> None:
    """Keep the commit and the hashes of a download, before its first byte is fetched."""
    folder = _repository_folder(snapshot.repository)
    folder.mkdir(parents=True, exist_ok=True)
    new = folder / f"{RECORD_NAME}.{os.getpid()}"
    new.write_text(json.dumps(asdict(snapshot), indent=1), encoding="utf-8")
    new.replace(folder / RECORD_NAME)


def blob_path(snapshot: Snapshot, file: HubFile) -> Path:
    """Where the content of a file goes."""
    return _repository_folder(snapshot.repository) / "blobs" / file.content_hash


def link_blob(snapshot: Snapshot, file: HubFile) -> None:
    """Let the snapshot show a fetched blob; where the system makes no links, the blob itself moves there."""
    blob, pointer = blob_path(snapshot, file), snapshot.folder / file.path
    pointer.parent.mkdir(parents=True, exist_ok=True)
    pointer.unlink(missing_ok=True)
    try:
        pointer.symlink_to(os.path.relpath(blob, pointer.parent))
    except OSError:
        blob.replace(pointer)


def recorded_hash(path: Path) -> str | None:
    """Return the hash by which the cache calls the content of a file; None for a file outside of a cache."""
    blob = path.resolve()
    return blob.name if blob.parent.name == "blobs" and BLOB_NAME.fullmatch(blob.name) else None


def _repository_folder(repository: str) -> Path:
    return Path(constants.HF_HUB_CACHE).expanduser() / repo_folder_name(repo_id=repository, repo_type="model")


def _read_record(path: Path, repository: str) -> Snapshot | None:
    """The record of a download; None where there is none, or it cannot be used (it is then made anew)."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        files = tuple(
            HubFile(str(entry["path"]), int(entry["num_bytes"]), str(entry["content_hash"]))
            for entry in record["files"]
        )
        commit = str(record["commit"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    is_usable = COMMIT.fullmatch(commit) and all(is_usable_file(file) for file in files)
    return Snapshot(repository, commit, files) if files and is_usable else None


def is_usable_file(file: HubFile) -> bool:
    """Whether a name stays inside its folder and the hash is one: both come from outside."""
    parts = file.path.split("/")
    is_inside = all(part not in ("", ".", "..") and "\\" not in part and ":" not in part for part in parts)
    return is_inside and BLOB_NAME.fullmatch(file.content_hash) is not None and file.num_bytes >= 0


def _has_size(path: Path, num_bytes: int) -> bool:
    try:
        return path.is_file() and path.stat().st_size == num_bytes
    except OSError:
        return False
