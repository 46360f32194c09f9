"""The recipe of a released-type network: what trains, on which texts, with which losses; and the released faults."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from train.losses.disease_prompts import SAMPLINGS
from train.recipe_reading import not_above, not_one_of

__all__ = [
    "PARTS",
    "AdamRecipe",
    "NetworkRecipe",
    "ObjectiveRecipe",
    "RadFinderRecipe",
    "ReleasedFaults",
    "ReportRecipe",
    "StepRecipe",
    "problems_of",
]

#: What a sentence's target looks like along depth, see `train.losses.localization`.
TARGETS = ("range", "position", "extent")
PRECISIONS = ("float32", "bfloat16")
#: Parts of a network that may begin anew instead of from the weights that training starts from.
FRESH_PARTS = ("combiner", "heads", "lora", "scale")


@dataclass(frozen=True)
class NetworkRecipe:
    """What of a released-type network trains, and how.

    Parameters
    ----------
    fresh : list of str
        Parts that begin anew instead of from the starting weights, of `FRESH_PARTS`.
    rope_rescale : float
        Coordinates of the combiner's windows are multiplied by a factor drawn between its inverse and it; 1 switches it off.
    lora_dropout : float
    checkpoint_activations : bool
        Compute the inside of each block again in the backward pass: less memory, a third more time.
    """

    fresh: list[str] = field(default_factory=list)
    rope_rescale: float = 2.0
    lora_dropout: float = 0.05
    checkpoint_activations: bool = False


@dataclass(frozen=True)
class ReportRecipe:
    """How a report's text is drawn, and what is cut off.

    Parameters
    ----------
    organ_list_chance : float
        Findings become a shuffled list by organ, where there is one.
    no_comparison_chance : float
        Both parts are taken in the version that does not speak of earlier studies.
    drop_findings_chance : float
        If not that: findings are left out.
    min_tokens : int
        Shorter reports say nothing and take no part in the contrast; the scan keeps its labels.
    max_tokens, max_prompt_tokens : int
    """

    organ_list_chance: float = 0.15
    no_comparison_chance: float = 0.214
    drop_findings_chance: float = 0.176
    min_tokens: int = 11
    max_tokens: int = 4096
    max_prompt_tokens: int = 512


@dataclass(frozen=True)
class StepRecipe:
    """One optimizer step sees ``micro_batch x num_micro_batches`` scans in each process.

    Parameters
    ----------
    micro_batch : int
        Scans whose graph is in memory at a time.
    num_micro_batches : int
    texts_at_once : int
        Prompts that are encoded together.
    """

    micro_batch: int = 16
    num_micro_batches: int = 256
    texts_at_once: int = 256


@dataclass(frozen=True)
class ObjectiveRecipe:
    """Weights and shape of the three losses; each is a mean over all of a step's scans, sentences or known labels.

    Parameters
    ----------
    siglip, localization, prompts : float
        Weights. The defaults are what the released numbers amount to at the released sizes.
    target : str
        One of `TARGETS`.
    sigma : float
        Softness of the target, in depth positions.
    extent_share : float
        For "extent": sigma as a share of a finding's height, where that is more.
    temperature : float
        Tau of the localization cosines.
    prompt_sampling : str
        One of `SAMPLINGS`.
    num_variants : int
        Pairs of sentences that a question has.
    label_smoothing : float
    largest_positive_weight : float
    question_weight, ct_rate_question_weight : float
        Of a question, and of the 18 CT-RATE ones.
    excludes_same_reports : bool
        Pairs whose reports say the same are not asked about; the released recipe counts them as different.
    """

    siglip: float = 1.0
    localization: float = 1.0
    prompts: float = 8.0
    target: str = "range"
    sigma: float = 2.0
    extent_share: float = 0.18
    temperature: float = 0.1
    prompt_sampling: str = "random_1"
    num_variants: int = 3
    label_smoothing: float = 0.0
    largest_positive_weight: float = 20.0
    question_weight: float = 1.0
    ct_rate_question_weight: float = 5.0
    excludes_same_reports: bool = True


@dataclass(frozen=True)
class AdamRecipe:
    """AdamW: linear warm-up over some epochs, then a half cosine; biases, norms and layer scales do not decay."""

    learning_rate: float = 2e-4
    min_learning_rate: float = 1e-6
    beta1: float = 0.9
    beta2: float = 0.95
    weight_decay: float = 1e-4
    warmup_epochs: float = 1.0
    clip_norm: float = 1.0


@dataclass(frozen=True)
class ReleasedFaults:
    """What the released code does wrong, each switched back on by its name; all off by default.

    Parameters
    ----------
    repeats_scale_gradient : bool
        Temperature and bias get the contrastive gradient once per micro-batch, 256 times too much, and with it nearly all of the
        clipped norm (SPEC section 9, no. 1).
    broadcast_into_clone : bool
        With several processes the gradient of the texts is wrong (no. 2, DATA section 4); no effect in one process.
    forgets_padding : bool
        Sentences of scans below one window aim beside their place, and padding counts as part of the scan (no. 3).
    leaks_leftovers : bool
        What is left of an epoch after its last whole step adds its localization gradient to the next epoch's first step (no. 11).
        Otherwise it is a smaller step of its own.
    redraws_dropout : bool
        The second embedding of a micro-batch draws other dropout than the one that the loss has seen (section 6).
    sums_micro_batches : bool
        The localization loss is a sum of means over micro-batches, and the prompt loss over groups of `prompt_group`
        scans, so that the weights of the losses depend on how a batch is cut (section 6).
    prompt_group : int
        Scans in such a group.
    """

    repeats_scale_gradient: bool = False
    broadcast_into_clone: bool = False
    forgets_padding: bool = False
    leaks_leftovers: bool = False
    redraws_dropout: bool = False
    sums_micro_batches: bool = False
    prompt_group: int = 256


@dataclass(frozen=True)
class RadFinderRecipe:
    """Training of a released-type network on stored features: combiner, heads, low-rank text updates, temperature and bias.

    Parameters
    ----------
    seed : int
    epochs : int
    num_threads : int
        On a CPU.
    precision : str
        "bfloat16" computes the networks in it; losses and weights stay float32.
    checkpoint_minutes : float
    validate_every : int
        Steps between two looks at held-out reports, which choose the weights that are exported.
    num_held_out : int
        Reports held out of the training scans for that, by patient; at most a tenth of the patients.
    prompts_file : str
        JSON: label name to pairs of sentences (yes, no), `num_variants` each, beside the recipe; labels it does not
        name take the pairs of the released evaluation.
    """

    seed: int = 42
    epochs: int = 10
    num_threads: int = 2
    precision: str = "bfloat16"
    checkpoint_minutes: float = 20.0
    validate_every: int = 25
    num_held_out: int = 1564
    prompts_file: str = ""
    network: NetworkRecipe = field(default_factory=NetworkRecipe)
    report: ReportRecipe = field(default_factory=ReportRecipe)
    step: StepRecipe = field(default_factory=StepRecipe)
    loss: ObjectiveRecipe = field(default_factory=ObjectiveRecipe)
    optimizer: AdamRecipe = field(default_factory=AdamRecipe)
    released: ReleasedFaults = field(default_factory=ReleasedFaults)


PARTS: dict[str, type] = {
    "network": NetworkRecipe,
    "report": ReportRecipe,
    "step": StepRecipe,
    "loss": ObjectiveRecipe,
    "optimizer": AdamRecipe,
    "released": ReleasedFaults,
}


def problems_of(recipe: RadFinderRecipe) -> list[str]:
    """Return what is out of range, in words."""
    loss, step, report = recipe.loss, recipe.step, recipe.report
    problems = [
        not_one_of("loss.prompt_sampling", loss.prompt_sampling, SAMPLINGS),
        not_one_of("loss.target", loss.target, TARGETS),
        not_one_of("precision", recipe.precision, PRECISIONS),
        *(not_one_of("network.fresh", part, FRESH_PARTS) for part in recipe.network.fresh),
        *(not_above(name, getattr(recipe, name)) for name in ("epochs", "num_threads", "validate_every")),
        *(not_above(f"step.{field.name}", getattr(step, field.name)) for field in dataclasses.fields(step)),
        *(not_above(f"loss.{name}", getattr(loss, name)) for name in ("temperature", "num_variants")),
        *(not_above(f"report.{name}", getattr(report, name)) for name in ("max_tokens", "max_prompt_tokens")),
        not_above("optimizer.learning_rate", recipe.optimizer.learning_rate),
        not_above("released.prompt_group", recipe.released.prompt_group),
    ]
    if loss.target != "position":
        problems.append(not_above("loss.sigma", loss.sigma))
    if step.micro_batch * step.num_micro_batches < 2:
        problems.append("a step holds 1 scan; the contrastive loss needs at least 2")
    if recipe.network.rope_rescale < 1:
        problems.append(f"network.rope_rescale is {recipe.network.rope_rescale}; it must be at least 1")
    for name in ("organ_list_chance", "no_comparison_chance", "drop_findings_chance"):
        if not 0 <= getattr(report, name) <= 1:
            problems.append(f"report.{name} is {getattr(report, name)}; it must lie between 0 and 1")
    return [problem for problem in problems if problem]
