from __future__ import annotations

import pytest
import torch

from train.effective_rank import dimensions_of_variance, effective_rank, variance_shares


def test_as_many_equal_directions_as_there_are():
    shares = variance_shares(torch.cat([torch.eye(16), -torch.eye(16)]))
    assert shares.tolist() == pytest.approx([1 / 16] * 16)
    assert effective_rank(shares) == pytest.approx(16)
    assert dimensions_of_variance(shares) == 15  # 15 of 16 equal directions hold 90 %


def test_a_collapsed_space_is_seen_behind_a_shared_direction():
    generator = torch.Generator().manual_seed(0)
    spread = torch.randn(200, 2, generator=generator) @ torch.randn(2, 64, generator=generator)
    collapsed = 50 + spread + 1e-4 * torch.randn(200, 64, generator=generator)
    shares = variance_shares(collapsed)
    assert 1 < effective_rank(shares) < 2.1
    assert dimensions_of_variance(shares) <= 2


def test_without_two_different_vectors_there_is_no_rank():
    for none in (torch.zeros(0, 4), torch.ones(1, 4), torch.ones(5, 4)):
        shares = variance_shares(none)
        assert effective_rank(shares) == 0.0
        assert dimensions_of_variance(shares) == 0


def test_few_vectors_of_many_dimensions_have_the_rank_of_their_differences():
    vectors = torch.randn(3, 50, generator=torch.Generator().manual_seed(1))
    shares = variance_shares(vectors)
    assert len(shares) == 3
    assert float(shares[2]) == pytest.approx(0, abs=1e-9)
    assert 1.5 < effective_rank(shares) <= 2.0 + 1e-9
