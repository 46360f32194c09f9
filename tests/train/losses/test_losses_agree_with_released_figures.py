"""Values and gradients of the three losses against figures taken from the official code."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from train.losses.disease_prompts import disease_prompt_loss, positive_weight, prompt_logits
from train.losses.localization import blurred_one_hot, extent_targets, localization_loss
from train.losses.siglip import siglip_loss

FOLDER = Path(__file__).parents[2] / "data" / "radfinder_training"
FIGURES = json.loads((FOLDER / "losses.json").read_text())
ARRAYS = np.load(FOLDER / "losses.npz")

# "random_1_to_n": the three drawn variants of each (sample, question), then how many of them count.
DRAWN = [
    ("200 011 002 210 102 122 020", "3322132"),
    ("212 222 120 220 022 102 001", "2113223"),
    ("020 111 210 200 212 010 111", "2121312"),
    ("122 200 101 222 002 211 111", "2113331"),
]


def rn(seed, shape):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def test_siglip_loss_and_its_gradients_are_those_of_the_release():
    want = FIGURES["siglip"]
    image = rn(21, (6, 32))
    text = rn(22, (6, 32)) + 0.7 * image
    image, text = image.requires_grad_(), text.requires_grad_()
    t, b = torch.tensor(2.3026, requires_grad=True), torch.tensor(-10.0, requires_grad=True)
    loss = siglip_loss(image, text, t, b)
    loss.backward()
    assert loss.item() == pytest.approx(want["loss"], rel=1e-5)
    assert t.grad.item() == pytest.approx(want["grad_t"], rel=1e-4)
    assert b.grad.item() == pytest.approx(want["grad_b"], rel=1e-4)
    # The full arrays are gradients with respect to what the loss was given.
    assert image.grad.norm().item() == pytest.approx(np.linalg.norm(ARRAYS["siglip/grad_i"]), rel=1e-4)
    np.testing.assert_allclose(image.grad, ARRAYS["siglip/grad_i"], atol=1e-5)
    np.testing.assert_allclose(text.grad, ARRAYS["siglip/grad_t"], atol=1e-5)


def test_excluding_a_pair_removes_its_question_and_nothing_else():
    image, text = rn(1, (3, 8)), rn(2, (3, 8))
    t, b = torch.tensor(1.0), torch.tensor(-1.0)
    excluded = torch.zeros(3, 3, dtype=torch.bool)
    excluded[0, 2] = True
    logit = t.exp() * F.normalize(image[0], dim=0) @ F.normalize(text[2], dim=0) + b
    gain = siglip_loss(image, text, t, b) - siglip_loss(image, text, t, b, excluded)
    assert gain.item() == pytest.approx(-F.logsigmoid(-logit).item() / 3, rel=1e-5)


@pytest.mark.parametrize("sigma", [2.0, 1.0, 0.5, 0.0])
@pytest.mark.parametrize("learn", [False, True])
def test_localization_loss_and_its_gradients_are_those_of_the_release(sigma, learn):
    want = FIGURES[f"loc_sigma{sigma}_learn{learn}"]
    slices, snippets = rn(31, (5, 24, 32)).requires_grad_(), rn(32, (5, 32)).requires_grad_()
    valid = torch.from_numpy(ARRAYS["loc/valid"])
    index = torch.from_numpy(ARRAYS["loc/target"]).int().argmax(1)
    log_scale = torch.tensor(float(np.log(10.0)), requires_grad=learn)
    loss = localization_loss(slices, snippets, blurred_one_hot(index, valid, sigma), valid, log_scale.exp())
    loss.backward()
    assert loss.item() == pytest.approx(want["loss"], rel=1e-5)
    assert slices.grad.norm().item() == pytest.approx(want["gnorm_slice"], rel=1e-4)
    assert snippets.grad.norm().item() == pytest.approx(want["gnorm_snip"], rel=1e-4)
    if learn:
        assert log_scale.grad.item() == pytest.approx(want["grad_log_inv_tau"], rel=1e-4)
    if sigma == 2.0:
        np.testing.assert_allclose(slices.grad, ARRAYS["loc/grad_slice"], atol=1e-5)
        np.testing.assert_allclose(snippets.grad, ARRAYS["loc/grad_snip"], atol=1e-5)


def test_targets_follow_the_extent_and_sum_to_one_inside_a_short_scan():
    valid = torch.ones(3, 40, dtype=torch.bool)
    valid[2, 12:] = False
    targets = extent_targets(torch.tensor([10.0, 20.0, 11.0]), torch.tensor([1.0, 30.0, 1.0]), valid, 1.5, 0.18)
    np.testing.assert_allclose(targets.sum(1), 1.0, rtol=1e-6)
    assert targets[2, 12:].sum() == 0
    positions = torch.arange(40.0)
    spread = [float((targets[i] * (positions - c) ** 2).sum().sqrt()) for i, c in ((0, 10.0), (1, 20.0))]
    assert spread == pytest.approx([1.5, 5.4], rel=0.02)


def sampled(mode):
    if mode == "random_1":
        return {"index": torch.from_numpy(ARRAYS["prompt/random_1_seed77_index"])}
    if mode == "random_1_to_n":
        index = [[[int(c) for c in question] for question in row.split()] for row, _ in DRAWN]
        return {"index": torch.tensor(index), "count": torch.tensor([[int(c) for c in n] for _, n in DRAWN])}
    return {}


@pytest.mark.parametrize("mode", ["first_only", "mean_all", "random_1", "random_1_to_n"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
def test_prompt_loss_and_its_gradients_are_those_of_the_release(mode, smoothing, weighted):
    want = FIGURES[f"prompt_{mode}_smooth{smoothing}_qw{weighted}"]
    image = F.normalize(rn(41, (4, 32)), dim=-1).requires_grad_()
    prompts = F.normalize(rn(42, (7, 3, 2, 32)), dim=-1).requires_grad_()
    labels = torch.from_numpy(ARRAYS["prompt/labels"])
    t = torch.tensor(2.3026, requires_grad=True)
    weights = torch.tensor([1.0, 2, 20, 0.5, 3, 1, 7])
    questions = torch.tensor([1.0, 1, 1, 1, 5, 5, 5]) if weighted else None
    logits = prompt_logits(image, prompts, t, mode, **sampled(mode))
    loss = disease_prompt_loss(logits, labels, weights, questions, smoothing)
    loss.backward()
    assert loss.item() == pytest.approx(want["loss"], rel=1e-5)
    assert t.grad.item() == pytest.approx(want["grad_t"], rel=1e-4)
    assert image.grad.norm().item() == pytest.approx(want["gnorm_img"], rel=1e-4)
    assert prompts.grad.norm().item() == pytest.approx(want["gnorm_prompt"], rel=1e-4)


def test_prompt_loss_is_none_when_every_label_is_unknown():
    assert FIGURES["prompt_all_unknown"] is None
    assert disease_prompt_loss(torch.zeros(2, 3), torch.full((2, 3), -1), torch.ones(3)) is None


def test_a_rare_disease_weighs_as_its_odds_up_to_twenty():
    labels = torch.tensor([[1, 1, 0, -1]] + [[0, 1, 0, 0]] * 3 + [[0, 0, 0, 1]])
    assert positive_weight(labels).tolist() == [4.0, 0.25, 1.0, 3.0]
    assert positive_weight(torch.tensor([[1]] + [[0]] * 50)).tolist() == [20.0]
