"""The trap: released weights already contain the update, and counting it again is silent."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from napari_ct_grounding.model.radfinder.lora import (
    LoRALinear,
    adapt_linear_layers,
    lora_layers,
    merge_lora,
    unmerge_lora,
)


@pytest.fixture
def layer() -> LoRALinear:
    torch.manual_seed(0)
    layer = LoRALinear(6, 5, rank=2, alpha=8)
    nn.init.normal_(layer.lora_B)
    return layer


def test_scaling_the_low_rank_factors_of_loaded_weights_changes_no_embedding(golden, small_network):
    network = copy.deepcopy(small_network)
    ids, mask = (torch.from_numpy(golden[f"text/right/{part}"]) for part in ("ids", "mask"))
    with torch.inference_mode():
        before = network.embed_texts(ids, mask)
        for layer in lora_layers(network):
            layer.lora_A.mul_(10)
        after = network.embed_texts(ids, mask)
    assert len(list(lora_layers(network))) == 8
    torch.testing.assert_close(after, before, rtol=0, atol=0)


def test_counting_the_update_twice_would_be_seen(golden, small_network):
    network = copy.deepcopy(small_network)
    ids, mask = (torch.from_numpy(golden[f"text/right/{part}"]) for part in ("ids", "mask"))
    with torch.inference_mode():
        before = network.embed_texts(ids, mask)[0]
        for layer in lora_layers(network):
            layer.weight.add_(layer.update)
        after = network.embed_texts(ids, mask)[0]
    assert (after - before).abs().max() > 0.1


def test_train_and_eval_do_not_move_the_weight(layer):
    x, weight = torch.randn(3, 6), layer.weight.clone()
    before = layer.eval()(x)
    torch.testing.assert_close(layer.train().eval()(x), before, rtol=0, atol=0)
    torch.testing.assert_close(layer.weight, weight, rtol=0, atol=0)


def test_an_unmerged_layer_computes_what_the_merged_one_does_and_trains_its_factors(layer):
    x = torch.randn(3, 6)
    merged = layer(x)
    layer.unmerge()
    unmerged = layer(x)
    torch.testing.assert_close(unmerged, merged, atol=1e-5, rtol=0)
    unmerged.sum().backward()
    assert layer.lora_A.grad.abs().max() > 0
    assert layer.lora_B.grad.abs().max() > 0


def test_merging_twice_is_merging_once(layer):
    weight = layer.weight.clone()
    layer.merge()
    torch.testing.assert_close(layer.weight, weight, rtol=0, atol=0)
    layer.unmerge()
    layer.unmerge()
    torch.testing.assert_close(layer.weight, weight - 4 * layer.lora_B @ layer.lora_A)
    layer.merge()
    torch.testing.assert_close(layer.weight, weight, atol=1e-6, rtol=0)


def test_a_state_dict_always_holds_the_merged_weight(layer):
    merged = {name: value.clone() for name, value in layer.state_dict().items()}
    layer.unmerge()
    assert not torch.allclose(layer.weight, merged["weight"], atol=1e-2)
    torch.testing.assert_close(layer.state_dict()["weight"], merged["weight"], atol=1e-6, rtol=0)


@pytest.mark.parametrize("assign", [False, True])
def test_loading_merged_weights_into_an_unmerged_layer_does_not_count_the_update_twice(layer, assign):
    x = torch.randn(3, 6)
    expected = layer(x)
    state = {name: value.clone() for name, value in layer.state_dict().items()}
    other = LoRALinear(6, 5, rank=2, alpha=8)
    nn.init.normal_(other.lora_B)
    other.unmerge()
    other.train()
    other.load_state_dict(state, assign=assign)
    assert not other.is_merged
    torch.testing.assert_close(other.eval()(x), expected, atol=1e-5, rtol=0)
    other.merge()
    torch.testing.assert_close(other.weight, state["weight"], atol=1e-6, rtol=0)


def test_dropout_acts_on_the_update_in_training_only():
    torch.manual_seed(0)
    layer = LoRALinear(64, 5, rank=2, alpha=8, dropout=0.5)
    nn.init.normal_(layer.lora_B)
    layer.unmerge()
    x = torch.randn(3, 64)
    assert not torch.allclose(layer.train()(x), layer(x))
    torch.testing.assert_close(layer.eval()(x), layer(x), rtol=0, atol=0)


def test_linear_layers_are_adapted_by_name_and_keep_their_values():
    module = nn.ModuleDict({"q_proj": nn.Linear(4, 3), "other": nn.Linear(4, 3)})
    x = torch.randn(2, 4)
    before = module["q_proj"](x)
    adapt_linear_layers(module, ["q_proj"], rank=2, alpha=4)
    assert isinstance(module["q_proj"], LoRALinear)
    assert type(module["other"]) is nn.Linear
    torch.testing.assert_close(module["q_proj"](x), before)
    unmerge_lora(module)
    assert not module["q_proj"].is_merged
    merge_lora(module)
    assert module["q_proj"].is_merged
    torch.testing.assert_close(module["q_proj"](x), before)
