"""Whether stored features come from the window encoder of some weights: those of another would be learned from in silence."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
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
    return _fingerprint((name, state[name]) for name in sorted(state))


def stored_fingerprint(weights: Path) -> str:
    """Return the fingerprint of the window encoder in a weights folder; one tensor at a time is held in memory."""
    with ExitStack() as stack:
        files = [stack.enter_context(safe_open(path, framework="pt")) for path in tensor_files(weights)]
        home = {name: file for file in files for name in file.keys() if name.startswith(_PREFIX)}  # noqa: SIM118
        return _fingerprint((name.removeprefix(_PREFIX), home[name].get_tensor(name)) for name in sorted(home))


def _fingerprint(parameters: Iterable[tuple[str, Tensor]]) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for name, tensor in parameters:
        digest.update(name.encode())
        digest.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


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
            f"The features were made by the window encoder {header.weights}, but that of the weights {weights.name!r} is "
            f"{found}. Encode the scans with these weights ('python -m train features'), or begin with those that made them."
        )
