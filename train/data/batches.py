"""From cached phantoms to batches: a part of each scan, changed, with the sentences that are true of what is left."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES
from napari_ct_grounding.model.slab.text import split_parts
from napari_ct_grounding.phantom.catalogue import FINDINGS, finding_target, split_target
from napari_ct_grounding.phantom.scan import Target
from train.data.augmentation import DepthMap, augment, draw_depth_map, resample_depth
from train.data.detections import detection_labels
from train.data.phantoms import CachedPhantom, read_slabs
from train.data.text import FrozenText, WordingBank, draw_language, phantom_report

__all__ = ["Batch", "BatchMaker", "BatchSettings", "PlacedTarget", "prefetched"]

#: A target less visible than this is left out: its sentence would point beyond the scan.
MIN_VISIBLE_FRACTION = 0.5


@dataclass(frozen=True)
class BatchSettings:
    """How batches are made.

    Parameters
    ----------
    num_scans : int
    num_sentences : int
        Of each scan, findings first.
    crop_chance : float
        How often a part of the scan's range is taken.
    max_slabs, min_slabs : int
        Of a part.
    strength : float
        Of the augmentation, see `augment`.
    german_share : float
    num_nowhere : int
        Of each scan: sentences that speak of no place in it, half of them of landmarks outside, half of nothing visible.
    num_claims : int
        Of each scan: single sentences, half of them true.
    num_other_reports : int
        Reports of other scans that the contrastive loss tells apart from the batch's own.
    """

    num_scans: int = 8
    num_sentences: int = 24
    crop_chance: float = 0.5
    max_slabs: int = 96
    min_slabs: int = 24
    strength: float = 1.0
    german_share: float = 0.35
    num_nowhere: int = 0
    num_claims: int = 12
    num_other_reports: int = 56


@dataclass(frozen=True)
class PlacedTarget:
    """A target in new slabs: `centre` and `extent` of what is visible."""

    target: Target
    centre: float
    extent: float


@dataclass(frozen=True, eq=False)
class Batch:
    """One step's worth of scans and sentences.

    Parameters
    ----------
    hu : Tensor, (m, y, x)
        Real slabs of all scans, one after the other.
    mask : Tensor[bool], (b, n)
        Where they lie.
    owner : Tensor[int], (s,)
        Scan of each sentence.
    is_placed : Tensor[bool], (s,)
        Whether the sentence speaks of a place in its scan.
    centre, extent : Tensor, (s,)
        In slabs; 0 where there is no place.
    hidden : Tensor, (s, h)
        Vectors of the sentences.
    report_hidden : Tensor, (t, h)
        Vectors of the sentences of the scans' reports, then of other reports.
    report_owner : Tensor[int], (t,)
        Report of each, the scans' own first.
    is_same_report : Tensor[bool], (b, reports)
        Where the findings are the same, so that scans cannot be told apart by their reports.
    claim_hidden : Tensor, (c, h)
        Vectors of single sentences that are true of a scan or not.
    claim_owner : Tensor[int], (c,)
    claim_is_true : Tensor, (c,)
        1 or 0.
    detections : Tensor[bool], (m, detectors)
        What each slab shows, see `detection_labels`.
    labels : Tensor, (b, 18)
        1, 0, or -1 for unknown.
    """

    hu: Tensor
    mask: Tensor
    owner: Tensor
    is_placed: Tensor
    centre: Tensor
    extent: Tensor
    hidden: Tensor
    report_hidden: Tensor
    report_owner: Tensor
    is_same_report: Tensor
    claim_hidden: Tensor
    claim_owner: Tensor
    claim_is_true: Tensor
    detections: Tensor
    labels: Tensor

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        return Batch(**{f.name: getattr(self, f.name).to(device, non_blocking=True) for f in fields(self)})


class BatchMaker:
    """Makes the batch of any step, the same one each time for the same seed and step.

    Parameters
    ----------
    folder : Path
        The cache.
    phantoms : sequence of CachedPhantom
    bank : WordingBank
    frozen : FrozenText
    settings : BatchSettings
    seed : int
    """

    def __init__(
        self,
        folder: Path,
        phantoms: Sequence[CachedPhantom],
        bank: WordingBank,
        frozen: FrozenText,
        settings: BatchSettings,
        seed: int,
    ) -> None:
        self._folder = folder
        self._phantoms = phantoms
        self._bank = bank
        self._frozen = frozen
        self._settings = settings
        self._seed = seed
        # One report a phantom, in one language; all sentences at once, so that those of one length travel together.
        rng = np.random.default_rng([seed, 19])
        reports = [phantom_report(p, seed, draw_language(settings.german_share, rng)) for p in phantoms]
        frozen.add(part for report in reports for part in split_parts(report))
        self._report_rows = [frozen.add_report(report) for report in reports]
        self._findings = [
            frozenset(t.name for t in p.targets if t.is_finding and t.visible_fraction >= MIN_VISIBLE_FRACTION)
            for p in phantoms
        ]

    def make(self, step: int) -> Batch:
        """Return the batch of a step."""
        rng = np.random.default_rng([self._seed, 11, step])
        settings = self._settings
        per_epoch = max(1, len(self._phantoms) // settings.num_scans)
        order = np.random.default_rng([self._seed, 13, step // per_epoch]).permutation(len(self._phantoms))
        first = (step % per_epoch) * settings.num_scans
        hu, owners, centres, extents, rows, groups, findings = [], [], [], [], [], [], []
        claims: list[tuple[int, int, bool]] = []
        detections = []
        labels = np.zeros((settings.num_scans, len(CT_RATE_DISEASES)), dtype=np.float32)
        for scan, index in enumerate(order[first : first + settings.num_scans]):
            phantom = self._phantoms[index]
            slabs = torch.from_numpy(np.array(read_slabs(self._folder, phantom.seed)))
            depth = draw_depth_map(len(slabs), rng, settings.crop_chance, settings.max_slabs, settings.min_slabs)
            hu.append(augment(resample_depth(slabs, depth), rng, settings.strength))
            placed = placed_targets(phantom, depth)
            for item in self._chosen(placed, rng):
                owners.append(scan)
                centres.append(item.centre)
                extents.append(item.extent)
                rows.append(self._bank.draw(item.target.name, rng))
            nowhere = self._nowhere(phantom, depth, rng)
            rows += nowhere
            owners += [scan] * len(nowhere)
            centres += [math.nan] * len(nowhere)
            extents += [0.0] * len(nowhere)
            present = [item.target for item in placed if item.target.is_finding]
            labels[scan] = disease_labels(phantom, present)
            findings.append(frozenset(target.name for target in present))
            groups.append(self._report(int(index), present, depth, rng))
            claims += [(scan, row, is_true) for row, is_true in self._claims(phantom, present, rng)]
            detections.append(
                detection_labels(
                    [item.target.name for item in placed],
                    np.array([item.centre for item in placed]),
                    np.array([item.extent for item in placed]),
                    depth.num_slabs,
                )
            )
        mask = torch.zeros(len(hu), max(len(h) for h in hu), dtype=torch.bool)
        for scan, values in enumerate(hu):
            mask[scan, : len(values)] = True
        batch_indices = set(order[first : first + settings.num_scans].tolist())
        others = [int(i) for i in rng.permutation(len(self._phantoms)) if int(i) not in batch_indices]
        for other in others[: settings.num_other_reports]:
            groups.append(self._report_rows[other])
        told = [*findings, *(self._findings[other] for other in others[: settings.num_other_reports])]
        return Batch(
            hu=torch.cat(hu),
            mask=mask,
            owner=torch.tensor(owners),
            is_placed=~torch.tensor(centres).isnan(),
            centre=torch.tensor(centres, dtype=torch.float32).nan_to_num(),
            extent=torch.tensor(extents, dtype=torch.float32),
            hidden=self._frozen.hidden(rows),
            report_hidden=self._frozen.hidden([row for group in groups for row in group]),
            report_owner=torch.repeat_interleave(torch.tensor([len(group) for group in groups])),
            is_same_report=torch.tensor([[a == b for b in told] for a in findings]),
            claim_hidden=self._frozen.hidden([row for _, row, _ in claims]),
            claim_owner=torch.tensor([scan for scan, _, _ in claims]),
            claim_is_true=torch.tensor([float(is_true) for _, _, is_true in claims]),
            detections=torch.from_numpy(np.concatenate(detections)),
            labels=torch.from_numpy(labels),
        )

    def _claims(
        self, phantom: CachedPhantom, present: list[Target], rng: np.random.Generator
    ) -> list[tuple[int, bool]]:
        """Return rows of sentences with whether they are true: findings at their place and at another, said and denied."""
        claims: list[tuple[int, bool]] = []
        shown = {target.name for target in phantom.targets}  # what was cut off is not claimed either way
        kinds = {split_target(name)[0] for name in shown}
        diseases = {FINDINGS[kind].disease for kind in kinds if kind in FINDINGS}
        for number in rng.permutation(len(present))[: self._settings.num_claims // 4]:
            target = present[int(number)]
            kind = split_target(target.name)[0]
            claims.append((self._bank.draw(target.name, rng), True))
            places = [finding_target(kind, place) for place in FINDINGS[kind].places]
            elsewhere = [
                name for name in places if name not in shown and "both" not in name and "both" not in target.name
            ]
            if elsewhere:
                claims.append((self._bank.draw(elsewhere[int(rng.integers(len(elsewhere)))], rng), False))
            denied = FINDINGS[kind].disease or kind
            if self._bank.can_deny(denied):
                claims.append((self._bank.draw_denial(denied, rng), False))
        absent = [name for name in phantom.absent if name not in kinds and name not in diseases]
        while absent and len(claims) < self._settings.num_claims:
            name = absent[int(rng.integers(len(absent)))]
            of_name = [
                kind for kind in FINDINGS.values() if name in (kind.name, kind.disease) and kind.name not in kinds
            ]
            if of_name and rng.random() < 0.4:
                kind_absent = of_name[int(rng.integers(len(of_name)))]
                place = kind_absent.places[int(rng.integers(len(kind_absent.places)))]
                claims.append((self._bank.draw(finding_target(kind_absent.name, place), rng), False))
            else:
                claims.append((self._bank.draw_denial(name, rng), True))
        return claims

    def _chosen(self, placed: list[PlacedTarget], rng: np.random.Generator) -> list[PlacedTarget]:
        """Findings first, two wordings each while there is room, the rest landmarks."""
        room = self._settings.num_sentences
        findings = [item for item in placed if item.target.is_finding]
        rng.shuffle(findings)
        chosen = (findings * 2)[: room // 2]
        landmarks = [item for item in placed if not item.target.is_finding]
        rng.shuffle(landmarks)
        return chosen + landmarks[: room - len(chosen)]

    def _nowhere(self, phantom: CachedPhantom, depth: DepthMap, rng: np.random.Generator) -> list[int]:
        """Rows of sentences about landmarks of which nothing is seen, and of sentences about nothing that can be seen."""
        num = self._settings.num_nowhere
        seen = {item.target.name for item in placed_targets(phantom, depth, min_share=1e-3)}
        outside = [name for name in self._bank.landmarks if name not in seen]
        chosen = rng.permutation(len(outside))[: num // 2]
        rows = [self._bank.draw(outside[int(i)], rng) for i in chosen]
        return rows + [self._bank.draw_general(rng) for _ in range(num - num // 2)]

    def _report(self, index: int, present: list[Target], depth: DepthMap, rng: np.random.Generator) -> list[int]:
        """Rows of a report: the phantom's own while its range is whole, or sentences about what is left."""
        if not depth.is_cropped and rng.random() < 0.5:
            return self._report_rows[index]
        rows = [self._bank.draw(target.name, rng) for target in present]
        absent = self._phantoms[index].absent
        num_denials = min(len(absent), int(rng.integers(0 if rows else 1, 4)))
        rows += [self._bank.draw_denial(str(name), rng) for name in rng.choice(absent, num_denials, replace=False)]
        return rows or self._report_rows[index]


