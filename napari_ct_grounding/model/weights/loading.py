"""Finding, checking and loading weights: a name or a folder in, a model ready for use out.

A weights folder holds ``config.json`` and ``model.safetensors`` (or its shards with
``model.safetensors.index.json``), and beside them tokenizer files and a ``card.json``. Pickles are never opened.
Names and shapes of all tensors are compared with what config.json describes before one of them is read, so that a
network with random parts cannot pass for a trained one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import torch
from torch import Tensor

from napari_ct_grounding.core.errors import WeightsError
from napari_ct_grounding.model.base import GroundingModel
from napari_ct_grounding.model.checked_encoder import CheckedEncoder
from napari_ct_grounding.model.encoders import make_encoder
from napari_ct_grounding.model.weights.card import WeightsCard, read_card
from napari_ct_grounding.model.weights.hub import (
    BUNDLED_NAME,
    HUB_WEIGHTS,
    is_encoder_name,
    list_known,
    pull,
    tokenizer_from_cache,
)
from napari_ct_grounding.model.weights.tensor_files import fingerprint_of, read_tensors, stored_shapes, tensor_files

__all__ = ["LoadedWeights", "load_weights", "resolve_weights", "tokenizer_folder"]

#: Any of these makes a folder one with a tokenizer.
TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "tokenizer.model")
#: Names in a message about tensors that do not match.
NUM_NAMED = 3


@dataclass(frozen=True, eq=False)
class LoadedWeights:
    """Weights ready for use.

    Parameters
    ----------
    model : GroundingModel
        In evaluation mode, on its device.
    card : WeightsCard
        What the folder says about itself; the defaults of released weights where it holds no card.
    fingerprint : str
        16 hexadecimal digits from the SHA-256 of the tensor files and config.json: the same network, the same name.
    name : str
        The name asked for, or the folder's name.
    """

    model: GroundingModel
    card: WeightsCard
    fingerprint: str
    name: str


def resolve_weights(name_or_folder: str | Path, *, accept_licence: bool = False) -> Path:
    """Return the folder of weights, fetching released ones at their first use.

    Parameters
    ----------
    name_or_folder : str or Path
        "bundled", "radfinder", or a local folder. A folder of one of these names in the working directory is meant by
        ``./radfinder``.
    accept_licence : bool
        Whether the licence of weights that must be downloaded was read and accepted.

    Raises
    ------
    WeightsError
        When there are none by that name, or a licence must be accepted first.
    """
    if name_or_folder == BUNDLED_NAME or name_or_folder in HUB_WEIGHTS:
        return pull(str(name_or_folder), accept_licence=accept_licence)
    folder = Path(name_or_folder).expanduser()
    if folder.is_file():
        if folder.suffix == ".safetensors":
            return folder.parent
        raise WeightsError(
            f"{folder.name} is a file; weights are a folder with config.json and model.safetensors. Pickled "
            "checkpoints are refused."
        )
    if not folder.is_dir():
        raise WeightsError(
            f"There are no weights {str(name_or_folder)!r}. Give {', '.join(repr(known.name) for known in list_known())}, or a "
            "folder with config.json and model.safetensors."
        )
    return folder


def load_weights(
    name_or_folder: str | Path = BUNDLED_NAME,
    device: torch.device | str = "cpu",
    *,
    tokenizer: str | Path | None = None,
    accept_licence: bool = False,
) -> LoadedWeights:
    """Load weights onto a device, in evaluation mode.

    Parameters
    ----------
    name_or_folder : str or Path
        See `resolve_weights`; or the name of an encoder of another package (docs/own-encoder.md).
    device : torch.device or str
        Where the model goes.
    tokenizer : str or Path, optional
        Folder of tokenizer files, for weights stored without; files beside the weights come first.
    accept_licence : bool
        See `resolve_weights`.

    Raises
    ------
    WeightsError
        When the folder is incomplete, holds pickles only, or its tensors do not match its config.json.
    """
    if is_encoder_name(name_or_folder):
        return _load_encoder(str(name_or_folder), torch.device(device), accept_licence=accept_licence)
    folder = resolve_weights(name_or_folder, accept_licence=accept_licence)
    config = _read_config(folder)
    files = tensor_files(folder)
    model_class = _model_class(config, folder)
    tokenizer_place = tokenizer_folder(folder, tokenizer)
    # A class that can compute its unstored buffers is built without memory for parameters: the file's tensors become
    # the parameters, and a large model is never held twice.
    is_empty = hasattr(model_class, "materialise_buffers")
    with torch.device("meta" if is_empty else "cpu"):
        model = model_class.from_config(config, tokenizer_place)
    _check_tensors(model.state_dict(), stored_shapes(files), folder)
    model.load_state_dict(read_tensors(files), strict=True, assign=True)
    if is_empty:
        model.materialise_buffers()  # type: ignore[operator]
    for module in model.modules():
        # Parameters let go of the mapped file when they are turned into another type or moved; one buffer of 60 bytes that
        # stays as it is would keep all of it mapped.
        for buffer_name, buffer in list(module.named_buffers(recurse=False)):
            setattr(module, buffer_name, buffer.clone())
    model.requires_grad_(False)
    is_known = name_or_folder == BUNDLED_NAME or name_or_folder in HUB_WEIGHTS
    name = str(name_or_folder) if is_known else folder.resolve().name
    card = read_card(folder)
    if name in HUB_WEIGHTS and is_known and not (folder / "card.json").is_file():
        # The released folder has no card and is called by its commit; what is known of it is said here.
        released = HUB_WEIGHTS[name]
        card = replace(card, name=name, description=released.description, licence=released.licence)
    return LoadedWeights(model.to(device).eval(), card, fingerprint_of([*files, folder / "config.json"]), name)


def _load_encoder(name: str, device: torch.device, *, accept_licence: bool) -> LoadedWeights:
    """Load the model of another package; weights of it that the hub holds are fetched first."""
    released = HUB_WEIGHTS.get(name)
    if released is not None:
        if released.reason:  # before anything is fetched that could not be used
            raise WeightsError(released.reason)
        pull(name, accept_licence=accept_licence)
    encoder = make_encoder(name, device)
    card = getattr(encoder, "card", None)
    if not isinstance(card, WeightsCard):
        card = WeightsCard(name=name)
        if released is not None:
            card = replace(card, description=released.description, licence=released.licence)
    model = CheckedEncoder(encoder, name, device)
    fingerprint = getattr(encoder, "fingerprint", None)
    if not isinstance(fingerprint, str) or not fingerprint:
        # Nobody can tell whether it is the same model as last time, so no two are taken for the same.
        fingerprint, model.preprocessing_version = uuid4().hex, None
    return LoadedWeights(model.eval(), card, fingerprint, name)


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    if not path.is_file():
        raise WeightsError(
            f"The weights folder {folder.name!r} holds no config.json. Fetch or export the weights again."
        )
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise WeightsError(
            f"config.json in {folder.name!r} is not valid JSON ({error}). Fetch the weights again."
        ) from error
    if not isinstance(config, dict):
        raise WeightsError(f"config.json in {folder.name!r} holds no object. Fetch the weights again.")
    return config


def _model_class(config: dict[str, Any], folder: Path) -> type[GroundingModel]:
    """Return the class that `model_type` names; its module is imported now and not before."""
    kind = config.get("model_type")
    if kind == "radfinder":
        from napari_ct_grounding.model.radfinder.model import RadFinderModel

        return RadFinderModel
    if kind == "slab":
        from napari_ct_grounding.model.slab.model import SlabModel

        return SlabModel
    raise WeightsError(
        f"config.json in {folder.name!r} has model_type {kind!r}; this program knows 'radfinder' and 'slab'."
    )


def tokenizer_folder(folder: Path, given: str | Path | None = None) -> Path:
    """Return the folder of tokenizer files: beside the weights, as given, or in the hub's local cache.

    Raises
    ------
    WeightsError
        When there are none in any of these places.
    """
    config = _read_config(folder)
    if config.get("model_type") == "slab" and "bert" not in config.get("text", {}):
        return folder  # its words are hashed, not looked up
    repository = config.get("text_tokenizer_name")
    places = [folder] if given is None else [folder, Path(given).expanduser()]
    for place in places:
        if any((place / name).is_file() for name in TOKENIZER_FILES):
            return place
    cached = tokenizer_from_cache(repository) if isinstance(repository, str) else None
    if cached is not None and any((cached / name).is_file() for name in TOKENIZER_FILES):
        return cached
    looked = ", ".join(repr(place.name) for place in places)
    remedy = f"Download the tokenizer files of {repository!r}" if repository else "Copy the tokenizer files"
    raise WeightsError(
        f"The weights in {folder.name!r} have no tokenizer (looked for tokenizer.json in {looked}). {remedy} and "
        "put them beside the weights, or name their folder (--tokenizer, or tokenizer= in Python)."
    )


def _check_tensors(wanted: dict[str, Tensor], stored: dict[str, tuple[int, ...]], folder: Path) -> None:
    """Raise when names or shapes differ, with everything that does in one message."""
    problems = []
    for words, names in (
        ("missing", sorted(wanted.keys() - stored.keys())),
        ("unexpected", sorted(stored.keys() - wanted.keys())),
        (
            "of a wrong shape",
            [
                f"{name} {stored[name]} instead of {tuple(wanted[name].shape)}"
                for name in sorted(wanted.keys() & stored.keys())
                if stored[name] != tuple(wanted[name].shape)
            ],
        ),
    ):
        if names:
            more = f" and {len(names) - NUM_NAMED} more" if len(names) > NUM_NAMED else ""
            problems.append(f"{len(names)} {words} ({', '.join(names[:NUM_NAMED])}{more})")
    if problems:
        raise WeightsError(
            f"The tensors in {folder.name!r} do not match its config.json: {'; '.join(problems)}. All names and "
            "shapes must agree. Fetch or export the weights again."
        )
