"""Weights by name: which there are, where they lie, and fetching those of the hub.

No function here asks the network but `pull`, and that one only after the licence was accepted. What is in the cache stays
at the commit of the first download; a download that was cut off goes on where it stopped, in this process or a later one.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

from napari_ct_grounding.core.errors import Cancelled, LicenceNeededError, WeightsError
from napari_ct_grounding.model.encoders import list_encoders
from napari_ct_grounding.model.weights import hub_transfer
from napari_ct_grounding.model.weights.checksums import CHECKSUMS_FILE, write_checksums
from napari_ct_grounding.model.weights.hub_cache import ContentHash, Snapshot, blob_path, cached_snapshot
from napari_ct_grounding.model.weights.hub_errors import plain_errors
from napari_ct_grounding.model.weights.hub_names import HUB_WEIGHTS, TOKENIZER_PATTERNS, HubWeights
from napari_ct_grounding.model.weights.tensor_files import tensor_files

__all__ = [
    "BUNDLED_FOLDER",
    "BUNDLED_NAME",
    "HUB_WEIGHTS",
    "HubWeights",
    "KnownWeights",
    "copy_to",
    "is_encoder_name",
    "list_known",
    "local_folders",
    "pull",
    "tokenizer_from_cache",
    "weights_folder",
]

BUNDLED_NAME = "bundled"
BUNDLED_FOLDER = Path(__file__).resolve().parents[2] / "weights" / "bundled"
#: How often a caller of `pull` hears of progress and is asked whether to stop (s).
POLL_S = 0.1


@dataclass(frozen=True)
class KnownWeights:
    """A name that `load_weights` understands, in words for a chooser.

    Parameters
    ----------
    name : str
    title : str
        The name as people write it.
    description : str
    licence : str
    origin : {"package", "hub", "encoder"}
        Comes with this package; is fetched from the hub; comes from another package (docs/own-encoder.md).
    num_bytes : int
        Still to be downloaded, about; 0 when nothing is.
    reason : str or None
        Why they cannot be used here, for want of a package; None when they can.
    """

    name: str
    title: str
    description: str
    licence: str
    origin: str
    num_bytes: int
    reason: str | None = None


def list_known() -> list[KnownWeights]:
    """Return every name, the bundled one first. Asks no network, imports no encoder and no torch."""
    known = []
    if (BUNDLED_FOLDER / "card.json").is_file():
        card = json.loads((BUNDLED_FOLDER / "card.json").read_text(encoding="utf-8"))
        known.append(KnownWeights(BUNDLED_NAME, "Bundled", card["description"], card["licence"], "package", 0))
    for weights in HUB_WEIGHTS.values():
        missing = 0 if _cached_folder(weights) is not None else weights.num_bytes
        known.append(
            KnownWeights(
                weights.name, weights.title, weights.description, weights.licence, "hub", missing, weights.reason
            )
        )
    taken = {entry.name for entry in known}
    for encoder in list_encoders():
        if encoder.name not in taken:
            known.append(
                KnownWeights(
                    encoder.name, encoder.name, encoder.description, "see its package", "encoder", 0, encoder.reason
                )
            )
    return known


def is_encoder_name(name: object) -> bool:
    """Whether a name means an encoder (`model.encoders`); the names of this package's own weights never do."""
    if name == BUNDLED_NAME or (name in HUB_WEIGHTS and not HUB_WEIGHTS[str(name)].has_encoder):
        return False
    return name in {entry.name for entry in list_encoders()}


def weights_folder(name: str) -> Path | None:
    """Return where the weights of a name lie on this machine, complete with tokenizer; None where they are not here yet.

    Raises
    ------
    WeightsError
        When no weights in a folder have that name.
    """
    if name == BUNDLED_NAME:
        return BUNDLED_FOLDER if (BUNDLED_FOLDER / "config.json").is_file() else None
    return _cached_folder(_hub_weights(name))


def local_folders(name: str) -> list[Path]:
    """Return the folder of weights and, where it is another one, that of their tokenizer; empty where they are not here."""
    folder = weights_folder(name)
    if folder is None or name == BUNDLED_NAME:
        return [] if folder is None else [folder]
    tokenizer = tokenizer_from_cache(_tokenizer_repository(HUB_WEIGHTS[name], folder))
    return [folder] if tokenizer is None else [folder, tokenizer]


