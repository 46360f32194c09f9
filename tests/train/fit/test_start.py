from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from napari_ct_grounding.core.errors import WeightsError
from napari_ct_grounding.model.radfinder.lora import lora_layers
from tests.train.fit.stored_scans import TINY_CONFIG, write_weights
from train.fit.start import read_network, start_network, trained_parameters
from train.radfinder_recipe import NetworkRecipe

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return write_weights(tmp_path_factory.mktemp("start") / "weights", TINY_CONFIG)


def test_the_window_encoder_is_not_built(weights):
    network = read_network(weights)
    assert not hasattr(network, "backbone_image")
    assert not any(parameter.is_meta for parameter in network.parameters())


def test_a_merged_file_read_for_training_does_not_count_the_update_twice(weights):
    stored = load_file(weights / "model.safetensors")
    ids, mask = torch.tensor([[2, 7, 5, 0]]), torch.ones(1, 4, dtype=torch.long)
    merged = read_network(weights).eval()
    training = start_network(weights, NetworkRecipe(lora_dropout=0.0), CPU, seed=0)
    assert training.training
    for layer in lora_layers(training):
        assert not layer.is_merged
        assert float(layer.update.abs().max()) > 0.1
    with torch.no_grad():
        torch.testing.assert_close(training.embed_texts(ids, mask), merged.embed_texts(ids, mask))
    # What training would write is what was read, in whichever state.
    for name, value in training.state_dict().items():
        torch.testing.assert_close(value, stored[f"model.{name}"], msg=name)


def test_parts_begin_anew_where_the_recipe_says_so(weights):
    before = read_network(weights).state_dict()

    def changed(parts):
        after = start_network(weights, NetworkRecipe(fresh=parts), CPU, seed=1).state_dict()
        return {name.split(".")[0] for name, value in before.items() if not torch.equal(value, after[name])}

    heads = {f"projection_{name}" for name in ("image", "text", "image_copy", "text_copy")}
    assert changed(["combiner"]) - {"backbone_text"} == {"feature_comb_image"}
    assert changed(["heads"]) - {"backbone_text"} == heads
    network = start_network(weights, NetworkRecipe(fresh=["lora"]), CPU, seed=1)
    assert all(float(layer.update.abs().max()) == 0 for layer in lora_layers(network))
    stored = load_file(weights / "model.safetensors")
    for name, layer in network.named_modules():
        if name.endswith("q_proj"):
            update = 2.0 * stored[f"model.{name}.lora_B"] @ stored[f"model.{name}.lora_A"]
            torch.testing.assert_close(layer.weight.data, stored[f"model.{name}.weight"] - update)


def test_text_weights_and_gains_do_not_train(weights):
    names = trained_parameters(start_network(weights, NetworkRecipe(), CPU, seed=0))
    assert not [name for name in names if name.endswith("original0")]
    assert all("lora_" in name for name in names if name.startswith("backbone_text."))
    assert {"criterion.t", "criterion.b", "feature_comb_image.cls_token"} <= names.keys()


def test_weights_that_lack_a_tensor_are_refused(weights, tmp_path):
    tensors = load_file(weights / "model.safetensors")
    del tensors["model.criterion.t"]
    save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(TINY_CONFIG))
    with pytest.raises(WeightsError, match=r"criterion\.t"):
        read_network(tmp_path)
