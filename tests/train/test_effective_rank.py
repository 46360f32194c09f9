from __future__ import annotations

import pytest
import torch

from train.effective_rank import dimensions_of_variance, effective_rank


def test_as_many_equal_directions_as_there_are():
    corners = torch.cat([torch.eye(16), -torch.eye(16)])
    assert effective_rank(corners[:, :16]) == pytest.approx(16)
    assert dimensions_of_variance(corners) == 15  # 15 of 16 equal directions hold 90 %


def test_a_collapsed_space_is_seen_behind_a_shared_direction():
    generator = torch.Generator().manual_seed(0)
    spread = torch.randn(200, 2, generator=generator) @ torch.randn(2, 64, generator=generator)
    collapsed = 50 + spread + 1e-4 * torch.randn(200, 64, generator=generator)
    assert 1 < effective_rank(collapsed) < 2.1
    assert dimensions_of_variance(collapsed) <= 2


def test_without_two_different_vectors_there_is_no_rank():
    for none in (torch.zeros(0, 4), torch.ones(1, 4), torch.ones(5, 4)):
        assert effective_rank(none) == 0.0
        assert dimensions_of_variance(none) == 0
