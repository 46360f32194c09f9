"""How often coarser numbers move an answer: phantoms through seeded weights, in float32 and in bfloat16 (or int8).

::

    python -m tests.benchmarks.moved_answers [--phantoms 8] [--sentences 64] [--layers 24] [--dim 1080]
    python -m tests.benchmarks.moved_answers --with int8     weights and inputs of the window encoder's products in 8 bits
    python -m tests.benchmarks.moved_answers --bundled       trained weights: the bundled ones, image side in bfloat16

The image side has the released size by default; the text encoder is as deep as the released one, but narrower. Weights and
sentences (token ids) are drawn from seeds. Drawn weights tell depths apart far less clearly than trained ones do, so the
figures are on the pessimistic side. To save time only the middle of each phantom is encoded: one window wide, all of its
height.
"""

from __future__ import annotations

import argparse
import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES, prompt_pairs
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.inference.session import GroundingSession
from napari_ct_grounding.model.radfinder.config import EncoderConfig, RadFinderConfig, TextConfig
from napari_ct_grounding.model.radfinder.model import RadFinderModel
from napari_ct_grounding.phantom import generate
from tests.benchmarks.measure import report

TEXT_BACKBONE = {
    "model_type": "qwen3",
    "vocab_size": 512,
    "hidden_size": 256,
    "num_hidden_layers": 28,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 32,
    "intermediate_size": 768,
    "rms_norm_eps": 1e-6,
    "rope_theta": 1e6,
}
#: Asked of the bundled weights beside the phantoms' own findings.
SENTENCES = (
    "Level of the carina.",
    "Aortic arch calcification.",
    "Gallstone.",
    "Cyst in the left kidney.",
    "Lesion in the right lobe of the liver.",
    "Pleural effusion on the left.",
    "Hiatal hernia.",
    "Fracture of the sternum.",
)
PHANTOM_SPACING_MM = (3.0, 1.5, 1.5)
WIDTH_MM = 96.0


def seeded_model(dim: int, num_layers: int) -> RadFinderModel:
    """Draw every weight, spread as in a trained network: norms and scales near 1, products that keep their input's size."""
    config = RadFinderConfig(
        encoder=EncoderConfig(dim=dim, num_layers=num_layers),
        combiner=EncoderConfig(dim=dim, num_layers=4, rope_base=100.0),
        text=TextConfig(backbone=dict(TEXT_BACKBONE), lora_rank=0),
    )
    torch.manual_seed(0)
    model = RadFinderModel(config, None).eval().requires_grad_(False)
    for name, parameter in model.named_parameters():
        if name.endswith("original0") or "norm" in name:
            parameter.normal_(1.0, 0.1)
        elif name.endswith("gamma"):
            parameter.normal_(0.3, 0.03)
        elif name.endswith("bias"):
            parameter.normal_(0.0, 0.1)
        elif parameter.ndim >= 2 and "embed_tokens" not in name and "cls_token" not in name:
            parameter.normal_(0.0, 1.5 / math.sqrt(parameter[0].numel()))
    return model


def middle_of_phantom(seed: int) -> CTVolume:
    """One window's width of a chest-abdomen phantom, all of its height."""
    volume = generate(seed, spacing_mm=PHANTOM_SPACING_MM, z_range=(-200.0, 100.0)).volume
    _, rows, columns = volume.hu.shape
    size = round(WIDTH_MM / PHANTOM_SPACING_MM[1])
    y, x = (rows - size) // 2, (columns - size) // 2
    hu = volume.hu[:, y : y + size, x : x + size]
    return CTVolume(hu, volume.geometry.cropped((0, y, x), hu.shape))


def texts(model: RadFinderModel, num_texts: int) -> tuple[Tensor, Tensor]:
    """Unit vectors (n, e) of drawn sentences for localization and for reports, in float32."""
    generator = torch.Generator().manual_seed(1)
    parts: list[tuple[Tensor, Tensor]] = []
    with torch.inference_mode():
        for _ in range(num_texts):
            length = int(torch.randint(6, 24, (), generator=generator))
            ids = torch.randint(0, TEXT_BACKBONE["vocab_size"], (1, length), generator=generator)
            parts.append(model.model.embed_texts(ids, torch.ones_like(ids)))
    localization, reports = (torch.cat(vectors).float() for vectors in zip(*parts, strict=True))
    return normalize(localization, dim=-1), normalize(reports, dim=-1)


