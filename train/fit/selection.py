"""Which checkpoint is the best: text-to-image mean rank on reports held out of training."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import torch
from torch import Tensor

from napari_ct_grounding.model.radfinder.model import RadFinderNetwork
from train.data.stored_features import FeatureStore
from train.distributed import gather_rows, num_processes, process_index
from train.fit.micro_batches import Tokenizer, arranged
from train.fit.report_text import report_text
from train.metrics.retrieval import ranking_of

__all__ = ["held_out_scans", "text_to_image_mean_rank"]


def held_out_scans(store: FeatureStore, scans: Sequence[int], num_reports: int) -> tuple[list[int], list[int]]:
    """Return (scans to train on, scans to choose by): whole patients, at most a tenth of them, one scan per report.

    Taken out of the training scans, because choosing by the validation split would spoil its figures. The same patients are
    held out whatever the seed.
    """
    by_patient: dict[str, list[int]] = {}
    for i in scans:
        by_patient.setdefault(store.records[i].patient_id, []).append(i)
    order = sorted(by_patient, key=lambda patient: hashlib.blake2b(patient.encode()).digest())
    held_out: dict[tuple[str, str], int] = {}
    chosen: set[str] = set()
    for patient in order[: len(order) // 10]:
        if len(held_out) >= num_reports:
            break
        chosen.add(patient)
        for i in by_patient[patient]:
            held_out.setdefault((store.records[i].dataset, store.records[i].report_id), i)
    kept = [i for patient, of in by_patient.items() if patient not in chosen for i in of]
    return sorted(kept), sorted(held_out.values())[:num_reports]


@torch.no_grad()
def text_to_image_mean_rank(
    network: RadFinderNetwork,
    store: FeatureStore,
    scans: Sequence[int],
    tokenize: Tokenizer,
    min_tokens: int,
    at_once: int,
    autocast: Callable[[], AbstractContextManager[object]],
) -> float:
    """Return the mean rank (from 1) of each report's own scan among all; equal similarities share their places.

    Reports are read whole, without the variations of training. Reports of fewer than `min_tokens` tokens say nothing and are left
    out. Processes share the work; each returns the same figure.
    """
    device, dtype = network.criterion.t.device, network.head_dtype
    was_training = network.training
    network.eval()
    own = list(scans[process_index() :: num_processes()])
    images, texts = [], []
    for start in range(0, len(own), at_once):
        chunk = own[start : start + at_once]
        reports = [store.records[i].texts for i in chunk]
        tokens = tokenize([report_text(of.findings, of.impressions) for of in reports])
        rows = (tokens.mask.sum(dim=1) >= min_tokens).nonzero()[:, 0]
        if not len(rows):
            continue
        features = arranged([store.features(chunk[row]) for row in rows.tolist()], device)
        with autocast():
            whole = network.whole_vector(features.cls.to(dtype), features.patch_average.to(dtype), features.grids)
            images.append(network.projection_image(whole).float())
            texts.append(network.embed_texts(tokens.ids[rows].to(device), tokens.mask[rows].to(device))[1].float())
    network.train(was_training)
    gathered = [gather_rows(_stacked(part, network))[0].cpu().numpy() for part in (texts, images)]
    ranks = ranking_of(*gathered).rank
    return float(ranks.mean()) + 1 if len(ranks) else float("nan")


def _stacked(parts: list[Tensor], network: RadFinderNetwork) -> Tensor:
    empty = torch.zeros(0, network.config.embedding_dim, device=network.criterion.t.device)
    return torch.cat([empty, *parts])
