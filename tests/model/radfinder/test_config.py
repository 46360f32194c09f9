from __future__ import annotations

import pytest

from napari_ct_grounding.core.errors import WeightsError
from napari_ct_grounding.model.radfinder.config import RadFinderConfig

RELEASED = {
    "model_type": "radfinder",
    "text_tokenizer_name": "Qwen/Qwen3-Embedding-0.6B",
    "image_preprocessing": {
        "pixdim": [0.75, 0.75, 3.0],
        "sliding_window_size": [128, 128, 32],
        "min_area_for_padding": 0.0,
        "dtype": "float16",
    },
    "do_snippet_alignment": {"enabled": True, "snippet_mode": "axis_localization", "rope_mode": "physical"},
    "model_settings": None,
    "radfinder_model_config": {
        "feature_comb_embed_dim": 1080,
        "feature_comb_num_layers": 4,
        "feature_comb_num_heads": 12,
        "projection_dim": 512,
        "text_hidden_size": 1024,
        "text_backbone_kwargs": {
            "tokenizer_max_length": 4096,
            "use_lora": True,
            "lora_r": 16,
            "lora_alpha": 64,
            "lora_dropout": 0.05,
            "lora_target_keywords": ["q_proj", "k_proj", "v_proj", "o_proj"],
            "grad_checkpoint": False,
        },
        "backbone_kwargs": {
            "sliding_window_size": [128, 128, 32],
            "pixdim": [0.75, 0.75, 3.0],
            "patch_size": [16, 16, 8],
            "half_patch_embed": True,
            "embed_dim": 1080,
            "depth": 24,
            "num_heads": 12,
            "mlp_ratio": 4,
            "rope_kwargs": {"base": 1000},
        },
        "feature_combiner_kwargs": {"rope_kwargs": {"base": 100}},
    },
}


def test_the_released_config_is_what_the_defaults_describe():
    assert RadFinderConfig.from_dict(RELEASED) == RadFinderConfig() == RadFinderConfig.from_dict({})


def test_the_halved_kernel_is_read_from_the_unhalved_patch_size():
    assert RadFinderConfig.from_dict(RELEASED).patch_hwd == (16, 16, 4)
    whole = {"radfinder_model_config": {"backbone_kwargs": {"patch_size": [16, 16, 8], "half_patch_embed": False}}}
    assert RadFinderConfig.from_dict(whole).patch_hwd == (16, 16, 8)


def test_all_that_cannot_be_built_is_said_at_once():
    config = {
        "image_preprocessing": {"sliding_window_size": [100, 128, 32], "min_area_for_padding": 0.2},
        "do_snippet_alignment": {"rope_mode": "regular"},
        "radfinder_model_config": {"backbone_kwargs": {"embed_dim": 64, "num_heads": 4}},
    }
    with pytest.raises(WeightsError) as caught:
        RadFinderConfig.from_dict(config)
    message = str(caught.value)
    for part in ("64 channels and 4 heads", "(100, 128, 32)", "min_area_for_padding", "'regular'"):
        assert part in message


@pytest.mark.parametrize(
    "config",
    [
        {"image_preprocessing": {"pixdim": [0.75, 3.0]}},
        {"image_preprocessing": {"pixdim": [0.75, 0.75, 0]}},
        {"radfinder_model_config": {"projection_dim": "many"}},
        {"radfinder_model_config": {"backbone_kwargs": {"patch_size": 16}}},
    ],
)
def test_values_that_make_no_sense_are_refused(config):
    with pytest.raises(WeightsError, match="does not describe a RadFinder network"):
        RadFinderConfig.from_dict(config)