def disease_scores(disease: NDArray, reports: Tensor) -> NDArray:
    """Score of each disease (18,): softmax of one positive against one negative prompt."""
    prompts = reports.numpy()[: 2 * len(CT_RATE_DISEASES)].reshape(len(CT_RATE_DISEASES), 2, -1)
    cosines = prompts @ disease
    return 1 / (1 + np.exp(cosines[:, 1] - cosines[:, 0]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--phantoms", type=int, default=8)
    parser.add_argument("--sentences", type=int, default=64)
    parser.add_argument("--layers", type=int, default=24)
    parser.add_argument("--dim", type=int, default=1080)
    parser.add_argument("--with", dest="coarse", choices=("bfloat16", "int8"), default="bfloat16")
    parser.add_argument("--bundled", action="store_true")
    options = parser.parse_args()
    if options.bundled:
        report(**bundled(options.phantoms))
        return
    volumes = [middle_of_phantom(seed) for seed in range(options.phantoms)]
    model = seeded_model(options.dim, options.layers)
    num_texts = max(options.sentences, 2 * len(CT_RATE_DISEASES))
    found = {}
    for precision in ("float32", options.coarse):
        if precision == "int8":
            model.model.backbone_image = in_int8(model.model.backbone_image)
        else:
            model.set_precision(precision)
        localization, reports = texts(model, num_texts)
        found[precision] = [
            (localization[: options.sentences].numpy() @ seen.depth.T, disease_scores(seen.disease, reports), seen)
            for seen in (model.encode_volume(volume, coverage="paper") for volume in volumes)
        ]
    report(**compared(found["float32"], found[options.coarse]))


def in_int8(encoder: torch.nn.Module) -> torch.nn.Module:
    """Return the encoder with the linear layers of its blocks in 8 bits, inputs rounded as they come, a scale per channel."""
    from torch.ao.quantization import per_channel_dynamic_qconfig, quantize_dynamic

    encoder.blocks = quantize_dynamic(encoder.blocks, {torch.nn.Linear: per_channel_dynamic_qconfig})
    return encoder


def bundled(num_phantoms: int) -> dict[str, float]:
    """Figures for the bundled weights, on whole phantoms and the sentences of their own reports."""
    session = GroundingSession.from_pretrained("bundled", device="cpu", cache=None)
    exact, rounded = [], []
    with torch.inference_mode():
        for seed in range(num_phantoms):
            phantom = generate(seed)
            text = session.model.embed_sentences([finding.sentence for finding in phantom.findings] + list(SENTENCES))
            prompts = [prompt for name in CT_RATE_DISEASES for prompt in prompt_pairs(name)[0]]
            reports = torch.from_numpy(session.model.embed_sentences(prompts).report)
            for found, is_rounded in ((exact, False), (rounded, True)):
                with torch.autocast("cpu", torch.bfloat16, enabled=is_rounded):
                    seen = session.model.encode_volume(phantom.volume, coverage=session.coverage)
                found.append((text.localization @ seen.depth.T, disease_scores(seen.disease, reports), seen))
    return compared(exact, rounded)


def compared(exact: list, rounded: list) -> dict[str, float]:
    """Figures over all phantoms and sentences; distances in mm, shares from 0 to 1."""
    moved_mm, lost, ranges, errors = [], [], [], []
    swapped, is_same_first, is_same_five = [], [], []
    for (profiles, scores, seen), (profiles_16, scores_16, _) in zip(exact, rounded, strict=True):
        best, best_16 = profiles.argmax(axis=1), profiles_16.argmax(axis=1)
        rows = np.arange(len(profiles))
        moved_mm += list(np.abs(seen.depths_mm[best] - seen.depths_mm[best_16]))
        ranges += list(np.ptp(profiles, axis=1))
        lost += list((profiles[rows, best] - profiles[rows, best_16]) / np.ptp(profiles, axis=1))
        errors += list(np.abs(profiles - profiles_16).max(axis=1))
        order, order_16 = np.argsort(-scores), np.argsort(-scores_16)
        pairs = np.triu_indices(len(scores), 1)
        above = scores[:, None] > scores
        swapped.append((above != (scores_16[:, None] > scores_16))[pairs].mean())
        is_same_first.append(order[0] == order_16[0])
        is_same_five.append(set(order[:5]) == set(order_16[:5]))
    moved = np.array(moved_mm)
    return {
        "num_answers": len(moved),
        "moved": float((moved > 0).mean()),
        "moved_beyond_12_mm": float((moved > 12.5).mean()),
        "median_profile_range": float(np.median(ranges)),
        "median_largest_error": float(np.median(errors)),
        "largest_loss_of_range": float(np.max(lost)),
        "disease_pairs_swapped": float(np.mean(swapped)),
        "same_first_disease": float(np.mean(is_same_first)),
        "same_first_five": float(np.mean(is_same_five)),
    }


if __name__ == "__main__":
    main()
