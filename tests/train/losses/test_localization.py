from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import norm

from train.losses.localization import blurred_one_hot, localization_loss, localization_losses, range_targets


def test_the_fast_form_has_value_and_gradients_of_the_definition():
    generator = torch.Generator().manual_seed(0)
    slices = torch.randn(3, 7, 4, generator=generator, dtype=torch.float64).requires_grad_()
    sentences = torch.randn(5, 4, generator=generator, dtype=torch.float64).requires_grad_()
    owner = torch.tensor([0, 0, 2, 1, 2])
    valid = torch.ones(3, 7, dtype=torch.bool)
    valid[1, 4:] = False
    targets = blurred_one_hot(torch.tensor([0, 6, 3, 2, 2]), valid[owner], 1.0).double()
    want = localization_loss(slices[owner], sentences, targets, valid[owner], 10.0)
    found = localization_losses(slices, owner, sentences, targets, valid, 10.0).mean()
    assert found.item() == pytest.approx(want.item(), rel=1e-12)
    leaves = (slices, sentences)
    for a, b in zip(torch.autograd.grad(found, leaves), torch.autograd.grad(want, leaves), strict=True):
        assert torch.allclose(a, b, rtol=1e-10, atol=1e-14)


def test_every_place_within_a_finding_is_as_right_as_any_other():
    valid = torch.ones(1, 60, dtype=torch.bool)
    (target,) = range_targets(torch.tensor([19.5]), torch.tensor([39.5]), valid, 2.0).numpy()
    positions = np.arange(60)
    want = norm.cdf((39.5 - positions) / 2) - norm.cdf((19.5 - positions) / 2)
    np.testing.assert_allclose(target, want / want.sum(), atol=1e-7)
    assert target.sum() == pytest.approx(1.0, rel=1e-6)
    np.testing.assert_allclose(target[26:33], target[29], rtol=1e-2)
    assert target[12] < 0.01 * target[29]


def test_a_single_slice_has_nearly_the_released_target():
    valid = torch.ones(1, 40, dtype=torch.bool)
    ours = range_targets(torch.tensor([19.5]), torch.tensor([20.5]), valid, 2.0)
    released = blurred_one_hot(torch.tensor([20]), valid, 2.0)
    np.testing.assert_allclose(ours, released, atol=0.003)


@pytest.mark.parametrize("low", [-500.0, -3.0, 10.0, 38.0, 900.0])
def test_targets_sum_to_one_over_what_a_scan_shows_wherever_the_finding_lies(low):
    valid = torch.ones(2, 40, dtype=torch.bool)
    valid[0, 12:] = False
    targets = range_targets(torch.tensor([low, low]), torch.tensor([low + 4, low + 4]), valid, 1.5)
    np.testing.assert_allclose(targets.sum(1), 1.0, rtol=1e-5)
    assert float(targets[0, 12:].abs().sum()) == 0.0
    nearest = [min(max(low + 2, 0), last) for last in (11, 39)]
    np.testing.assert_allclose(targets.argmax(1), nearest, atol=0.6)


def test_the_answer_nowhere_is_one_more_place_with_a_cosine_of_its_own():
    generator = torch.Generator().manual_seed(1)
    slices, sentences = torch.randn(1, 6, 4, generator=generator), torch.randn(2, 4, generator=generator)
    valid = torch.tensor([[True] * 5 + [False]])
    owner, nowhere = torch.zeros(2, dtype=torch.long), torch.tensor(0.3, requires_grad=True)
    placed, unplaced = torch.zeros(7), torch.zeros(7)
    placed[2] = unplaced[6] = 1.0
    losses = localization_losses(slices, owner, sentences, torch.stack([placed, unplaced]), valid, 10.0, nowhere)
    unit = torch.nn.functional.normalize
    for row, answer in ((0, 2), (1, 5)):
        cosines = torch.cat([unit(slices[0, :5], dim=-1) @ unit(sentences[row], dim=0), torch.tensor([0.3])])
        assert losses[row].item() == pytest.approx(-(10 * cosines).log_softmax(0)[answer].item(), rel=1e-5)
    losses[1].backward()
    assert nowhere.grad < 0  # "nowhere" is raised where it is true
