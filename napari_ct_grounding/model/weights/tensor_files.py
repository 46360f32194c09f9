"""The tensor files of a weights folder: which they are, what they hold, and a name made from their content."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError, safe_open

from napari_ct_grounding.core.errors import WeightsError
from napari_ct_grounding.model.weights.checksums import sha256_of
from napari_ct_grounding.model.weights.hub_cache import recorded_hash

if TYPE_CHECKING:  # a list of weights must not load torch
    from torch import Tensor

__all__ = ["fingerprint_of", "read_tensors", "stored_shapes", "tensor_files"]

SINGLE_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
#: Formats that run code when opened.
PICKLE_SUFFIXES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
FINGERPRINT_DIGITS = 16


def tensor_files(folder: Path) -> list[Path]:
    """Return the safetensors files of a weights folder, the single one or all shards.

    Raises
    ------
    WeightsError
        When there are none, a shard is missing, or only pickles are there.
    """
    single = folder / SINGLE_FILE
    if single.is_file():
        return [single]
    if (folder / INDEX_FILE).is_file():
        return _shards(folder)
    pickles = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLE_SUFFIXES)
    if pickles:
        raise WeightsError(
            f"The weights folder {folder.name!r} holds {pickles[0]}, a pickle, which can run any code when opened; "
            "only safetensors are read. Convert it where you trust it, or fetch model.safetensors."
        )
    raise WeightsError(f"The weights folder {folder.name!r} holds no {SINGLE_FILE}. Fetch or export the weights again.")


def _shards(folder: Path) -> list[Path]:
    try:
        names = sorted(set(json.loads((folder / INDEX_FILE).read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise WeightsError(f"{INDEX_FILE} in {folder.name!r} cannot be read. Fetch the weights again.") from error
    for name in names:
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise WeightsError(
                f"{INDEX_FILE} names {name!r}; only safetensors files of the same folder are read. Fetch the "
                "weights again."
            )
    missing = [name for name in names if not (folder / name).is_file()]
    if missing or not names:
        raise WeightsError(
            f"{INDEX_FILE} in {folder.name!r} names {len(names)} files; missing: {', '.join(missing) or 'all'}. "
            "Fetch the weights again; what is there already is kept."
        )
    return [folder / name for name in names]


def stored_shapes(files: list[Path]) -> dict[str, tuple[int, ...]]:
    """Return name and shape of every stored tensor; reads headers alone.

    Raises
    ------
    WeightsError
        When a file is no safetensors file, is cut short, or two files hold one name.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for path in files:
        try:
            with safe_open(path, framework="pt") as file:
                found = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise WeightsError(
                f"{path.name} in {path.parent.name!r} is not a whole safetensors file ({error}); pickles are "
                "refused whatever their name. Fetch or export the weights again."
            ) from error
        twice = shapes.keys() & found.keys()
        if twice:
            raise WeightsError(f"Two shards hold {min(twice)!r}. Fetch the weights again.")
        shapes.update(found)
    return shapes


def read_tensors(files: list[Path]) -> dict[str, Tensor]:
    """Return every stored tensor, on the CPU."""
    tensors: dict[str, Tensor] = {}
    for path in files:
        with safe_open(path, framework="pt") as file:
            tensors.update({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    return tensors


def fingerprint_of(files: list[Path]) -> str:
    """Return 16 hexadecimal digits from the SHA-256 of the files' content."""
    digests = [_sha256(path) for path in files]
    whole = digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()
    return whole[:FINGERPRINT_DIGITS]


def _sha256(path: Path) -> str:
    # The hub's cache calls a file by its SHA-256, checked at download: no need to read 4 GB for it.
    recorded = recorded_hash(path)
    return recorded if recorded is not None and len(recorded) == 64 else sha256_of(path)
