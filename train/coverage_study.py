"""What coverage "full" gains over "paper": a small RadFinder-type network, trained as released, asked both ways.

::

    python -m train.coverage_study --out runs/coverage --minutes 20
    python -m train.coverage_study --out runs/coverage_anywhere --minutes 20 --crops anywhere

The released weights are too large to be trained here, so this trains a network of the same kind (window encoder, combiner,
heads; windows of 96 mm, depth positions of 12 mm) on phantoms: on their centre crop alone, as the released one was, or on
crops that begin anywhere. A learned vector for each landmark's name stands in for the text side. Held-out phantoms are then
encoded in both ways, through the same code as in the session, and every landmark of which at least half is in the scan is
asked for. What it can show: whether mixing two passes costs accuracy where one pass would do, and how far each way errs at
the scan's ends. What it cannot: the size of the released network's own error.

Two groups are told apart. *Inside*: the landmark's middle lies in what "paper" sees. *Outside*: it lies in the scan, but
not in that part. Intervals: 95 %, bootstrapped over scans.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from napari_ct_grounding.model.radfinder.config import RadFinderConfig
from napari_ct_grounding.model.radfinder.model import RadFinderModel
from napari_ct_grounding.model.radfinder.preprocessing import ScanWindows, cut_windows, prepare_windows
from napari_ct_grounding.phantom.catalogue import LANDMARKS
from napari_ct_grounding.phantom.scan import PhantomScan, generate_scan
from train.losses.localization import extent_targets, localization_loss

__all__ = ["CoverageError", "compare_coverages", "study_config", "summarise", "train_small"]

#: Coarse in plane, for speed; along z as released, since coverage is about z.
SPACING_MM = (3.0, 6.0, 6.0)
WINDOW = (32, 16, 16)
MIN_VISIBLE_FRACTION = 0.5
EMBEDDING_DIM = 64
SCANS_A_STEP = 4
LEARNING_RATE = 1e-3
#: Held-out phantoms have seeds of their own.
HELD_OUT_SEED = 6_000_000


@dataclass(frozen=True)
class CoverageError:
    """How far both ways of walking a scan were off for one landmark.

    Parameters
    ----------
    scan : int
        Seed of the phantom.
    landmark : str
    is_inside : bool
        Whether the landmark's middle lies in what "paper" sees.
    num_passes : int
        Passes that "full" made.
    paper_mm, full_mm : float
        Distance between the best depth and the landmark's middle.
    """

    scan: int
    landmark: str
    is_inside: bool
    num_passes: int
    paper_mm: float
    full_mm: float


def study_config() -> dict[str, Any]:
    """Return the network as a config.json in the released layout."""
    return {
        "model_type": "radfinder",
        "image_preprocessing": {"pixdim": list(SPACING_MM[::-1]), "sliding_window_size": list(WINDOW[::-1])},
        "radfinder_model_config": {
            "feature_comb_embed_dim": 96,
            "feature_comb_num_layers": 2,
            "feature_comb_num_heads": 4,
            "projection_dim": EMBEDDING_DIM,
            "projection_hidden_dim": 128,
            "projection_bottleneck_dim": 64,
            "backbone_kwargs": {"patch_size": [8, 8, 8], "embed_dim": 96, "depth": 2, "num_heads": 4},
            # Never run: landmarks have learned vectors instead of sentences.
            "text_backbone_config": {
                "model_type": "qwen3", "vocab_size": 8, "hidden_size": 12, "num_hidden_layers": 1, "num_attention_heads": 1,
                "num_key_value_heads": 1, "head_dim": 12, "intermediate_size": 12, "rope_theta": 1e6,
            },
        },
    }  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Example:
    """One training scan: its windows as released, and where each landmark lies, in depth positions."""

    windows: NDArray[np.float16]
    num_windows_hwd: tuple[int, int, int]
    landmark: NDArray[np.int64]
    centre: NDArray[np.float32]
    extent: NDArray[np.float32]


def _examples(scan: PhantomScan, crops: str, rng: np.random.Generator) -> list[_Example]:
    """The centre crop; for crops "anywhere" two more of its size, each beginning at some slice."""
    centred = prepare_windows(scan.volume, SPACING_MM, WINDOW).grid
    rest = scan.volume.hu.shape[0] - centred.shape[0]
    starts = [centred.start[0]]
    if crops == "anywhere" and rest > 0:
        starts += [int(start) for start in rng.integers(rest + 1, size=2)]
    grids = [replace(centred, start=(start, *centred.start[1:])) for start in starts]
    examples = [_example(scan, ScanWindows(cut_windows(scan.volume.hu, grid), grid)) for grid in grids]
    return [example for example in examples if example is not None]


def _example(scan: PhantomScan, windows: ScanWindows) -> _Example | None:
    depths_mm = windows.grid.depths_mm
    step_mm = depths_mm[1] - depths_mm[0]
    chosen = [
        target
        for target in scan.targets
        if not target.is_finding
        and target.visible_fraction >= MIN_VISIBLE_FRACTION
        and depths_mm[0] - step_mm / 2 <= target.z_mm <= depths_mm[-1] + step_mm / 2
    ]
    if not chosen:
        return None
    return _Example(
        windows.pixels,
        windows.num_windows_hwd,
        np.array([LANDMARKS.index(target.name) for target in chosen]),
        np.array([(target.z_mm - depths_mm[0]) / step_mm for target in chosen], dtype=np.float32),
        np.array([(target.z_hi_mm - target.z_lo_mm) / step_mm for target in chosen], dtype=np.float32),
    )


def _depth_vectors(model: RadFinderModel, example: _Example) -> Tensor:
    """Localization vectors (1, d, e) of one scan, not normalised."""
    pixels = torch.from_numpy(example.windows).float()
    grid = example.num_windows_hwd
    depth = model.model.backbone_image(pixels).depth.unflatten(0, grid)[None]
    return model.model.projection_image_copy(model.model.depth_vectors(depth, [grid]))


def train_small(
    seeds: Sequence[int], minutes: float, crops: str = "centre", seed: int = 0
) -> tuple[RadFinderModel, NDArray[np.float32]]:
    """Train on the phantoms of `seeds`; return the network and the unit vector (n, e) of each landmark.

    Parameters
    ----------
    seeds : sequence of int
    minutes : float
        Time for the steps, after the phantoms were made.
    crops : {"centre", "anywhere"}
        Where the windows of a training scan begin along z.
    seed : int
        Of the weights and of the order of the scans.
    """
    rng = np.random.default_rng(seed)
    examples = [e for s in seeds for e in _examples(generate_scan(s, spacing_mm=SPACING_MM), crops, rng)]
    print(f"{len(examples)} crops of {len(seeds)} training scans", flush=True)
    torch.manual_seed(seed)
    model = RadFinderModel(RadFinderConfig.from_dict(study_config()), None).train()
    names = nn.Embedding(len(LANDMARKS), EMBEDDING_DIM)
    image_side = [p for n, p in model.named_parameters() if "text" not in n and p.requires_grad]
    parameters = [*image_side, *names.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, weight_decay=1e-2, betas=(0.9, 0.95))
    started, step, recent = time.monotonic(), 0, 0.0
    while (share := (time.monotonic() - started) / (60 * minutes)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(1.0, (step + 1) / 100) * 0.5 * (1 + np.cos(np.pi * share))
        total = torch.zeros(())
        for index in rng.integers(len(examples), size=SCANS_A_STEP):
            example = examples[index]
            depth = _depth_vectors(model, example)
            num = len(example.landmark)
            valid = torch.ones(num, depth.shape[1], dtype=torch.bool)
            centre, extent = torch.from_numpy(example.centre), torch.from_numpy(example.extent)
            targets = extent_targets(centre, extent, valid, 0.6, 0.2)
            sentences = names(torch.from_numpy(example.landmark))
            loss = localization_loss(depth.expand(num, -1, -1), sentences, targets, valid, 10.0) / SCANS_A_STEP
            loss.backward()
            total += loss.detach()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        recent = float(total) if step == 1 else 0.98 * recent + 0.02 * float(total)
        if step % 100 == 0:
            print(f"step {step}, {share:.0%} of the time, loss {recent:.3f}", flush=True)
    return model.eval(), F.normalize(names.weight.detach(), dim=-1).numpy()


def compare_coverages(
    model: RadFinderModel, landmarks: NDArray[np.float32], seeds: Sequence[int]
) -> list[CoverageError]:
    """Ask for every landmark of the phantoms of `seeds` in both ways.

    Parameters
    ----------
    model : RadFinderModel
    landmarks : NDArray[float32], (n, e)
        Unit vectors in the order of the catalogue.
    seeds : sequence of int
    """
    errors = []
    for seed in seeds:
        scan = generate_scan(seed, spacing_mm=SPACING_MM)
        seen = {coverage: model.encode_volume(scan.volume, coverage=coverage) for coverage in ("paper", "full")}
        lo, hi = seen["paper"].covered_mm
        num_passes = 1 if seen["full"].covered_mm == seen["paper"].covered_mm else 2
        for target in scan.targets:
            if target.is_finding or target.visible_fraction < MIN_VISIBLE_FRACTION:
                continue
            vector = landmarks[LANDMARKS.index(target.name)]
            off = {}
            for coverage, embeddings in seen.items():
                profile = np.where(embeddings.is_valid, embeddings.depth @ vector, -np.inf)
                off[coverage] = abs(float(embeddings.depths_mm[int(profile.argmax())]) - target.z_mm)
            is_inside = lo <= target.z_mm <= hi
            errors.append(CoverageError(seed, target.name, is_inside, num_passes, off["paper"], off["full"]))
    return errors


def summarise(errors: Sequence[CoverageError], num_resamples: int = 2000, seed: int = 42) -> dict[str, Any]:
    """Return mean errors (mm) of both ways, and of full minus paper, in each group that is not empty.

    Groups: scans that "full" walks in two passes, inside and outside of what "paper" sees; all scans.
    """
    two = [error for error in errors if error.num_passes == 2]
    groups = {
        "inside, two passes": [error for error in two if error.is_inside],
        "outside, two passes": [error for error in two if not error.is_inside],
        "all": list(errors),
    }
    rng = np.random.default_rng(seed)
    summary = {}
    for name, group in groups.items():
        if not group:
            continue
        _, scans = np.unique([error.scan for error in group], return_inverse=True)
        values = np.array([(e.paper_mm, e.full_mm, e.full_mm - e.paper_mm) for e in group])
        num_scans = int(scans.max() + 1)
        totals = np.stack([np.bincount(scans, column, num_scans) for column in values.T], axis=1)
        counts = np.bincount(scans, minlength=num_scans)
        draws = rng.integers(num_scans, size=(num_resamples, num_scans))
        means = totals[draws].sum(axis=1) / counts[draws].sum(axis=1)[:, None]
        low, high = np.quantile(means, [0.025, 0.975], axis=0)
        summary[name] = {
            "num_landmarks": len(group),
            "num_scans": num_scans,
            **{
                f"{what}_mm": [round(float(v), 2) for v in (values[:, i].mean(), low[i], high[i])]
                for i, what in enumerate(("paper", "full", "full_minus_paper"))
            },
            "paper_median_mm": round(float(np.median(values[:, 0])), 2),
            "full_median_mm": round(float(np.median(values[:, 1])), 2),
        }
    return summary


def main() -> None:
    """Train, compare, write ``errors.json`` and ``summary.json``."""
    parser = argparse.ArgumentParser(prog="python -m train.coverage_study", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--minutes", type=float, default=15.0, help="time for training (default 15)")
    parser.add_argument("--crops", choices=("centre", "anywhere"), default="centre", help="of training scans")
    parser.add_argument("--train", type=int, default=500, help="number of training phantoms (default 500)")
    parser.add_argument("--held-out", type=int, default=200, help="number of held-out phantoms (default 200)")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    model, landmarks = train_small(range(options.train), options.minutes, options.crops)
    torch.save({"model": model.state_dict(), "landmarks": torch.from_numpy(landmarks)}, options.out / "small.pt")
    errors = compare_coverages(model, landmarks, range(HELD_OUT_SEED, HELD_OUT_SEED + options.held_out))
    (options.out / "errors.json").write_text(json.dumps([asdict(error) for error in errors]), encoding="utf-8")
    summary = summarise(errors)
    (options.out / "summary.json").write_text(json.dumps(summary, indent=2), encoding="utf-8")
    print(json.dumps(summary, indent=2))


if __name__ == "__main__":
    main()
