"""Weights of released size and layout (random values): what loading them, and a first answer, take in memory and time.

``python -m tests.benchmarks.full_size_load make FOLDER`` writes them, 4.1 GB, with a tokenizer of a few words;
``python -m tests.benchmarks.full_size_load load FOLDER {float32,bfloat16}`` loads them as a user does, encodes one window and one
sentence. Memory is the peak of resident pages; those of the mapped file are clean, so the system may take them back.
"""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch

from napari_ct_grounding.inference.session import GroundingSession
from napari_ct_grounding.model.radfinder.model import RadFinderModel
from napari_ct_grounding.model.weights.probe import one_window_volume
from tests.benchmarks.measure import Cost, _resident_mb, measured, report

WORDS = ["<|endoftext|>", "[UNK]", "level", "of", "the", "carina", "left", "right", "lung", "liver", "kidney", "."]
VALUES_AT_ONCE = 1 << 20


def make(folder: Path) -> None:
    """Write weights whose layers keep signals at a usable size, one tensor in memory at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_type": "radfinder", "text_tokenizer_name": "nobody/nothing", "radfinder_model_config": {}}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    _write_tokenizer(folder)
    with torch.device("meta"):
        shapes = {name: tuple(t.shape) for name, t in RadFinderModel.from_config(config, folder).state_dict().items()}
    header, start = {}, 0
    for name, shape in shapes.items():
        end = start + 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [start, end]}
        start = end
    text = json.dumps(header | {"__metadata__": {"format": "pt"}}).encode()
    text += b" " * (-len(text) % 8)
    rng = np.random.default_rng(0)
    with open(folder / "model.safetensors", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, shape in shapes.items():
            _write_tensor(file, name, shape, rng)


def load(folder: Path, precision: str) -> None:
    """Load, encode and answer, each measured on its own."""
    num_bytes = (folder / "model.safetensors").stat().st_size
    costs: dict[str, Cost] = {}
    with measured() as costs["load and probe"]:
        session = GroundingSession.from_pretrained(folder, device="cpu", precision=precision, cache=None)
    with measured() as costs["encode one window"]:
        session.encode(one_window_volume())
    start = time.perf_counter()
    (result,) = session.ground(["Level of the carina."])
    sentence_s = time.perf_counter() - start
    report(
        num_parameters=sum(parameter.numel() for parameter in session.model.parameters()),
        resident_after_mb=_resident_mb(),
        file_mb=num_bytes / 2**20,
        num_depths=len(result.profile),
        is_finite=bool(np.isfinite(result.score)),
        sentence_s=sentence_s,
        **{f"{what}, {name}": value for what, cost in costs.items() for name, value in vars(cost).items()},
    )


def _write_tensor(file, name: str, shape: tuple[int, ...], rng: np.random.Generator) -> None:
    num_values = math.prod(shape)
    if name.endswith("rope.periods"):
        base = 1000.0 if "backbone_image" in name else 100.0
        file.write((base ** (np.arange(num_values) / num_values)).astype("<f4").tobytes())
        return
    is_gain = "norm" in name or name.endswith((".gamma", "original0"))
    offset = 1.0 if is_gain and not name.endswith("bias") else 0.0
    scale = 0.02 if is_gain or len(shape) < 2 else 1.0 / math.sqrt(math.prod(shape[1:]))
    for start in range(0, num_values, VALUES_AT_ONCE):
        values = rng.standard_normal(min(VALUES_AT_ONCE, num_values - start), dtype=np.float32)
        file.write((offset + scale * values).astype("<f4").tobytes())


def _write_tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <|endoftext|>", special_tokens=[("<|endoftext|>", 0)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    facts = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": "<|endoftext|>",
        "eos_token": "<|endoftext|>",
        "unk_token": "[UNK]",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(facts), encoding="utf-8")


def main() -> None:
    folder = Path(sys.argv[2])
    if sys.argv[1] == "make":
        make(folder)
    else:
        load(folder, sys.argv[3])


if __name__ == "__main__":
    main()
