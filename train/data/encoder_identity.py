"""Whether stored features come from the window encoder of some weights: others of the same size would be learned from in silence."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from safetensors import safe_open
from torch import Tensor

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.model.weights.tensor_files import tensor_files
from train.data.scan_records import StoreHeader

__all__ = ["check_window_encoder", "stored_fingerprint", "window_encoder_fingerprint"]

#: Names of the window encoder's tensors in a weights file begin so.
_PREFIX = "model.backbone_image."


def window_encoder_fingerprint(state: Mapping[str, Tensor]) -> str:
    """Return 16 hexadecimal digits of the parameters of a `WindowEncoder`; what training changes elsewhere does not count."""
    digest = hashlib.blake2b(digest_size=8)
    for name, tensor in sorted(state.items()):
        digest.update(name.encode())
        digest.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def stored_fingerprint(weights: Path) -> str:
    """Return the fingerprint of the window encoder in a weights folder, without building the network."""
    state = {}
    for path in tensor_files(weights):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118
                if name.startswith(_PREFIX):
                    state[name.removeprefix(_PREFIX)] = file.get_tensor(name)
    return window_encoder_fingerprint(state)


def check_window_encoder(header: StoreHeader, weights: Path) -> None:
    """Raise unless features were made by the window encoder of a weights folder.

    Raises
    ------
    InputError
        Naming both fingerprints.
    """
    found = stored_fingerprint(weights)
    if found != header.weights:
        raise InputError(
            f"The features were made by the window encoder {header.weights}, but that of the weights {weights.name!r} is {found}. "
            "Encode the scans with these weights ('python -m train features'), or begin with the weights that made the features."
        )
