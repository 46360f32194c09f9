"""Write what a run of a released-type network has learned as a weights folder in the released layout.

Low-rank updates are the trap of this layout: ``weight`` already holds the update, and ``lora_A`` and ``lora_B`` lie
beside it, so whoever adds them again counts it twice (SPEC section 9, no. 12). *Merged* weights are that layout.
*Unmerged* ones hold the text encoder's own weights and the factors; their file has another name, so that no loader
takes them for merged ones.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.model.radfinder.lora import lora_layers
from napari_ct_grounding.model.weights.card import CARD_FORMAT_VERSION
from napari_ct_grounding.model.weights.loading import load_weights, resolve_weights, tokenizer_folder
from napari_ct_grounding.model.weights.probe import compute_probe
from napari_ct_grounding.model.weights.tensor_files import fingerprint_of, read_tensors, tensor_files
from train.fit.checkpoint import load_checkpoint
from train.fit.radfinder import BEST, CHECKPOINT, RUN_FACTS
from train.fit.start import PREFIX, read_network

__all__ = ["UNMERGED_FILE", "export_radfinder", "is_radfinder_run"]

UNMERGED_FILE = "unmerged.safetensors"
MERGED_FILE = "model.safetensors"

_TOKENIZER_FILES = ("tokenizer*", "vocab.*", "merges.txt", "special_tokens_map.json", "added_tokens.json")


def is_radfinder_run(run: Path) -> bool:
    """Whether a folder was written by `fit_radfinder`."""
    return (run / RUN_FACTS).is_file()


def export_radfinder(
    run: Path,
    out: Path,
    *,
    name: str,
    start: Path | str | None = None,
    tokenizer: Path | None = None,
    is_merged: bool = True,
) -> None:
    """Write the best checkpoint of a run as weights.

    The window encoder, which did not train, is copied from the starting weights. Merged weights get a card with a probe; they are
    uncalibrated until `calibrate` has seen them.

    Parameters
    ----------
    run, out : Path
    name : str
        For the card.
    start : Path or str, optional
        The starting weights, where they are no longer at the place that the run was given.
    tokenizer : Path, optional
        Folder of tokenizer files, for starting weights without.
    is_merged : bool

    Raises
    ------
    InputError
        When the starting weights are others than those of the run, or the run holds no checkpoint.
    """
    facts = json.loads((run / RUN_FACTS).read_text(encoding="utf-8"))
    weights = resolve_weights(start if start is not None else facts["start"])
    files = tensor_files(weights)
    if fingerprint_of([*files, weights / "config.json"]) != facts["start_fingerprint"]:
        raise InputError(
            f"The run {run.name!r} began with other weights than those in {weights.name!r}. Name the right folder (--weights)."
        )
    checkpoint = _checkpoint(run)
    network = read_network(weights)
    for layer in lora_layers(network):
        layer.unmerge()
    for key, parameter in network.named_parameters():
        if key in checkpoint["trained"]:
            parameter.data.copy_(checkpoint["trained"][key])
    # A state dict is that of merged layers, whatever state they are in; the layers' own weights are asked for by name.
    tensors: dict[str, Tensor] = {**read_tensors(files), **_prefixed(network.state_dict())}
    if not is_merged:
        tensors |= _prefixed({f"{key}.weight": layer.weight.data for key, layer in _named_lora(network)})
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(weights / "config.json", out / "config.json")
    for pattern in _TOKENIZER_FILES:
        for file in tokenizer_folder(weights, tokenizer).glob(pattern):
            shutil.copyfile(file, out / file.name)
    file = out / (MERGED_FILE if is_merged else UNMERGED_FILE)
    form = {"format": "pt", "lora": "merged" if is_merged else "unmerged"}
    partial = file.with_name(f".{file.name}.partial")
    save_file({key: value.contiguous() for key, value in tensors.items()}, partial, metadata=form)
    partial.replace(file)
    if is_merged:
        _write_card(out, name, weights, facts, checkpoint)


def _checkpoint(run: Path) -> dict[str, Any]:
    for file in (BEST, CHECKPOINT):
        if (run / file).is_file():
            return load_checkpoint(run / file)
    raise InputError(f"The run {run.name!r} holds no checkpoint yet. Train it first ('python -m train fit').")


def _named_lora(network: torch.nn.Module) -> list[tuple[str, Any]]:
    adapted = {id(layer) for layer in lora_layers(network)}
    return [(key, module) for key, module in network.named_modules() if id(module) in adapted]


def _prefixed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {PREFIX + key: value.detach() for key, value in state.items()}


def _write_card(out: Path, name: str, weights: Path, facts: dict[str, Any], checkpoint: dict[str, Any]) -> None:
    from train.export import write_card_record

    before = load_weights(weights, tokenizer=out).card
    temperature = facts["recipe"]["loss"]["temperature"]
    record = {
        "format_version": CARD_FORMAT_VERSION,
        "name": name,
        "description": "trained on stored features",
        # Whoever trains on from weights is bound by their licence.
        "licence": before.licence,
        "created": datetime.now(UTC).strftime("%Y-%m-%d"),
        "steps": int(checkpoint["step"]),
        "started_from": before.name,
        "decoding": "argmax",
        "temperature": temperature,
        "interval_temperature": temperature,
        "is_calibrated": False,
        "metrics": {"held_out_mean_rank": checkpoint.get("mean_rank")},
        "sha256": hashlib.sha256((out / MERGED_FILE).read_bytes()).hexdigest(),
    }
    write_card_record(out, record)
    record["probe"] = compute_probe(load_weights(out).model)
    write_card_record(out, record)
