"""Weights that the hub holds: their names, and what a person should know before they are fetched."""

from __future__ import annotations

from dataclasses import dataclass

from napari_ct_grounding.model.encoders import missing_modules

__all__ = ["HUB_WEIGHTS", "TOKENIZER_PATTERNS", "HubWeights"]

TOKENIZER_PATTERNS = ("tokenizer*.json", "vocab.*", "merges.txt", "special_tokens_map.json", "added_tokens.json")


@dataclass(frozen=True)
class HubWeights:
    """Weights that the hub holds, and what a person should know before they are fetched.

    Parameters
    ----------
    name : str
    title : str
        The name as people write it.
    repository : str
    description : str
        One line for a chooser.
    licence : str
        Its short name.
    terms : str
        The licence in a few words.
    num_bytes : int
        Size of the download, about, tokenizer included.
    patterns : tuple of str
        Files that are wanted.
    tokenizer_repository : str
        Where the tokenizer's files lie; config.json of the weights may name another.
    tokenizer_commit : str or None
        Commit of the tokenizer's files; None for what is newest at the first download.
    has_encoder : bool
        Whether an encoder of this name reads them (`model.encoders`), and not the networks of this package.
    extra : str
        Extra of this package without which they cannot be used; empty for none.
    needed_modules : tuple of str
        What that extra installs.
    """

    name: str
    title: str
    repository: str
    description: str
    licence: str
    terms: str
    num_bytes: int
    patterns: tuple[str, ...]
    tokenizer_repository: str
    tokenizer_commit: str | None = None
    has_encoder: bool = False
    extra: str = ""
    needed_modules: tuple[str, ...] = ()

    @property
    def reason(self) -> str | None:
        """Why they cannot be used here, and what to do; None when they can. Imports nothing."""
        missing = missing_modules(self.needed_modules)
        if not missing:
            return None
        return (
            f"{self.title} needs packages that are not installed ({', '.join(missing)}). Install them with pip install "
            f"'napari-ct-grounding[{self.extra}]' and start again."
        )


HUB_WEIGHTS = {
    "radfinder": HubWeights(
        name="radfinder",
        title="RadFinder",
        repository="lmb-freiburg/radfinder",
        description="as released, lmb-freiburg/radfinder",
        licence="CC BY-NC-SA 4.0",
        terms="not for commercial use; name the authors; share what you derive alike",
        num_bytes=4_140_000_000,
        patterns=("config.json", "*.safetensors", "*.safetensors.index.json", "LICENSE*", "README.md"),
        tokenizer_repository="Qwen/Qwen3-Embedding-0.6B",
    ),
    "colipri": HubWeights(
        name="colipri",
        title="COLIPRI",
        repository="microsoft/colipri",
        description="chest CT and English reports, microsoft/colipri; needs the extra 'colipri'",
        licence="MIT",
        terms="keep the authors' notice",
        num_bytes=1_035_000_000,
        patterns=("model.safetensors", "LICENSE*", "README.md"),
        tokenizer_repository="microsoft/BiomedVLP-CXR-BERT-specialized",
        tokenizer_commit="5157bdba1437a3aed316dacb1a5b68edf96b9902",
        has_encoder=True,
        extra="colipri",
        needed_modules=("colipri", "hydra", "torchio"),
    ),
}
