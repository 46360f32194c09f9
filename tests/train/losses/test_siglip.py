from __future__ import annotations

import pytest
import torch

from train.losses.siglip import siglip_loss, siglip_share


def example(num=9):
    generator = torch.Generator().manual_seed(0)
    image, text = (torch.randn(num, 5, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(2))
    scales = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (1.0, -2.0)]
    return image, text, *scales


@pytest.mark.parametrize("columns_at_once", [1, 4, 9, 100])
def test_chunks_of_columns_have_value_and_gradients_of_the_definition(columns_at_once):
    leaves = example()
    keys = torch.tensor([1, 2, 3, 2, 5, 6, 1, 2, 9])
    is_same = keys[:, None] == keys
    want = siglip_loss(*leaves, is_excluded=is_same)
    found = siglip_share(leaves[0], leaves[1], 0, *leaves[2:], keys, columns_at_once)
    assert found.item() == pytest.approx(want.item(), rel=1e-12)
    for a, b in zip(torch.autograd.grad(found, leaves), torch.autograd.grad(want, leaves), strict=True):
        assert torch.allclose(a, b, rtol=1e-10, atol=1e-14)


def test_the_shares_of_rows_sum_to_the_loss():
    image, text, t, b = example()
    shares = [siglip_share(image[i:j], text, i, t, b) for i, j in ((0, 2), (2, 2), (2, 9))]
    assert sum(shares).item() == pytest.approx(siglip_loss(image, text, t, b).item(), rel=1e-12)


def test_without_any_report_there_is_nothing_to_lose():
    image, text, t, b = example(0)
    assert siglip_share(image, text, 0, t, b).item() == 0.0
