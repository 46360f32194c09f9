"""A tiny network and a store of features for it: vectors lean towards what the report says, so there is something to learn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import save_file

from train.data.encoder_identity import stored_fingerprint
from train.data.feature_writer import FeatureWriter, record_line, write_records
from train.data.scan_records import ReportTexts, ScanFeatures, ScanPlace, Snippet, StoreHeader

WIDTH, PER_WINDOW = 24, 2
PLACES = ("kidney", "liver", "lung", "carina")
LABELS = ("Lung nodule", "Emphysema")


def write_store(folder: Path, num_scans: int = 12, seed: int = 0, weights: Path | None = None) -> Path:
    """Write a store of scans of uneven size; every fifth report is too short to count, and two scans share one report.

    It says that the window encoder of `weights` made it.
    """
    rng = np.random.default_rng(seed)
    header = StoreHeader(
        weights="0" * 16 if weights is None else stored_fingerprint(weights),
        preprocessing="1",
        precision="float32",
        width=WIDTH,
        positions_per_window=PER_WINDOW,
        window_hwd=(32, 32, 8),
        spacing_hwd_mm=(0.75, 0.75, 3.0),
        voxels_per_position=4,
    )
    meanings = rng.standard_normal((len(PLACES), WIDTH))
    writer = FeatureWriter(folder, header, "tiny")
    lines = []
    for scan in range(num_scans):
        grid = (1 + scan % 2, 1, 1 + scan % 3)
        named = scan % len(PLACES)
        values = rng.standard_normal((*grid, 2 + PER_WINDOW, WIDTH)) * 0.5 + meanings[named]
        depths = np.arange(grid[2] * PER_WINDOW, dtype=np.float64) * 12
        place = ScanPlace(grid, np.eye(4), (0, 0, 0), depths, np.ones(len(depths), dtype=bool))
        features = ScanFeatures(values[..., 0, :], values[..., 1, :], values[..., 2:, :])
        writer.add(f"scan{scan}", place, features)
        sides = ["left", "right", "upper", "lower"]
        findings = "" if scan % 5 == 4 else f"{PLACES[named]} {sides[scan % 4]} nodule " * 2 + str(scan)
        snippet = Snippet((f"{PLACES[named]} nodule", PLACES[named]), int(rng.integers(len(depths))))
        ranged = Snippet((f"{sides[scan % 4]} lobe",), 0, (-0.5, 0.7))
        lines.append(
            record_line(
                scan_id=f"scan{scan}",
                report_id=f"report{scan - (scan == 1)}",
                patient_id=f"tiny/patient{scan}",
                dataset="tiny",
                split="train",
                texts=ReportTexts(
                    findings=findings,
                    impressions=f"{PLACES[named]} nodule",
                    findings_by_organ=(("lung", "nodule"), ("liver", "left lobe")) if scan % 3 == 0 else (),
                ),
                labels=dict(zip(LABELS, (scan % 2, -1 if scan % 3 else 1), strict=True)),
                snippets=[snippet, ranged][: scan % 3],
                released_snippets=[snippet, ranged][: scan % 3],
            )
        )
    write_records(folder, "tiny", lines)
    return folder


def write_weights(folder: Path, config: dict[str, Any]) -> Path:
    """Write tiny weights whose low-rank updates are far from zero, with a tokenizer."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    from napari_ct_grounding.model.radfinder.model import RadFinderModel

    folder.mkdir(parents=True)
    words = [
        "<|endoftext|>",
        "[UNK]",
        *PLACES,
        *[
            "left",
            "right",
            "upper",
            "lower",
            "lobe",
            "nodule",
            "Findings",
            "Impressions",
            ":",
            "There",
            "is",
            "no",
            ".",
            "Lung",
            "Emphysema",
        ],
    ]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    end = "<|endoftext|>"
    tokenizer.post_processor = processors.TemplateProcessing(single=f"$A {end}", special_tokens=[(end, 0)])
    tokenizer.save(str(folder / "tokenizer.json"))
    facts = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": end, "eos_token": end, "unk_token": "[UNK]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(facts))
    (folder / "config.json").write_text(json.dumps(config))
    torch.manual_seed(0)
    model = RadFinderModel.from_config(config, None).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("lora_B"):
            torch.nn.init.normal_(parameter, std=0.3)
    save_file(model.state_dict(), folder / "model.safetensors", metadata={"format": "pt"})
    return folder


TINY_CONFIG = {
    "model_type": "radfinder",
    "image_preprocessing": {"pixdim": [0.75, 0.75, 3.0], "sliding_window_size": [32, 32, 8]},
    "text_tokenizer_name": "somebody/some-tokenizer",
    "radfinder_model_config": {
        "feature_comb_embed_dim": 24,
        "feature_comb_num_layers": 1,
        "feature_comb_num_heads": 2,
        "projection_dim": 8,
        "projection_hidden_dim": 16,
        "projection_bottleneck_dim": 12,
        "backbone_kwargs": {"patch_size": [16, 16, 8], "embed_dim": 24, "depth": 2, "num_heads": 2},
        "text_backbone_kwargs": {"lora_r": 4, "lora_alpha": 8},
        "text_backbone_config": {
            "model_type": "qwen3",
            "vocab_size": 64,
            "hidden_size": 24,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "head_dim": 12,
            "intermediate_size": 32,
            "rope_theta": 1e6,
        },
    },
}
