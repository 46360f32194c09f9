from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from napari_ct_grounding.model.radfinder.rope import GridRope, rotate

TABLES = [
    "full_b1000_2x3x4",
    "full_b100_2x3x32_div2x3x4",
    "full_b100_3x3x4",
    "tiny_b1000_2x2x2",
]


@pytest.mark.parametrize("tag", TABLES)
def test_tables_agree_with_the_released_figures_at_full_and_small_size(tag, golden):
    kind, base, *grids = re.match(r"(\w+?)_b(\d+)_(\d+x\d+x\d+)(?:_div(\d+x\d+x\d+))?", tag).groups()
    grid, divisors = (tuple(map(int, g.split("x"))) if g else None for g in grids)
    rope = GridRope(90 if kind == "full" else 18, float(base))
    np.testing.assert_allclose(rope.periods, golden[f"rope/{tag}/periods"], rtol=1e-6)
    sin, cos = rope(grid, divisors, num_prefix=0)
    np.testing.assert_allclose(sin, golden[f"rope/{tag}/sin"], atol=2e-5, rtol=0)
    np.testing.assert_allclose(cos, golden[f"rope/{tag}/cos"], atol=2e-5, rtol=0)


def test_prefix_tokens_are_not_rotated():
    sin, cos = GridRope(12, 100.0)((2, 1, 3))
    x = torch.randn(7, 12)
    turned = rotate(x, sin, cos)
    torch.testing.assert_close(turned[0], x[0])
    assert not torch.allclose(turned[1:], x[1:], atol=1e-2)


def test_scores_depend_on_the_distance_of_two_tokens_alone():
    sin, cos = GridRope(12, 100.0)((1, 1, 6), num_prefix=0)
    q, k = torch.randn(12), torch.randn(12)
    scores = rotate(q.expand(6, -1), sin, cos) @ rotate(k.expand(6, -1), sin, cos).T
    for distance in range(-5, 6):
        diagonal = scores.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), atol=1e-5, rtol=0)


def test_coordinates_are_rescaled_in_training_only_and_anew_in_each_call():
    rope = GridRope(12, 100.0, rescale=2.0)
    plain = GridRope(12, 100.0)((2, 2, 2))
    torch.testing.assert_close(rope.eval()((2, 2, 2)), plain)
    rope.train()
    first, second = rope((2, 2, 2)), rope((2, 2, 2))
    assert not torch.allclose(first[0], second[0])
    assert not torch.allclose(first[0], plain[0])


def test_periods_stay_in_float32_when_the_weights_become_half_precision():
    rope = GridRope(90, 1000.0)
    before = rope.periods.clone()
    rope.to(torch.bfloat16)
    assert rope.periods.dtype == torch.float32
    torch.testing.assert_close(rope.periods, before, rtol=0, atol=0)


def test_a_head_that_three_axes_cannot_share_is_refused():
    with pytest.raises(ValueError, match="head_dim is 64"):
        GridRope(64, 100.0)
