"""The small network with seeded weights, and the figures that the released code gave for it."""

from __future__ import annotations

import json
import shutil
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

if TYPE_CHECKING:
    from napari_ct_grounding.model.radfinder.model import RadFinderModel

DATA = Path(__file__).resolve().parents[1] / "data" / "radfinder"


@pytest.fixture(scope="session")
def golden_facts() -> dict[str, Any]:
    return json.loads((DATA / "model_small.json").read_text())


@pytest.fixture(scope="session")
def golden() -> dict[str, np.ndarray]:
    with np.load(DATA / "model_small.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="session")
def small_config() -> dict[str, Any]:
    """A config.json in the released layout that describes the small network."""
    return {
        "model_type": "radfinder",
        "image_preprocessing": {"pixdim": [0.75, 0.75, 3.0], "sliding_window_size": [128, 128, 32]},
        "radfinder_model_config": {
            "feature_comb_embed_dim": 72,
            "feature_comb_num_layers": 2,
            "feature_comb_num_heads": 4,
            "feature_combiner_kwargs": {"rope_kwargs": {"base": 100}},
            "projection_dim": 32,
            "backbone_kwargs": {
                "patch_size": [16, 16, 8],
                "half_patch_embed": True,
                "embed_dim": 72,
                "depth": 3,
                "num_heads": 4,
                "mlp_ratio": 4,
                "rope_kwargs": {"base": 1000},
            },
            "text_backbone_config": {
                "model_type": "qwen3",
                "vocab_size": 128,
                "hidden_size": 64,
                "num_hidden_layers": 2,
                "num_attention_heads": 4,
                "num_key_value_heads": 2,
                "head_dim": 16,
                "intermediate_size": 128,
                "rms_norm_eps": 1e-6,
                "rope_theta": 1e6,
            },
        },
    }


def _offset_and_scale(name: str, shape: tuple[int, ...]) -> tuple[float, float]:
    """First rule that fits the name decides."""
    last = name.rsplit(".", 1)[-1]
    fan_in = float(np.prod(shape[1:]))
    if name.endswith("original0") or name.endswith(".gamma"):
        return 1, 0.1
    if last in ("bias", "lora_A", "lora_B"):
        return 0, 0.1
    if "norm" in name:
        return 1, 0.1
    if "cls_token" in name:
        return 0, 0.2
    if "embed_tokens" in name:
        return 0, 1
    return 0, (3 if "patch_embed" in name else 1.5) / fan_in**0.5


def seeded_state(wanted: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Draw a value for every tensor of `wanted` from the CRC of its name; rotary periods stay as they are."""
    state = {}
    for name, tensor in wanted.items():
        if name.endswith("rope.periods"):
            state[name] = tensor
            continue
        if name in ("criterion.t", "criterion.b"):
            state[name] = torch.tensor(2.3026 if name.endswith("t") else -10.0)
            continue
        offset, scale = _offset_and_scale(name, tuple(tensor.shape))
        z = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(tuple(tensor.shape))
        state[name] = torch.from_numpy((offset + scale * z).astype(np.float32))
    return state


@pytest.fixture(scope="session")
def small_network(small_config: dict[str, Any]):
    """The small network with seeded weights; tests must leave it as it is."""
    from napari_ct_grounding.model.radfinder.config import RadFinderConfig
    from napari_ct_grounding.model.radfinder.model import RadFinderNetwork

    network = RadFinderNetwork(RadFinderConfig.from_dict(small_config))
    network.load_state_dict(seeded_state(network.state_dict()))
    return network.eval().requires_grad_(False)


def _seeded_windows(seed: int, grid: tuple[int, int, int]) -> torch.Tensor:
    """Windows (n, 1, 128, 128, 32) of the scan that the figures' formula describes."""
    shape = (128 * grid[0], 128 * grid[1], 32 * grid[2])
    i, j, k = np.meshgrid(*(np.arange(n, dtype=np.float64) for n in shape), indexing="ij", sparse=True)
    period_i = 12 + 4 * seed + 0.35 * k
    period_j = 31 - 3 * seed + (0.2 + 0.3 * seed) * k
    noise = np.random.default_rng(1000 + seed).random(shape, dtype=np.float32)
    value = (
        0.5
        + 0.6 * np.sin(2 * np.pi * (i / period_i + j / period_j))
        + 0.4 * np.sin(2 * np.pi * k / (23 + 4 * seed))
        - 0.25 * np.cos(2 * np.pi * k / (71 + 9 * seed))
        + 0.2 * (noise - 0.5)
    )
    scan = np.clip(value, 0, 1).astype(np.float16).reshape(grid[0], 128, grid[1], 128, grid[2], 32)
    return torch.from_numpy(scan.transpose(0, 2, 4, 1, 3, 5).reshape(-1, 1, 128, 128, 32).astype(np.float32))


@pytest.fixture(scope="session", params=["one", "two", "tiny"])
def case(request, golden_facts, golden, small_network):
    """One of the three batches of scans: its name, grids, windows, and the window features computed from them."""
    scans = [(scan["input_seed"], tuple(scan["grid"])) for scan in golden_facts["cases"][request.param]]
    windows = torch.cat([_seeded_windows(seed, grid) for seed, grid in scans])
    np.testing.assert_allclose(windows.double().sum((1, 2, 3, 4)), golden[f"{request.param}/window_sums"], rtol=1e-12)
    with torch.inference_mode():
        features = small_network.backbone_image(windows)
    return {"name": request.param, "grids": [grid for _, grid in scans], "windows": windows, "features": features}


@pytest.fixture(scope="session")
def arranged(case):
    """The batch's window features zero-padded to a common grid: (b, H, W, D, [k,] c) each."""
    size = [max(axis) for axis in zip(*case["grids"], strict=True)]
    arranged = []
    for feature in case["features"]:
        out = torch.zeros(len(case["grids"]), *size, *feature.shape[1:])
        start = 0
        for row, (h, w, d) in zip(out, case["grids"], strict=True):
            row[:h, :w, :d] = feature[start : start + h * w * d].unflatten(0, (h, w, d))
            start += h * w * d
        arranged.append(out)
    return arranged


@pytest.fixture
def tiny_config() -> dict[str, Any]:
    """A released-type network of a few thousand parameters: windows of 32 x 32 x 8, two depth positions each."""
    return {
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


@pytest.fixture(scope="session")
def tiny_tokenizer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tokenizer files as released ones are: an end token, which also pads, is added by the post-processor."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    words = [
        "<|endoftext|>",
        "[UNK]",
        "left",
        "right",
        "kidney",
        "liver",
        "lung",
        "lower",
        "lobe",
        "nodule",
        "upper",
        "carina",
    ]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <|endoftext|>", special_tokens=[("<|endoftext|>", 0)]
    )
    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer.save(str(folder / "tokenizer.json"))
    facts = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": "<|endoftext|>",
        "eos_token": "<|endoftext|>",
        "unk_token": "[UNK]",
        "padding_side": "left",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(facts))
    return folder


@pytest.fixture
def tiny_model(tiny_config: dict[str, Any]) -> RadFinderModel:
    """Source of the stored weights, its low-rank factors far from zero as trained ones are."""
    from napari_ct_grounding.model.radfinder.model import RadFinderModel

    torch.manual_seed(0)
    model = RadFinderModel.from_config(tiny_config, None).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("lora_B"):
            torch.nn.init.normal_(parameter)
    return model


@pytest.fixture
def weights_folder(
    tmp_path: Path, tiny_config: dict[str, Any], tiny_model: RadFinderModel, tiny_tokenizer_folder: Path
) -> Path:
    """A whole weights folder in the released layout, tokenizer beside it."""
    folder = tmp_path / "weights"
    shutil.copytree(tiny_tokenizer_folder, folder)
    (folder / "config.json").write_text(json.dumps(tiny_config))
    save_file(tiny_model.state_dict(), folder / "model.safetensors", metadata={"format": "pt"})
    return folder