def pull(
    name: str,
    *,
    accept_licence: bool = False,
    repair: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Path:
    """Return the folder of weights, fetched with their tokenizer where they are not here yet.

    Parameters
    ----------
    name : str
        One of `list_known`.
    accept_licence : bool
        Whether the licence was read and accepted.
    repair : bool
        Read what is here again, byte for byte, and fetch every file that is not as the hub recorded it.
    on_progress : callable, optional
        ``on_progress(done_bytes, total_bytes)``, ten times a second, on this thread.
    cancel : callable, optional
        Asked as often, also while the connection stalls; returning True ends the call. What has arrived is kept.

    Raises
    ------
    LicenceNeededError
        When the weights are not here and the licence was not accepted. Nothing was asked of the network.
    WeightsError
        When they cannot be had; the message says why and what to do.
    Cancelled
    """
    if name == BUNDLED_NAME:
        folder = weights_folder(name)
        if folder is None:
            raise WeightsError(
                "The bundled weights are missing from this installation. Install the package again, or make them with "
                "'python -m train fit' and 'python -m train export'."
            )
        return folder
    weights = _hub_weights(name)
    folder = _cached_folder(weights)
    if folder is not None and not repair:
        return folder
    if not accept_licence:
        raise LicenceNeededError(
            f"The weights {name!r} ({weights.repository}, about {weights.num_bytes / 1e9:.1f} GB) are under the licence "
            f"{weights.licence}: {weights.terms}. They are downloaded once you accept it (accept_licence=True, or "
            "--accept-licence in the shell).",
            weights.licence,
            weights.num_bytes,
            weights.name,
        )
    return _Pull(weights, repair).run(on_progress, cancel)


def tokenizer_from_cache(repository: str) -> Path | None:
    """Return the folder of a repository's tokenizer files in the hub's local cache, or None; the network is not asked."""
    snapshot = cached_snapshot(repository)
    return None if snapshot is None or snapshot.missing else snapshot.folder


def copy_to(name: str, folder: Path) -> Path:
    """Copy weights that are here into a plain folder, tokenizer and checksums beside them, for a machine without network.

    Raises
    ------
    WeightsError
        When they are not here, or the folder holds something already.
    """
    if weights_folder(name) is None:
        raise WeightsError(f"The weights {name!r} are not on this machine yet. Run 'ct-grounding weights pull {name}'.")
    folder = folder.expanduser()
    if folder.exists() and any(folder.iterdir()):
        raise WeightsError(f"The folder {folder.name!r} is not empty. Name a new one.")
    sources = local_folders(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for place in sources:
            for path in sorted(place.iterdir()):
                if path.is_file() and path.name != CHECKSUMS_FILE and not (folder / path.name).exists():
                    shutil.copyfile(path, folder / path.name)  # the content, not the cache's link
    except OSError as error:
        raise WeightsError(
            f"The weights {name!r} could not be copied ({error.strerror or error}). Check the disk and try again with an "
            "empty folder."
        ) from error
    write_checksums(folder)
    return folder


class _Pull:
    """One download: a thread that fetches, and the caller's thread that watches it.

    The caller must be able to leave at any moment, and no read from a socket can be interrupted from outside. So the thread is
    left behind when it stalls: it ends by itself at the next piece or at the connection's time limit, and writes nothing then.
    """

    def __init__(self, weights: HubWeights, repair: bool) -> None:
        self._weights, self._repair = weights, repair
        self._cancelled = Event()
        self._done = self._total = 0
        self._folder: Path | None = None
        self._error: BaseException | None = None

    def run(self, on_progress: Callable[[int, int], None] | None, cancel: Callable[[], bool] | None) -> Path:
        thread = Thread(target=self._work, name="weights download", daemon=True)
        thread.start()
        told: tuple[int, int] | None = None
        try:
            while True:
                thread.join(POLL_S)
                is_over = not thread.is_alive()
                if on_progress is not None and self._total and (self._done, self._total) != told:
                    told = (self._done, self._total)
                    on_progress(*told)
                if is_over:
                    break
                if cancel is not None and cancel():
                    raise Cancelled("The download was cancelled. What has arrived is kept.")
        finally:
            self._cancelled.set()
        if self._error is not None:
            raise self._error
        assert self._folder is not None
        return self._folder

    def _work(self) -> None:
        try:
            self._folder = self._fetch()
        except BaseException as error:
            self._error = error

    def _fetch(self) -> Path:
        weights = self._weights
        with plain_errors(weights.repository), hub_transfer.repository_lock(self._cancelled):
            model = self._listing(weights.repository, weights.patterns)
            for file in model.files:
                if file.path == "config.json":  # small, and it names the tokenizer
                    hub_transfer.fetch_file(model, file, self._count_nothing, self._cancelled)
            tokenizer = self._listing(
                _tokenizer_repository(weights, model.folder), TOKENIZER_PATTERNS, weights.tokenizer_commit
            )
            wanted = [(snapshot, file) for snapshot in (model, tokenizer) for file in snapshot.files]
            if self._repair:
                for snapshot, file in wanted:
                    self._drop_if_changed(snapshot, file)
            self._total = sum(file.num_bytes for _, file in wanted)
            missing = [(snapshot, file) for snapshot, file in wanted if file in snapshot.missing]
            self._done = self._total - sum(file.num_bytes for _, file in missing)
            hub_transfer.needed_space(sum(_bytes_to_come(snapshot, file) for snapshot, file in missing))
            for snapshot, file in missing:
                hub_transfer.fetch_file(snapshot, file, self._count, self._cancelled)
        return model.folder

    def _listing(self, repository: str, patterns: tuple[str, ...], commit: str | None = None) -> Snapshot:
        """What is wanted: as recorded at the first download, else as the hub says now (at the commit of a partial cache)."""
        known = cached_snapshot(repository)
        if known is not None and known.files:
            return known
        return hub_transfer.fetch_listing(
            repository, patterns, self._cancelled, commit if known is None else known.commit
        )

    def _count(self, num_bytes: int) -> None:
        if self._cancelled.is_set():
            raise Cancelled("The download was cancelled.")
        self._done += num_bytes

    def _count_nothing(self, num_bytes: int) -> None:
        if self._cancelled.is_set():
            raise Cancelled("The download was cancelled.")

    def _drop_if_changed(self, snapshot: Snapshot, file: Any) -> None:
        path = snapshot.folder / file.path
        if path.is_file():
            content_hash = ContentHash(file.content_hash, file.num_bytes)
            content_hash.update_from(path, self._count_nothing)
            if not content_hash.is_as_recorded():
                path.resolve().unlink()
                path.unlink(missing_ok=True)


def _hub_weights(name: str) -> HubWeights:
    if name not in HUB_WEIGHTS:
        names = ", ".join(repr(known) for known in (BUNDLED_NAME, *HUB_WEIGHTS))
        raise WeightsError(f"There are no weights {name!r} to be fetched; there are {names}.")
    return HUB_WEIGHTS[name]


def _cached_folder(weights: HubWeights) -> Path | None:
    """The weights' folder in the cache if nothing is missing, tokenizer included."""
    model = cached_snapshot(weights.repository)
    if model is None or model.missing or not _is_whole(model.folder, weights):
        return None
    # A record of ours says what belongs to the weights. What another tool fetched may keep its tokenizer elsewhere.
    tokenizer = cached_snapshot(_tokenizer_repository(weights, model.folder))
    if model.files and (tokenizer is None or tokenizer.missing):
        return None
    return model.folder


def _is_whole(folder: Path, weights: HubWeights) -> bool:
    has_config = "config.json" not in weights.patterns or (folder / "config.json").is_file()
    try:
        return has_config and bool(tensor_files(folder))
    except WeightsError:
        return False


def _tokenizer_repository(weights: HubWeights, folder: Path) -> str:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return str(config.get("text_tokenizer_name") or weights.tokenizer_repository)
    except (OSError, ValueError, AttributeError):
        return weights.tokenizer_repository


def _bytes_to_come(snapshot: Snapshot, file: Any) -> int:
    blob = blob_path(snapshot, file)
    partial = blob.with_name(blob.name + ".incomplete")
    have = partial.stat().st_size if partial.is_file() else 0
    return file.num_bytes if have > file.num_bytes else file.num_bytes - have
