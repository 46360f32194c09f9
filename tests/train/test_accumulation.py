"""A batch cut into micro-batches has the gradient of the whole batch."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from train.accumulation import cached_backward, scale_gradient
from train.losses.siglip import siglip_loss, siglip_share


class TwoTowers(nn.Module):
    def __init__(self, dropout=0.0):
        super().__init__()
        torch.manual_seed(0)
        self.image = nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.Dropout(dropout), nn.Linear(8, 4))
        self.text = nn.Sequential(nn.Linear(5, 8), nn.GELU(), nn.Linear(8, 4))
        self.t = nn.Parameter(torch.tensor(2.3026))
        self.b = nn.Parameter(torch.tensor(-10.0))
        self.double()

    def gradients(self):
        found = {name: parameter.grad for name, parameter in self.named_parameters()}
        self.zero_grad()
        return found

    def loss(self, images, texts):
        return siglip_loss(images, texts, self.t, self.b)


def inputs(num):
    torch.manual_seed(1)
    return torch.randn(num, 6, dtype=torch.float64), torch.randn(num, 5, dtype=torch.float64)


@pytest.mark.parametrize("num_pieces", [1, 2, 3, 8])
def test_micro_batches_have_the_gradient_of_one_batch(num_pieces):
    towers, (images, texts) = TwoTowers(), inputs(8)
    towers.loss(towers.image(images), towers.text(texts)).backward()
    want = towers.gradients()
    cuts = list(zip(images.tensor_split(num_pieces), texts.tensor_split(num_pieces), strict=True))
    pieces = [lambda x=x, y=y: (towers.image(x), towers.text(y)) for x, y in cuts]
    cached_backward(pieces, lambda cached: towers.loss(*(torch.cat(part) for part in zip(*cached, strict=True))))
    for name, gradient in towers.gradients().items():
        assert float((gradient - want[name]).norm() / want[name].norm()) < 1e-12, name


def test_4096_pairs_in_16_micro_batches_of_256_have_the_gradient_of_one_batch():
    generator = torch.Generator().manual_seed(2)
    images, texts = (torch.randn(4096, 8, dtype=torch.float64, generator=generator).requires_grad_() for _ in range(2))
    scales = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (2.3026, -10.0)]
    leaves = [images, texts, *scales]
    want = torch.autograd.grad(siglip_loss(images, texts, *scales), leaves)
    pieces = [lambda k=k: (images[k : k + 256], texts[k : k + 256]) for k in range(0, 4096, 256)]

    def loss_of(cached):
        x, y = (torch.cat(part) for part in zip(*cached, strict=True))
        return siglip_share(x, y, 0, *scales, columns_at_once=1000)

    cached_backward(pieces, loss_of)
    for leaf, gradient in zip(leaves, want, strict=True):
        assert float((leaf.grad - gradient).norm() / gradient.norm()) < 1e-10


def test_dropout_is_drawn_once_for_both_passes():
    towers, (images, texts) = TwoTowers(dropout=0.5), inputs(4)
    # One piece, drawn with the state that the first pass began with, is one ordinary backward pass.
    torch.manual_seed(5)
    towers.loss(towers.image(images), towers.text(texts)).backward()
    want = towers.gradients()
    for restores, is_same in ((True, True), (False, False)):
        torch.manual_seed(5)
        cached_backward(
            [lambda: (towers.image(images), towers.text(texts))],
            lambda cached: towers.loss(*cached[0]),
            restores_random_state=restores,
        )
        found = towers.gradients()
        assert torch.allclose(found["image.0.weight"], want["image.0.weight"], rtol=1e-12) is is_same


def test_a_piece_may_have_a_loss_of_its_own_that_draws_its_own_dropout():
    towers, (images, texts) = TwoTowers(dropout=0.5), inputs(4)
    seen = []
    towers.image[2].register_forward_hook(lambda module, given, made: seen.append((made == 0) & (given[0] != 0)))

    def own_loss(i):
        return towers.image(images[2 * i : 2 * i + 2]).square().sum() if i == 0 else None

    pieces = [lambda k=k: (towers.image(images[k : k + 2]), towers.text(texts[k : k + 2])) for k in (0, 2)]
    cached_backward(pieces, lambda cached: towers.loss(*(torch.cat(c) for c in zip(*cached, strict=True))), own_loss)
    first_0, first_1, again_0, own, again_1 = seen
    assert torch.equal(first_0, again_0)
    assert torch.equal(first_1, again_1)
    assert not torch.equal(own, first_0)
    assert not torch.equal(own, first_1)


def test_only_the_gradient_is_scaled():
    value = torch.tensor([1.0, 2.0], requires_grad=True)
    scaled = scale_gradient(value, 3.0)
    assert scaled.tolist() == [1.0, 2.0]
    F.mse_loss(scaled, torch.zeros(2)).backward()
    assert value.grad.tolist() == [3.0, 6.0]
