"""The released weights on the Hugging Face hub and in its local cache.

What is in the cache is used without the network and stays at the commit of the first download. A download that was
cut off goes on where it stopped.
"""

from __future__ import annotations

import json
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

from napari_ct_grounding.core.errors import LicenceNeededError, WeightsError
from napari_ct_grounding.model.tensor_files import tensor_files

__all__ = ["RELEASED_LICENCE", "RELEASED_NAME", "RELEASED_REPOSITORY", "released_folder", "tokenizer_from_cache"]

RELEASED_NAME = "radfinder"
RELEASED_REPOSITORY = "lmb-freiburg/radfinder"
RELEASED_LICENCE = "CC BY-NC-SA 4.0"
#: Size of the download, tokenizer included.
RELEASED_NUM_BYTES = 4_100_000_000
#: Qwen tokenizer, in case a cut-off download left no config.json that names it.
DEFAULT_TOKENIZER = "Qwen/Qwen3-Embedding-0.6B"
WEIGHTS_PATTERNS = ["config.json", "*.safetensors", "*.safetensors.index.json", "LICENSE*", "README.md"]
TOKENIZER_PATTERNS = ["tokenizer*.json", "vocab.*", "merges.txt", "special_tokens_map.json", "added_tokens.json"]


def released_folder(*, accept_licence: bool = False) -> Path:
    """Return the folder of the released weights, downloaded on the first call together with their tokenizer.

    Raises
    ------
    WeightsError
        When the licence was not accepted yet, or the download fails.
    """
    cached = _cached(RELEASED_REPOSITORY)
    if cached is not None and _is_complete(cached):
        return cached
    if not accept_licence:
        raise LicenceNeededError(
            f"The weights {RELEASED_NAME!r} ({RELEASED_REPOSITORY}, about {RELEASED_NUM_BYTES / 1e9:.1f} GB) are under the "
            "licence CC BY-NC-SA 4.0: no commercial use, name the authors, share alike. They are downloaded once you "
            "accept it (accept_licence=True, or --accept-licence in the shell).",
            RELEASED_LICENCE,
            RELEASED_NUM_BYTES,
        )
    try:
        # A cut-off download goes on at its own commit, so that no two versions mix.
        folder = Path(
            snapshot_download(
                RELEASED_REPOSITORY,
                revision=None if cached is None else cached.name,
                allow_patterns=WEIGHTS_PATTERNS,
            )
        )
        snapshot_download(_tokenizer_name(folder), allow_patterns=TOKENIZER_PATTERNS)
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise WeightsError(
            f"The weights {RELEASED_NAME!r} could not be downloaded ({type(error).__name__}). Check the connection "
            "and try again (what has arrived is kept), or give the path of a local copy."
        ) from error
    return folder


def tokenizer_from_cache(repository: str) -> Path | None:
    """Return the folder of a repository's tokenizer files in the hub's local cache, or None; the network is not
    asked.
    """
    return _cached(repository)


def _cached(repository: str) -> Path | None:
    """Return the snapshot of `repository` in the local cache, whole or in part."""
    try:
        return Path(snapshot_download(repository, local_files_only=True))
    except (LocalEntryNotFoundError, ValueError, OSError):
        return None


def _is_complete(folder: Path) -> bool:
    try:
        return (folder / "config.json").is_file() and bool(tensor_files(folder))
    except WeightsError:
        return False


def _tokenizer_name(folder: Path) -> str:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return str(config.get("text_tokenizer_name") or DEFAULT_TOKENIZER)
