"""Are weights what they should be? Content against recorded hashes, names and shapes against the network, and the probe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from napari_ct_grounding.core.errors import Cancelled, WeightsError
from napari_ct_grounding.model.weights.card import read_card
from napari_ct_grounding.model.weights.checksums import CHECKSUMS_FILE, read_checksums, sha256_of
from napari_ct_grounding.model.weights.hub import BUNDLED_NAME, HUB_WEIGHTS, is_encoder_name, local_folders
from napari_ct_grounding.model.weights.hub_cache import ContentHash, recorded_hash
from napari_ct_grounding.model.weights.loading import load_weights, resolve_weights, tokenizer_folder
from napari_ct_grounding.model.weights.probe import check_first_probe, check_probe, first_probe_path

__all__ = ["VerifiedFile", "VerifiedWeights", "verify"]


@dataclass(frozen=True)
class VerifiedFile:
    """A file of weights whose content was read.

    Parameters
    ----------
    name : str
    num_bytes : int
    record : {"hub", "card", "checksums", "none"}
        Where the hash that it agrees with was recorded; "none": nowhere.
    """

    name: str
    num_bytes: int
    record: str


@dataclass(frozen=True)
class VerifiedWeights:
    """What was found right.

    Parameters
    ----------
    name : str
    fingerprint : str
    files : tuple of VerifiedFile
        Empty for an encoder of another package.
    probe : {"card", "first load", "recorded now"}
        What the probe was compared with; "recorded now": with nothing yet, later loads have this one.
    """

    name: str
    fingerprint: str
    files: tuple[VerifiedFile, ...]
    probe: str


def verify(
    name_or_folder: str | Path,
    *,
    tokenizer: str | Path | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> VerifiedWeights:
    """Read every byte of weights that are on this machine, load them, and compare them with all that was recorded.

    Parameters
    ----------
    name_or_folder : str or Path
        See `weights.load_weights`.
    tokenizer : str or Path, optional
        Folder of tokenizer files, for weights without.
    on_progress : callable, optional
        ``on_progress(done_bytes, total_bytes)`` while files are read.
    cancel : callable, optional
        Asked for every mebibyte.

    Raises
    ------
    WeightsError
        Naming every file whose content differs; or tensors, or the side of the probe.
    Cancelled
    """
    files: tuple[VerifiedFile, ...] = ()
    if name_or_folder in HUB_WEIGHTS or not is_encoder_name(name_or_folder):
        files = _verify_files(_paths(name_or_folder, tokenizer), on_progress, cancel, _remedy(name_or_folder))
    loaded = load_weights(name_or_folder, tokenizer=tokenizer)
    if loaded.card.probe is not None:
        check_probe(loaded.model, loaded.card.probe)
        return VerifiedWeights(loaded.name, loaded.fingerprint, files, "card")
    is_first = not first_probe_path(loaded.fingerprint).is_file()
    check_first_probe(loaded.model, loaded.fingerprint)
    return VerifiedWeights(loaded.name, loaded.fingerprint, files, "recorded now" if is_first else "first load")


def _paths(name_or_folder: str | Path, tokenizer: str | Path | None) -> list[Path]:
    """Every file of the weights and of their tokenizer."""
    if name_or_folder in HUB_WEIGHTS:
        folders = local_folders(str(name_or_folder))
        if not folders:
            raise WeightsError(
                f"The weights {str(name_or_folder)!r} are not on this machine, or not all of them. Run 'ct-grounding weights "
                f"pull {name_or_folder}'."
            )
    else:
        folder = resolve_weights(name_or_folder)
        folders = [folder, tokenizer_folder(folder, tokenizer)]
    return [path for place in dict.fromkeys(folders) for path in sorted(place.iterdir()) if path.is_file()]


def _verify_files(
    paths: list[Path],
    on_progress: Callable[[int, int], None] | None,
    cancel: Callable[[], bool] | None,
    remedy: str,
) -> tuple[VerifiedFile, ...]:
    total, done = sum(path.stat().st_size for path in paths), 0

    def count(num_bytes: int) -> None:
        nonlocal done
        if cancel is not None and cancel():
            raise Cancelled("The check was cancelled.")
        done += num_bytes
        if on_progress is not None:
            on_progress(done, total)

    verified, changed = [], []
    records = {folder: _recorded_in(folder) for folder in {path.parent for path in paths}}
    for path in paths:
        kind, recorded = records[path.parent].pop(path.name, ("none", ""))
        if kind == "none" and (in_cache := recorded_hash(path)) is not None:
            kind, content_hash = "hub", ContentHash(in_cache, path.stat().st_size)
            content_hash.update_from(path, count)
            is_right = content_hash.is_as_recorded()
        else:
            is_right = sha256_of(path, count) == recorded or kind == "none"
        verified.append(VerifiedFile(path.name, path.stat().st_size, kind))
        if not is_right:
            changed.append(path.name)
    missing = [name for record in records.values() for name in record]
    if changed or missing:
        problems = [f"changed: {', '.join(changed)}"] if changed else []
        problems += [f"missing: {', '.join(missing)}"] if missing else []
        raise WeightsError(f"Files of the weights are not as they were recorded ({'; '.join(problems)}). {remedy}")
    return tuple(verified)


def _recorded_in(folder: Path) -> dict[str, tuple[str, str]]:
    """Name of a file to who recorded its hash in this folder, and the hash."""
    recorded = {
        name: ("checksums", digest) for name, digest in read_checksums(folder).items() if name != CHECKSUMS_FILE
    }
    digest = read_card(folder).sha256
    if digest is not None:
        recorded.setdefault("model.safetensors", ("card", digest))
    return recorded


def _remedy(name_or_folder: str | Path) -> str:
    if name_or_folder in HUB_WEIGHTS:
        return f"Run 'ct-grounding weights pull {name_or_folder} --repair'."
    if name_or_folder == BUNDLED_NAME:
        return "Install the package again."
    return "Copy or export the weights again."
