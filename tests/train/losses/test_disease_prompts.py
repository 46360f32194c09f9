from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from train.losses.disease_prompts import SAMPLINGS, disease_prompt_loss, disease_prompt_terms, prompt_logits

LABELS = torch.tensor([[1, 0, -1], [0, -1, 1], [1, 1, 0], [-1, 0, 0]])


def example():
    generator = torch.Generator().manual_seed(0)
    image = F.normalize(torch.randn(4, 6, generator=generator, dtype=torch.float64), dim=-1)
    prompts = F.normalize(torch.randn(3, 5, 2, 6, generator=generator, dtype=torch.float64), dim=-1)
    return image.requires_grad_(), prompts.requires_grad_(), torch.tensor(1.2, dtype=torch.float64, requires_grad=True)


def one_by_one(image, prompts, t, sampling, index, count, positive_weights, question_weights, smoothing):
    """The loss as it is told: scan by scan, question by question."""
    terms = []
    for i in range(len(image)):
        for q in range(len(prompts)):
            if LABELS[i, q] == -1:
                continue
            x = [t.exp() * (image[i] @ yes - image[i] @ no) for yes, no in prompts[q]]
            drawn = {
                "first_only": [0],
                "mean_all": range(len(x)),
                "random_1": [int(index[i, q])] if index.ndim == 2 else [],
                "random_1_to_n": index[i, q, : int(count[i, q])].tolist() if index.ndim == 3 else [],
            }[sampling]
            logit = torch.stack([x[v] for v in drawn]).mean()
            y = float(LABELS[i, q]) * (1 - 2 * smoothing) + smoothing
            loss = -positive_weights[q] * y * F.logsigmoid(logit) - (1 - y) * F.logsigmoid(-logit)
            terms.append(question_weights[q] * loss)
    return torch.stack(terms).sum() / len(terms)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_the_fast_form_has_value_and_gradients_of_the_loss_told_one_by_one(sampling):
    leaves = example()
    generator = torch.Generator().manual_seed(1)
    index = torch.randint(5, (4, 3, 5) if sampling == "random_1_to_n" else (4, 3), generator=generator)
    count = torch.randint(1, 6, (4, 3), generator=generator)
    positive, question = torch.tensor([2.0, 0.5, 7.0]), torch.tensor([1.0, 5.0, 1.0])
    logits = prompt_logits(*leaves, sampling, index, count)
    found = disease_prompt_loss(logits, LABELS, positive, question, 0.1)
    want = one_by_one(*leaves, sampling, index, count, positive, question, 0.1)
    assert found.item() == pytest.approx(want.item(), rel=1e-6)
    for a, b in zip(torch.autograd.grad(found, leaves), torch.autograd.grad(want, leaves), strict=True):
        assert torch.allclose(a, b, rtol=1e-5, atol=1e-9)


def test_variants_are_drawn_in_the_released_order():
    image, prompts, t = example()
    by_itself = torch.Generator().manual_seed(77)
    index = torch.randint(5, (4, 3, 5), generator=by_itself)
    count = torch.randint(1, 6, (4, 3), generator=by_itself)
    drawn = prompt_logits(image, prompts, t, "random_1_to_n", generator=torch.Generator().manual_seed(77))
    assert torch.equal(drawn, prompt_logits(image, prompts, t, "random_1_to_n", index, count))


def test_labels_stay_as_they_are():
    labels = LABELS.double()
    disease_prompt_terms(torch.zeros(4, 3, dtype=torch.float64), labels, torch.ones(3), smoothing=0.1)
    assert torch.equal(labels, LABELS.double())


def test_an_unknown_sampling_is_refused():
    with pytest.raises(ValueError, match="sampling is 'all'"):
        prompt_logits(*example(), "all")
