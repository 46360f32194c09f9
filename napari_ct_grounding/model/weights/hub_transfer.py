"""Fetching files from the hub: resumable, cancellable, checked byte for byte.

The hub's own client answers where things are, who asks (``HF_TOKEN``), by which way (``HF_ENDPOINT``, proxies) and whether at
all (``HF_HUB_OFFLINE``). Its file download is not used: it throws a cut-off file away, cannot be cancelled while a
connection stalls, and checks no hash on plain HTTP.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import httpx2
from filelock import FileLock, Timeout
from huggingface_hub import HfApi, constants, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

from napari_ct_grounding import __version__
from napari_ct_grounding.core.errors import Cancelled, WeightsError
from napari_ct_grounding.model.weights.hub_cache import (
    COMMIT,
    ContentHash,
    HubFile,
    Snapshot,
    blob_path,
    is_usable_file,
    link_blob,
    write_record,
)
from napari_ct_grounding.model.weights.hub_errors import PASSING_STATUS

__all__ = ["fetch_file", "fetch_listing", "needed_space", "repository_lock"]

#: Pauses before the tries that follow a failed one (s). Any byte gained starts the count anew.
RETRY_PAUSES_S = (1.0, 2.0, 4.0, 8.0)
#: A server that asks for a longer pause than this (s) is taken to be out of order.
MAX_PAUSE_S = 30.0
#: How often a wait for another process looks at the cancel flag (s).
POLL_S = 0.2
#: Left free on the disk (bytes).
SPARE_BYTES = 64_000_000


def fetch_listing(repository: str, patterns: Sequence[str], cancelled: Event, commit: str | None = None) -> Snapshot:
    """Ask the hub for the files of a repository that match `patterns`, at `commit` or at what is newest now; record them.

    Raises
    ------
    WeightsError
        When the hub does not give them.
    Cancelled
    """
    api = HfApi(headers=_headers())

    def ask() -> Any:
        try:
            return api.model_info(repository, revision=commit, files_metadata=True, timeout=_timeout_s())
        except (TypeError, KeyError, AttributeError) as error:  # JSON, but of somebody else
            raise ValueError("no answer of a hub") from error

    info = _with_retries(ask, cancelled)
    files = []
    for entry in info.siblings or ():
        if any(fnmatchcase(entry.rfilename, pattern) for pattern in patterns):
            content_hash = entry.lfs.sha256 if entry.lfs else entry.blob_id
            num_bytes = entry.lfs.size if entry.lfs else entry.size
            file = HubFile(entry.rfilename, -1 if num_bytes is None else num_bytes, content_hash or "")
            if not is_usable_file(file):
                raise WeightsError(
                    f"The hub ({constants.ENDPOINT}) lists {file.path!r} of {repository} without a size or a hash, or "
                    "outside of its folder. Try again, or another mirror (HF_ENDPOINT)."
                )
            files.append(file)
    if not files or not COMMIT.fullmatch(str(info.sha)):
        raise WeightsError(
            f"The repository {repository} on {constants.ENDPOINT} holds none of {', '.join(patterns)}, or names no commit. "
            "Check HF_ENDPOINT; a mirror may lack it."
        )
    snapshot = Snapshot(repository, str(info.sha), tuple(files))
    write_record(snapshot)
    return snapshot


def fetch_file(snapshot: Snapshot, file: HubFile, on_bytes: Callable[[int], None], cancelled: Event) -> None:
    """Fetch one file into the cache, going on where an earlier download stopped.

    Parameters
    ----------
    snapshot : Snapshot
    file : HubFile
    on_bytes : callable
        ``on_bytes(num_bytes)`` for every piece that is there and for those given up again (negative).
    cancelled : Event

    Raises
    ------
    WeightsError
        When the content is not the recorded one, twice, or the hub does not give it.
    Cancelled
    """
    blob = blob_path(snapshot, file)
    blob.parent.mkdir(parents=True, exist_ok=True)
    incomplete = blob.with_name(blob.name + ".incomplete")
    if blob.is_file() and not _is_as_recorded(blob, file):
        blob.unlink()
    if not blob.is_file():
        for is_last_try in (False, True):
            with _Content(incomplete, file, on_bytes) as content:
                _with_retries(partial(_receive, snapshot, file, content), cancelled, content)
                is_right = content.is_as_recorded()
                if not is_right:
                    content.restart()
            if is_right:
                break
            if is_last_try:
                incomplete.unlink()
                raise WeightsError(
                    f"{file.path} of {snapshot.repository} arrived twice with other content than the hub recorded (hash "
                    f"{file.content_hash[:12]}...). Something between here and {constants.ENDPOINT} changes it: try "
                    "another network or mirror (HF_ENDPOINT), or copy the weights from another machine."
                )
        incomplete.replace(blob)
    else:
        on_bytes(file.num_bytes)
    link_blob(snapshot, file)


class _Content:
    """A file that grows: its content on disk, its hash, and who wants to know how far it is."""

    def __init__(self, path: Path, file: HubFile, on_bytes: Callable[[int], None]) -> None:
        self._wanted, self._on_bytes = file, on_bytes
        self._file = path.open("ab")
        self.num_bytes = 0
        self._hash = ContentHash(file.content_hash, file.num_bytes)
        if self._file.tell() > file.num_bytes:
            self._file.truncate(0)

        def count(num_bytes: int) -> None:
            self.num_bytes += num_bytes
            on_bytes(num_bytes)

        self._hash.update_from(path, count)

    def append(self, piece: bytes) -> None:
        self._file.write(piece)
        self._hash.update(piece)
        self.num_bytes += len(piece)
        self._on_bytes(len(piece))

    def restart(self) -> None:
        self._file.truncate(0)
        self._hash = ContentHash(self._wanted.content_hash, self._wanted.num_bytes)
        self._on_bytes(-self.num_bytes)
        self.num_bytes = 0

    def is_as_recorded(self) -> bool:
        return self.num_bytes == self._wanted.num_bytes and self._hash.is_as_recorded()

    def __enter__(self) -> _Content:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _receive(snapshot: Snapshot, file: HubFile, content: _Content) -> None:
    """Append what is missing; returns when all of it, or more than it should be, has arrived."""
    if content.num_bytes >= file.num_bytes:
        return
    url = hf_hub_url(snapshot.repository, file.path, revision=snapshot.commit)
    headers = build_hf_headers(headers={**_headers(), "accept-encoding": "identity"})
    if content.num_bytes:
        headers["range"] = f"bytes={content.num_bytes}-"
    with get_session().stream("GET", url, headers=headers, timeout=_timeout_s()) as response:
        if response.status_code == 416:
            content.restart()
            raise httpx2.RemoteProtocolError("the server does not go on where the last download stopped")
        hf_raise_for_status(response)
        begins_at = response.headers.get("content-range", "bytes 0-").removeprefix("bytes ").split("-")[0]
        if content.num_bytes and begins_at != str(content.num_bytes):
            content.restart()
        if content.num_bytes == 0 and begins_at != "0":
            raise httpx2.RemoteProtocolError("the server sends another part than it was asked for")
        for piece in response.iter_bytes():
            content.append(piece)
            if content.num_bytes > file.num_bytes:
                return
    if content.num_bytes < file.num_bytes:
        raise httpx2.RemoteProtocolError("the connection was closed early")


def _with_retries(ask: Callable[[], Any], cancelled: Event, content: _Content | None = None) -> Any:
    """Ask again after failures that may pass, with growing pauses that end when the call is cancelled."""
    tries = 0
    while True:
        had = content.num_bytes if content else 0
        try:
            return ask()
        except (httpx2.TransportError, HfHubHTTPError) as error:
            if isinstance(error, HfHubHTTPError) and error.response.status_code not in PASSING_STATUS:
                raise
            if isinstance(error, httpx2.ProxyError | httpx2.UnsupportedProtocol):
                raise
            has_gained = content is not None and content.num_bytes > had
            tries = 0 if has_gained else tries + 1
            if tries > len(RETRY_PAUSES_S):
                raise
            pause_s = RETRY_PAUSES_S[max(tries - 1, 0)]
            if isinstance(error, HfHubHTTPError):
                wished = error.response.headers.get("retry-after", "")
                pause_s = max(pause_s, float(wished)) if wished.isdigit() else pause_s
            if pause_s > MAX_PAUSE_S:
                raise
        if cancelled.wait(pause_s):
            raise Cancelled("The download was cancelled.")


@contextmanager
def repository_lock(cancelled: Event) -> Iterator[None]:
    """Let one process (or thread) at a time write weights into the cache."""
    folder = Path(constants.HF_HUB_CACHE).expanduser() / ".locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "napari-ct-grounding.lock")
    while True:
        try:
            lock.acquire(blocking=False)
            break
        except Timeout:
            if cancelled.wait(POLL_S):
                raise Cancelled("The download was cancelled.") from None
    try:
        yield
    finally:
        lock.release()


def needed_space(num_bytes: int) -> None:
    """Raise when the disk of the cache cannot take that much more.

    Raises
    ------
    WeightsError
        Naming what is needed, what is free, and how to choose another place.
    """
    folder = Path(constants.HF_HUB_CACHE).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < num_bytes + SPARE_BYTES:
        raise WeightsError(
            f"The download needs {_size(num_bytes)} more in {str(folder)!r}, and {_size(free)} are free. Free some space, "
            "or name a folder on another disk in the environment variable HF_HOME."
        )


def _headers() -> dict[str, str]:
    """Who asks, and nothing about the machine: the client's own words would name its Python and torch."""
    return {"user-agent": f"napari-ct-grounding/{__version__}"}


def _timeout_s() -> float:
    """Silence after which a connection counts as broken (s); the hub's variable HF_HUB_DOWNLOAD_TIMEOUT sets it."""
    return float(constants.HF_HUB_DOWNLOAD_TIMEOUT)


def _is_as_recorded(path: Path, file: HubFile) -> bool:
    content_hash = ContentHash(file.content_hash, file.num_bytes)
    content_hash.update_from(path)
    return content_hash.is_as_recorded()


def _size(num_bytes: int) -> str:
    return f"{num_bytes / 1e9:.1f} GB" if num_bytes >= 1e8 else f"{num_bytes / 1e6:.0f} MB"
