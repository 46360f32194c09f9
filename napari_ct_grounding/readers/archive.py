"""Zip archives: unpacked into a temporary folder that is removed again, or refused before anything is written.

Names that lead out of the archive ("../", absolute, a drive letter) and links are refused, and what is left of a name is made of
plain characters. Sizes are counted while unpacking, because an archive's own directory may lie. Archives within it stay packed.
"""

from __future__ import annotations

import lzma
import re
import shutil
import stat
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from napari_ct_grounding.core.errors import VolumeError
from napari_ct_grounding.readers.cancelling import stop_if_cancelled
from napari_ct_grounding.readers.dicom.file import begins_like_dicom
from napari_ct_grounding.readers.formats.volume_files import VOLUME_ENDINGS

__all__ = ["MAX_MEMBERS", "MAX_RATIO", "MAX_TOTAL_BYTES", "extracted", "holds_scan", "is_zip_file"]

#: A study of many series has some thousand images.
MAX_MEMBERS = 50_000
#: Unpacked size (bytes) of all members together.
MAX_TOTAL_BYTES = 16 << 30
#: Unpacked by packed size of all members together, beyond the first `FREE_BYTES`; CT shrinks 2 to 4 times, padding some 20 times.
MAX_RATIO = 100
FREE_BYTES = 64 << 20
_CHUNK = 1 << 20
_PREFIX = "ct-grounding-zip-"
#: A temporary folder older than this (s) belongs to a program that was killed: nothing is read for so long.
FORGOTTEN_SECONDS = 24 * 3600
#: Members looked at before an archive counts as none of ours; napari asks on the GUI thread.
MAX_LOOKED_AT = 20
#: What the standard library raises on damaged (or encrypted) archives.
_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, RuntimeError)
#: Folders deeper than this are cut off above.
MAX_DEPTH = 24
_SAFE_CHARACTERS = re.compile(r"[^\w.\- ]")


def is_zip_file(path: Path) -> bool:
    """Whether a file is named .zip or begins like a zip archive."""
    if path.suffix.lower() == ".zip":
        return True
    with open(path, "rb") as stream:
        return stream.read(4) == b"PK\x03\x04"


def holds_scan(path: Path) -> bool:
    """Whether the first members look like a scan: DICOM by content, other formats by name. Quick; False when unreadable."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [
                member for member in archive.infolist() if not member.is_dir() and not _is_clutter(member.filename)
            ]
            if any(member.filename.lower().endswith(VOLUME_ENDINGS) for member in members[:MAX_LOOKED_AT]):
                return True
            for member in members[:MAX_LOOKED_AT]:
                with archive.open(member) as stream:
                    if begins_like_dicom(stream.read(132)):
                        return True
    except (*_DAMAGED, OSError, NotImplementedError):
        return False
    return False


@contextmanager
def extracted(path: Path) -> Iterator[Path]:
    """Unpack a zip archive for the time of a ``with`` block; the folder is gone afterwards, whatever happens inside.

    Raises
    ------
    VolumeError
        When the archive is damaged, encrypted or empty, holds links or names that lead out of it, or is larger than a study.
    """
    _remove_forgotten()
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as name:
        try:
            with zipfile.ZipFile(path) as archive:
                _unpack(archive, Path(name), path)
        except NotImplementedError as error:
            raise VolumeError(
                f"{path.name} is packed by a method that is not read here. Unpack it and open the folder."
            ) from error
        except VolumeError:
            raise
        except OSError as error:
            raise VolumeError(f"{path.name} cannot be unpacked ({error.strerror or 'input error'}).") from error
        except _DAMAGED as error:
            raise VolumeError(
                f"{path.name} is a damaged zip archive, or was cut short. Copy or download it again."
            ) from error
        yield Path(name)


def _remove_forgotten() -> None:
    """Remove what a killed program left of its archives: images of patients should not lie about."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            is_forgotten = time.time() - folder.lstat().st_mtime > FORGOTTEN_SECONDS
        except OSError:
            continue
        if is_forgotten and folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder, ignore_errors=True)


def _unpack(archive: zipfile.ZipFile, folder: Path, path: Path) -> None:
    members = [member for member in archive.infolist() if not member.is_dir() and not _is_clutter(member.filename)]
    if len(members) > MAX_MEMBERS:
        raise VolumeError(
            f"{path.name} holds {len(members):,} files; at most {MAX_MEMBERS:,} are unpacked. Unpack it and open the folder."
        )
    if not members:
        raise VolumeError(f"{path.name} is an empty archive.")
    for member in members:
        _check_member(member, path)
    allowed = min(MAX_TOTAL_BYTES, FREE_BYTES + MAX_RATIO * path.stat().st_size)
    if (claimed := sum(member.file_size for member in members)) > allowed:
        raise _too_large(path, claimed, allowed)
    if (free := shutil.disk_usage(folder).free) < claimed:
        raise VolumeError(
            f"{path.name} unpacks to {claimed / 1e9:,.1f} GB, but only {free / 1e9:,.1f} GB are free for temporary files. "
            "Make room, or unpack it elsewhere and open the folder."
        )
    written = 0
    for number, member in enumerate(members):
        target = _place(folder, member.filename, number)
        with archive.open(member) as source, open(target, "xb") as sink:
            while chunk := source.read(_CHUNK):
                stop_if_cancelled()
                written += len(chunk)
                if written > allowed:
                    raise _too_large(path, written, allowed)
                sink.write(chunk)


def _check_member(member: zipfile.ZipInfo, path: Path) -> None:
    if member.flag_bits & 0x1:
        raise VolumeError(f"{path.name} is encrypted. Unpack it with its password and open the folder.")
    if (
        ".." in _parts(member.filename)
        or member.filename.startswith(("/", "\\"))
        or re.match(r"[A-Za-z]:", member.filename)
    ):
        raise VolumeError(f"{path.name} holds a file whose name leads out of the archive; it is not opened.")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise VolumeError(f"{path.name} holds a link instead of a file; it is not opened. Pack the files themselves.")


def _place(folder: Path, name: str, number: int) -> Path:
    """Return where a member goes: the archive's own tree, every part of the name made harmless; a taken place gets a number."""
    parts = [_SAFE_CHARACTERS.sub("_", part)[-80:].strip(". ") or "_" for part in _parts(name)][-MAX_DEPTH:]
    target = folder.joinpath(*parts)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):  # a file and a folder of one name
        target = folder / f"{number:06d}" / parts[-1]
        target.parent.mkdir(parents=True)
    return target.with_name(f"{number:06d}-{target.name}") if target.exists() else target


def _parts(name: str) -> tuple[str, ...]:
    return PurePosixPath(name.replace("\\", "/")).parts


def _is_clutter(name: str) -> bool:
    """Whether a member is what file managers add: folders of macOS, hidden files."""
    parts = _parts(name)
    return not parts or "__MACOSX" in parts or (parts[-1].startswith(".") and ".." not in parts)


def _too_large(path: Path, size: int, allowed: int) -> VolumeError:
    return VolumeError(
        f"{path.name} unpacks to {size / 1e9:,.1f} GB or more; from an archive of this size at most {allowed / 1e9:,.1f} GB are "
        "unpacked. If you trust it, unpack it and open the folder."
    )
