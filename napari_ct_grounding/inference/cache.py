"""Embeddings kept on disk, so that a scan is encoded once and not once a day.

One file holds one encoding: vectors, their depths, a few numbers. No voxels, no names, no paths. Files are written beside
their place and moved there whole, so that processes need no lock and a process that dies leaves nothing but a partial file,
swept later. What is damaged or foreign is removed and computed again; what another version wrote is never asked for again
and ages out; a full or read-only disk costs one warning in the log. The cache is never the reason why an answer fails.

``CT_GROUNDING_CACHE`` names another folder, or switches the cache "off"; ``CT_GROUNDING_CACHE_MB`` limits its size.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path
from safetensors import SafetensorError
from safetensors import numpy as safetensors_numpy

from napari_ct_grounding.core.errors import InputError

if TYPE_CHECKING:
    from napari_ct_grounding.model.base import ImageEmbeddings

__all__ = ["CacheChoice", "EmbeddingCache", "EncodingKey", "KeptEncoding", "default_cache"]

FOLDER_VARIABLE = "CT_GROUNDING_CACHE"
SIZE_VARIABLE = "CT_GROUNDING_CACHE_MB"
DEFAULT_SIZE_MB = 512

#: Part of every key; raise it when the fields below, or the way lung volume is measured, change.
FORMAT_VERSION = 1

#: A partial file older than this (s) was left by a process that died; writing one takes milliseconds.
PARTIAL_AGE_S = 600.0

#: Only files of these names are counted or removed: the folder may be anybody's.
_ENTRY_NAME = re.compile(r"[0-9a-f]{32}\.embeddings")
_PARTIAL_NAME = re.compile(r"[0-9a-f]{32}\.\w+\.partial")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EncodingKey:
    """Everything that an encoding depends on.

    Parameters
    ----------
    volume_fingerprint, weights_fingerprint : str
    preprocessing_version : str
        Of the model's own chain from voxels to network input.
    coverage, precision : str
        How the model walked the scan, and in which arithmetic.
    """

    volume_fingerprint: str
    weights_fingerprint: str
    preprocessing_version: str
    coverage: str
    precision: str

    @property
    def text(self) -> str:
        """The key as one line of JSON, format version included."""
        return json.dumps({"format_version": FORMAT_VERSION, **asdict(self)}, sort_keys=True)

    @property
    def digest(self) -> str:
        """32 hexadecimal digits: the name of the file."""
        return hashlib.blake2b(self.text.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, eq=False)
class KeptEncoding:
    """What is kept of a scan: its embeddings, and the volume (ml) of its aerated lung."""

    embeddings: ImageEmbeddings
    lung_ml: float


class EmbeddingCache:
    """Encodings in a folder, the least recently used of which go first when it grows past its limit.

    Safe to be used by several processes at once.

    Parameters
    ----------
    folder : Path
        Created when something is kept.
    max_bytes : int
        Size of all entries together.
    """

    def __init__(self, folder: Path, max_bytes: int = DEFAULT_SIZE_MB * 1_000_000) -> None:
        self.folder = Path(folder)
        self.max_bytes = max_bytes
        self._has_warned = False

    def __contains__(self, key: EncodingKey) -> bool:
        """Whether there is a file for `key`; it may still turn out to be damaged."""
        return os.path.isfile(self._path(key))  # False, not an error, where the folder may not be looked into

    def get(self, key: EncodingKey) -> KeptEncoding | None:
        """Return what is kept for `key`, or None; an unusable file is removed."""
        path = self._path(key)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        kept = _unpacked(content, key)
        with contextlib.suppress(OSError):
            if kept is None:
                path.unlink()
            else:
                os.utime(path)  # used now: among the last to go
        return kept

    def put(self, key: EncodingKey, encoding: KeptEncoding) -> bool:
        """Keep an encoding and return whether that worked; makes room by removing what was not used for longest."""
        content = _packed(key, encoding)
        if len(content) > self.max_bytes:
            return False
        try:
            self._write(self._path(key), content)
        except OSError as error:
            if not self._has_warned:
                self._has_warned = True
                _log.warning(
                    "Embeddings cannot be kept on disk (%s): every scan is encoded again when it is opened again. "
                    "Make room, or name another folder by %s.",
                    error.strerror or type(error).__name__,
                    FOLDER_VARIABLE,
                )
            return False
        self._make_room()
        return True

    @property
    def num_entries(self) -> int:
        """How many encodings are kept."""
        return sum(1 for _ in self._files(_ENTRY_NAME))

    @property
    def size_bytes(self) -> int:
        """Size of all files of the cache, partial ones included."""
        return sum(status.st_size for name in (_ENTRY_NAME, _PARTIAL_NAME) for _, status in self._files(name))

    def clear(self) -> int:
        """Remove every file of the cache (and no other) and return the bytes set free."""
        return sum(_remove(path, status) for n in (_ENTRY_NAME, _PARTIAL_NAME) for path, status in self._files(n))

    def _path(self, key: EncodingKey) -> Path:
        return self.folder / f"{key.digest}.embeddings"

    def _write(self, path: Path, content: bytes) -> None:
        """Write beside the place and move there. No fsync: what a power cut spoils, the checksum finds."""
        self.folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f"{path.stem}.", suffix=".partial", dir=self.folder)
        try:
            with open(handle, "wb") as file:
                file.write(content)
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise

    def _make_room(self) -> None:
        """Remove entries until the limit holds, and partial files that nobody is writing any more."""
        now = time.time()
        for path, status in self._files(_PARTIAL_NAME):
            if now - status.st_mtime > PARTIAL_AGE_S:
                _remove(path, status)
        entries = sorted(self._files(_ENTRY_NAME), key=lambda entry: entry[1].st_mtime_ns)
        excess = sum(status.st_size for _, status in entries) - self.max_bytes
        for path, status in entries:
            if excess <= 0:
                break
            _remove(path, status)
            excess -= status.st_size  # whoever removed it

    def _files(self, pattern: re.Pattern[str]) -> Iterator[tuple[Path, os.stat_result]]:
        """Files of the cache by name; those that another process removes meanwhile are left out."""
        try:
            names = [name for name in os.listdir(self.folder) if pattern.fullmatch(name)]
        except OSError:
            return
        for name in names:
            path = self.folder / name
            with contextlib.suppress(OSError):
                yield path, path.stat()


#: "default" for the user's cache, None for none, or a cache of one's own.
CacheChoice = Literal["default"] | EmbeddingCache | None


def default_cache() -> EmbeddingCache | None:
    """Return the user's cache as the environment sets it; None where it is switched off.

    Raises
    ------
    InputError
        When the size limit is not a number of megabytes.
    """
    place = os.environ.get(FOLDER_VARIABLE, "").strip()
    if place.lower() == "off":
        return None
    size = os.environ.get(SIZE_VARIABLE, "").strip() or str(DEFAULT_SIZE_MB)
    if not size.isdecimal():
        raise InputError(f"{SIZE_VARIABLE} is {size!r}; it must be a whole number of megabytes, such as 512.")
    folder = (
        Path(place).expanduser() if place else user_cache_path("napari-ct-grounding", appauthor=False) / "embeddings"
    )
    return EmbeddingCache(folder, int(size) * 1_000_000)


def _remove(path: Path, status: os.stat_result) -> int:
    """Remove a file and return the bytes that this call set free."""
    try:
        path.unlink()
    except OSError:
        return 0
    return status.st_size


def _packed(key: EncodingKey, encoding: KeptEncoding) -> bytes:
    """One safetensors file; numbers are arrays, too, so that they come back bit for bit."""
    seen = encoding.embeddings
    arrays: dict[str, NDArray] = {
        "depth": seen.depth,
        "depths_mm": seen.depths_mm,
        "is_valid": seen.is_valid,
        "retrieval": seen.retrieval,
        "disease": seen.disease,
        "depth_width_mm": np.array([seen.depth_width_mm], dtype=np.float64),
        "covered_mm": np.array(seen.covered_mm, dtype=np.float64),
        "covered_body_fraction": np.array([seen.covered_body_fraction], dtype=np.float64),
        "lung_ml": np.array([encoding.lung_ml], dtype=np.float64),
    }
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    return safetensors_numpy.save(arrays, {"key": key.text, "checksum": _checksum(arrays)})


def _unpacked(content: bytes, key: EncodingKey) -> KeptEncoding | None:
    """What `_packed` made; None where a byte of it has changed."""
    from napari_ct_grounding.model.base import ImageEmbeddings  # brings torch, which counting and clearing do without

    try:
        header_bytes = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + header_bytes])["__metadata__"]
        arrays = safetensors_numpy.load(content)
        if metadata != {"key": key.text, "checksum": _checksum(arrays)}:
            return None
        depth_width_mm, fraction, lung_ml = (
            arrays[name].item() for name in ("depth_width_mm", "covered_body_fraction", "lung_ml")
        )
        lo, hi = arrays["covered_mm"].tolist()
        embeddings = ImageEmbeddings(
            depth=arrays["depth"],
            depths_mm=arrays["depths_mm"],
            is_valid=arrays["is_valid"],
            depth_width_mm=depth_width_mm,
            retrieval=arrays["retrieval"],
            disease=arrays["disease"],
            covered_mm=(lo, hi),
            covered_body_fraction=fraction,
        )
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return KeptEncoding(embeddings, lung_ml)


def _checksum(arrays: dict[str, NDArray]) -> str:
    """32 hexadecimal digits over names, types, shapes and values."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(repr((name, array.dtype.str, array.shape)).encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
