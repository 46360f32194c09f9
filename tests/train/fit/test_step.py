"""The gradient of a whole step against figures of the official trainer, and against itself cut in other ways."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.train.fit.golden_step import (
    CONFIG,
    DATA,
    FIGURES,
    MENDED,
    RECIPE,
    SMALL_CONFIG,
    STEP,
    micro_batches,
    questions,
    trained_network,
    without,
)
from train.fit.schedule import learning_rate, parameter_groups
from train.fit.start import trained_parameters
from train.fit.step import TrainingStep
from train.radfinder_recipe import AdamRecipe

LEFT_OUT = {
    "all": (),
    "siglip_only": ("localization", "prompts"),
    "no_prompt": ("prompts",),
    "no_loc": ("localization",),
}
# torch's float32 norm of large tensors is too low; these are exact (golden README, part 2).
EXACT = {
    "projection_image.layers.2.weight": dict.fromkeys(LEFT_OUT, 41.903855),
    "projection_text.layers.2.weight": {"siglip_only": 44.029045, "no_prompt": 44.029045, "no_loc": 44.048531, "all": 44.048531},
    "projection_image_copy.layers.2.weight": {"no_prompt": 0.0030586, "no_loc": 0.5265124, "all": 0.5265264},
    "projection_text_copy.layers.2.weight": {"no_prompt": 0.0028294, "all": 0.0028294},
}  # fmt: skip


def gradients(recipe, cuts=None, config=CONFIG, dtype=torch.float32):
    network = trained_network(recipe, config).to(dtype)
    report = TrainingStep(network, questions(), recipe).backward(micro_batches(cuts))
    found = {name: p.grad for name, p in trained_parameters(network).items() if p.grad is not None}
    return found, report


@pytest.fixture(scope="module")
def released():
    return gradients(RECIPE)


@pytest.mark.parametrize("subset", LEFT_OUT)
def test_a_step_with_the_released_faults_has_the_released_gradients(subset, released):
    want = STEP["results"][subset]
    found, report = gradients(without(RECIPE, *LEFT_OUT[subset])) if LEFT_OUT[subset] else released
    assert set(found) == set(want["grad_norms"])
    for name, gradient in found.items():
        norm = EXACT.get(name, {}).get(subset, want["grad_norms"][name])
        assert float(gradient.double().norm()) == pytest.approx(norm, rel=1e-4), name
    assert float(found["criterion.t"]) == pytest.approx(want["t_grad"], rel=1e-4)
    assert float(found["criterion.b"]) == pytest.approx(want["b_grad"], rel=1e-4)
    whole = torch.linalg.vector_norm(torch.stack([g.double().norm() for g in found.values()]))
    assert float(whole) == pytest.approx(want["losses"]["grad_norm"], rel=1e-4)
    assert report.siglip == pytest.approx(want["losses"]["loss"], rel=1e-5)


def test_the_arrays_of_a_released_step_are_repeated_number_by_number(released):
    found, report = released
    arrays = np.load(DATA / "radfinder_training" / "step.npz")
    for key in arrays.files:
        want = arrays[key]
        np.testing.assert_allclose(found[key.removeprefix("step_grad/")], want, atol=2e-5 * np.abs(want).max())
    losses = STEP["results"]["all"]["losses"]
    assert report.prompts * 0.5 * 4 / 256 == pytest.approx(losses["prompt_rate_loss_fix"], rel=1e-5)
    # The release tells a sum of means over micro-batches of 3 and 1 sentences; told here is the mean of all four.
    assert report.localization == pytest.approx((3 * 3.095504 + 3.207311) / 4, rel=1e-5)


def test_mended_temperature_and_bias_get_their_gradient_once(released):
    found, _ = gradients(replace(RECIPE, released=replace(RECIPE.released, repeats_scale_gradient=False)))
    assert float(found["criterion.t"]) == pytest.approx(-0.200579, rel=1e-4)
    assert float(found["criterion.b"]) == pytest.approx(STEP["fullbatch_siglip"]["b_grad"], rel=1e-4)
    for name in found.keys() - {"criterion.t", "criterion.b"}:
        want = released[0][name]
        np.testing.assert_allclose(found[name], want, atol=1e-6 * float(want.abs().max()))


@pytest.fixture(scope="module")
def whole_batch():
    return gradients(MENDED, [[0, 1, 2, 3]], SMALL_CONFIG, torch.float64)


@pytest.mark.parametrize("cuts", [[[0], [1], [2], [3]], [[3, 1, 0], [2]]])
def test_how_a_batch_is_cut_does_not_change_its_gradient(cuts, whole_batch):
    whole, report = whole_batch
    parts, report_of_parts = gradients(MENDED, cuts, SMALL_CONFIG, torch.float64)
    assert set(whole) == set(parts)
    for name, want in whole.items():
        assert float((parts[name] - want).norm() / want.norm()) < 1e-5, name
    assert report_of_parts.siglip == pytest.approx(report.siglip, rel=1e-9)
    assert report_of_parts.localization == pytest.approx(report.localization, rel=1e-9)


def test_dropout_is_the_same_in_both_passes_unless_the_release_is_repeated():
    network_recipe = replace(MENDED.network, lora_dropout=0.5, rope_rescale=2.0)
    noisy = without(replace(MENDED, network=network_recipe), "localization")

    def embeddings_of(recipe):
        network = trained_network(recipe, SMALL_CONFIG)
        seen = []
        network.projection_image.register_forward_hook(lambda module, inputs, output: seen.append(output.detach()))
        network.projection_text.register_forward_hook(lambda module, inputs, output: seen.append(output.detach()))
        torch.manual_seed(3)
        TrainingStep(network, questions(), recipe).backward(micro_batches())
        return seen[: len(seen) // 2], seen[len(seen) // 2 :]

    first, second = embeddings_of(noisy)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    first, second = embeddings_of(replace(noisy, released=replace(noisy.released, redraws_dropout=True)))
    assert not any(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_computing_activations_again_changes_no_gradient(whole_batch):
    recipe = replace(MENDED, network=replace(MENDED.network, checkpoint_activations=True))
    again, _ = gradients(recipe, [[0, 1, 2, 3]], SMALL_CONFIG, torch.float64)
    for name, want in whole_batch[0].items():
        np.testing.assert_allclose(again[name], want, atol=1e-9 * float(want.abs().max()), err_msg=name)


def test_only_what_the_release_trains_trains_and_only_matrices_decay():
    network = trained_network()
    found = {name: p.requires_grad for name, p in network.named_parameters()}
    assert found == FIGURES["trainable"]
    trained = trained_parameters(network)
    groups = parameter_groups(trained, AdamRecipe(weight_decay=0.5))
    names = {id(parameter): name for name, parameter in trained.items()}
    want = {g["wd_mult"] * 0.5: set(g["names"]) for g in FIGURES["param_groups"] if g["requires_grad"]}
    assert {g["weight_decay"]: {names[id(p)] for p in g["params"]} for g in groups} == want


def test_the_learning_rate_follows_the_released_schedule():
    want = FIGURES["lr_schedule"]
    found = [learning_rate(k, want["total"], want["warmup"], want["base"], want["min"]) for k in range(want["total"])]
    np.testing.assert_allclose(found, want["values"], rtol=1e-12)
