"""One optimizer step on stored features, ours against the same step computed the released way.

::

    python -m tests.benchmarks.training_step step {cpu,cuda} {float32,bfloat16} MICRO_BATCHES SCANS TEXT_LAYERS
    python -m tests.benchmarks.training_step losses {cpu,cuda}

The released way (golden README, part 2): localization at once for each micro-batch; all embeddings cached; then for
each micro-batch the loss of the whole batch anew, backward through that micro-batch; then groups of micro-batches
once more, with all prompts encoded for each. Ours computes the loss once and the prompts once. Both ways give one
gradient, which is checked.

Widths are those of the release: combiner, heads and text layers; stored features of 27 windows per scan. Full is 256
micro-batches of 16 scans, 28 text layers and 337 questions; what a machine without a GPU can do is a few
micro-batches, two text layers, 18 questions, so "step" tells how the ways compare at that size and no more. "losses"
is at full size: the contrastive loss of 4,096 pairs with its gradient, which the released way computes 256 times.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch.nn.functional import normalize

from napari_ct_grounding.model.radfinder.config import RELEASED_TEXT, EncoderConfig, RadFinderConfig, TextConfig
from napari_ct_grounding.model.radfinder.model import RadFinderNetwork
from tests.benchmarks.measure import measured, report
from train.fit.micro_batches import MicroBatch, Snippets, StoredGrids, Tokens
from train.fit.questions import Questions
from train.fit.start import prepare_for_training, trained_parameters
from train.fit.step import TrainingStep
from train.losses.disease_prompts import disease_prompt_loss, prompt_logits
from train.losses.siglip import siglip_loss, siglip_share
from train.radfinder_recipe import NetworkRecipe, ObjectiveRecipe, RadFinderRecipe, StepRecipe

GRID = (3, 3, 3)
REPORT_TOKENS, SENTENCE_TOKENS, PROMPT_TOKENS = 128, 12, 8
NUM_QUESTIONS, NUM_VARIANTS = 18, 3
FULL_PAIRS, FULL_MICRO_BATCHES, FULL_WIDTH = 4096, 256, 512
#: Micro-batches whose prompts the released way encodes together: 16 of 256.
GROUP = 16


def random_network(num_text_layers: int, device: torch.device, is_checkpointed: bool = False) -> RadFinderNetwork:
    """Return a network of released widths with few text layers and words, without its window encoder.

    Two of them hold the same numbers; one that is checkpointed computes its activations again in the backward pass.
    """
    torch.manual_seed(0)
    text = TextConfig(backbone={**RELEASED_TEXT, "num_hidden_layers": num_text_layers, "vocab_size": 1000})
    network = RadFinderNetwork(RadFinderConfig(encoder=EncoderConfig(num_layers=0), text=text))
    del network.backbone_image
    recipe = NetworkRecipe(rope_rescale=1.0, lora_dropout=0.0, checkpoint_activations=is_checkpointed)
    prepare_for_training(network, recipe)
    return network.to(device)


def random_tokens(num: int, length: int, rng: np.random.Generator) -> Tokens:
    """Return texts of one length."""
    ids = torch.from_numpy(rng.integers(0, 1000, (num, length)))
    return Tokens(ids, torch.ones_like(ids))


def random_batches(num: int, num_scans: int, width: int, rng: np.random.Generator) -> list[MicroBatch]:
    """Return micro-batches with two sentences for each scan."""
    batches = []
    for k in range(num):
        windows = rng.standard_normal((num_scans, *GRID, 10, width)).astype(np.float16)
        num_depths = 8 * GRID[2]
        depth = torch.from_numpy(rng.integers(0, num_depths, 2 * num_scans))
        batches.append(
            MicroBatch(
                features=lambda device, windows=windows: _on(device, windows),
                is_valid=torch.ones(num_scans, num_depths, dtype=torch.bool),
                labels=torch.from_numpy(rng.integers(0, 2, (num_scans, NUM_QUESTIONS))),
                reports=random_tokens(num_scans, REPORT_TOKENS, rng),
                report_rows=torch.arange(num_scans),
                report_keys=torch.arange(k * num_scans, (k + 1) * num_scans),
                snippets=Snippets(
                    tokens=random_tokens(2 * num_scans, SENTENCE_TOKENS, rng),
                    owner=torch.arange(num_scans).repeat_interleave(2),
                    depth=depth,
                    low=depth - 0.5,
                    high=depth + 0.5,
                ),
            )
        )
    return batches


def _on(device: torch.device, windows: np.ndarray) -> StoredGrids:
    features = torch.from_numpy(windows).to(device).float()
    return StoredGrids(features[..., 0, :], features[..., 1, :], features[..., 2:, :], (GRID,) * len(features))


def released_step(
    network: RadFinderNetwork, batches: Sequence[MicroBatch], questions: Questions, recipe: RadFinderRecipe
) -> None:
    """Add the gradient of a step computed the released way; the arithmetic of temperature and bias is ours, not its fault."""
    device, loss = network.criterion.t.device, recipe.loss
    training = TrainingStep(network, questions, recipe)
    training.localization_backward(batches)

    def pairs(batch: MicroBatch) -> tuple[torch.Tensor, torch.Tensor]:
        features = batch.features(device)
        whole = network.whole_vector(features.cls, features.patch_average, features.grids)
        return network.projection_image(whole), network.embed_texts(*batch.reports.to(device))[1]

    with torch.no_grad():
        cached = [pairs(batch) for batch in batches]
    share = 1 / len(batches)
    t, b = network.criterion.t, network.criterion.b
    for i, batch in enumerate(batches):
        live = [*cached[:i], pairs(batch), *cached[i + 1 :]]
        images, texts = (torch.cat(part) for part in zip(*live, strict=True))
        # Each micro-step sends the whole gradient to t and b; a share of it is what they should get.
        scale, bias = t * share + (t * (1 - share)).detach(), b * share + (b * (1 - share)).detach()
        siglip_loss(images, texts, scale, bias).backward()
    for start in range(0, len(batches), GROUP):
        group = batches[start : start + GROUP]
        prompts = torch.cat([network.embed_texts(*tokens.to(device))[1] for tokens in questions.pieces])
        prompts = normalize(prompts, dim=-1)[questions.order.to(device)].view(*questions.shape, 2, -1)
        disease = []
        for batch in group:
            features = batch.features(device)
            whole = network.whole_vector(features.cls, features.patch_average, features.grids)
            disease.append(network.projection_image_copy(whole))
        logits = prompt_logits(normalize(torch.cat(disease), dim=-1), prompts, t, loss.prompt_sampling)
        labels = torch.cat([batch.labels for batch in group]).to(device)
        weights = (questions.positive_weights.to(device), questions.weights.to(device))
        answers = disease_prompt_loss(logits, labels, *weights)
        if answers is not None:
            (loss.prompts * answers * len(group) / len(batches)).backward()


def measure_step(device: torch.device, precision: str, num_batches: int, num_scans: int, num_text_layers: int) -> None:
    """Time both ways on the same numbers, ours with activations kept and computed again, and compare their gradients."""
    rng = np.random.default_rng(0)
    theirs, ours = (random_network(num_text_layers, device) for _ in range(2))
    frugal = random_network(num_text_layers, device, is_checkpointed=True)
    recipe = RadFinderRecipe(
        step=StepRecipe(micro_batch=num_scans, num_micro_batches=num_batches),
        loss=replace(ObjectiveRecipe(), prompt_sampling="mean_all"),
    )
    batches = random_batches(num_batches, num_scans, ours.config.encoder.dim, rng)
    num_prompts = NUM_QUESTIONS * NUM_VARIANTS * 2
    questions = Questions(
        shape=(NUM_QUESTIONS, NUM_VARIANTS),
        pieces=[random_tokens(num_prompts, PROMPT_TOKENS, rng)],
        order=torch.arange(num_prompts),
        positive_weights=torch.ones(NUM_QUESTIONS),
        weights=torch.ones(NUM_QUESTIONS),
    )
    costs = {}
    with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        TrainingStep(ours, questions, recipe).backward(batches[:1])  # libraries choose their kernels
        ours.zero_grad()
        costs["released"] = _cost(device, lambda: released_step(theirs, batches, questions, recipe))
        for name, network in (("ours", ours), ("frugal", frugal)):
            step = TrainingStep(network, questions, recipe)
            costs[name] = _cost(device, lambda step=step: step.backward(batches))
    errors = [
        float((found.grad - want.grad).norm() / want.grad.norm().clamp_min(1e-12))
        for network in (ours, frugal)
        for found, want in zip(trained_parameters(network).values(), trained_parameters(theirs).values(), strict=True)
    ]
    report(
        largest_error=max(errors),
        **{f"{name}_s": seconds for name, (seconds, _) in costs.items()},
        **{f"{name}_peak_mb": megabytes for name, (_, megabytes) in costs.items()},
    )


def _cost(device: torch.device, work: Callable[[], object]) -> tuple[float, float]:
    """Return seconds and MB: on a GPU all that it held, on a CPU processor time and what came on top of what was there."""
    if device.type != "cuda":
        with measured() as cost:
            work()
        return cost.cpu_s, cost.peak_mb  # of the processor: a busy machine takes nothing away from it
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - start, torch.cuda.max_memory_allocated() / 2**20


def measure_losses(device: torch.device) -> None:
    """Time the contrastive loss of 4,096 pairs with its gradient, in one piece and in chunks of columns."""
    generator = torch.Generator().manual_seed(0)
    images, texts = (torch.randn(FULL_PAIRS, FULL_WIDTH, generator=generator).to(device) for _ in range(2))
    scales = [torch.tensor(value, device=device, requires_grad=True) for value in (2.3026, -10.0)]
    images.requires_grad_()
    texts.requires_grad_()
    seconds, peaks = {}, {}
    for name, loss in (
        ("whole", lambda: siglip_loss(images, texts, *scales)),
        ("chunks", lambda: siglip_share(images, texts, 0, *scales)),
    ):
        loss().backward()  # libraries choose their kernels
        seconds[name], peaks[name] = _cost(device, lambda loss=loss: loss().backward())
    report(
        whole_s=seconds["whole"],
        chunks_s=seconds["chunks"],
        released_s=FULL_MICRO_BATCHES * seconds["whole"],
        whole_mb=peaks["whole"],
        chunks_mb=peaks["chunks"],
    )


def main() -> None:
    device = torch.device(sys.argv[2])
    if sys.argv[1] == "losses":
        measure_losses(device)
    else:
        measure_step(device, sys.argv[3], *map(int, sys.argv[4:7]))


if __name__ == "__main__":
    main()