def placed_targets(
    phantom: CachedPhantom, depth: DepthMap, min_share: float = MIN_VISIBLE_FRACTION
) -> list[PlacedTarget]:
    """Return the targets of which at least a share (half by default) is still seen after a change of range."""
    z = np.asarray(phantom.z_mm)
    step_mm = float(z[1] - z[0])
    placed = []
    for target in phantom.targets:
        low, high = (depth.new_position((v - z[0]) / step_mm) for v in (target.z_lo_mm, target.z_hi_mm))
        seen_low, seen_high = max(low, -0.5), min(high, depth.num_slabs - 0.5)
        height = max(high - low, 1e-3)
        share = target.visible_fraction * (seen_high - seen_low) / height
        if share >= min_share:
            # The truth's own middle counts while nothing was cut off (a shape need not be symmetric).
            middle = (target.z_mm - z[0]) / step_mm
            is_whole = seen_low == low and seen_high == high
            centre = depth.new_position(middle) if is_whole else (seen_low + seen_high) / 2
            placed.append(PlacedTarget(target, float(centre), float(seen_high - seen_low)))
    return placed


def disease_labels(phantom: CachedPhantom, present: Sequence[Target]) -> NDArray[np.float32]:
    """Return 1 where a finding that makes the disease true is seen, -1 where it was cut off, else 0."""
    seen = {target.disease for target in present if target.disease}
    return np.array(
        [1.0 if name in seen else (-1.0 if name in phantom.diseases else 0.0) for name in CT_RATE_DISEASES],
        dtype=np.float32,
    )


def prefetched(maker: BatchMaker, first_step: int, num_makers: int = 1) -> Iterator[Batch]:
    """Yield batches from `first_step` on, made in threads beside the training step; their order does not depend on how many."""
    with ThreadPoolExecutor(num_makers) as pool:
        ahead = 2 + num_makers
        waiting = [pool.submit(maker.make, first_step + i) for i in range(ahead)]
        step = first_step + ahead
        try:
            while True:
                batch = waiting.pop(0).result()
                waiting.append(pool.submit(maker.make, step))
                step += 1
                yield batch
        finally:
            for job in waiting:
                job.cancel()
