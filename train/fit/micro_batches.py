"""From stored scans to the micro-batches of an optimizer step, the same ones each time for the same seed and step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from train.data.scan_records import ScanFeatures, ScanRecord
from train.data.stored_features import FeatureStore
from train.fit.report_text import draw_report, report_key
from train.radfinder_recipe import RadFinderRecipe

__all__ = ["MicroBatch", "Snippets", "StepMaker", "StoredGrids", "Tokenizer", "Tokens", "arranged"]

Grid = tuple[int, int, int]


class Tokens(NamedTuple):
    """Token ids and mask (n, tokens) of texts."""

    ids: Tensor
    mask: Tensor

    def to(self, device: torch.device) -> Tokens:
        """Return them on a device."""
        return Tokens(self.ids.to(device), self.mask.to(device))


#: Texts to tokens, cut at a number of tokens.
Tokenizer = Callable[[Sequence[str]], Tokens]


class StoredGrids(NamedTuple):
    """Window features of b scans, zero-padded to their largest grid.

    Attributes
    ----------
    cls, patch_average : Tensor, (b, H, W, D, c)
    depth : Tensor, (b, H, W, D, k, c)
    grids : tuple of tuple of int
        Windows of each scan along (h, w, d).
    """

    cls: Tensor
    patch_average: Tensor
    depth: Tensor
    grids: tuple[Grid, ...]


@dataclass(frozen=True, eq=False)
class Snippets:
    """Placed sentences of a micro-batch.

    Parameters
    ----------
    tokens : Tokens, m rows
    owner : Tensor[int], (m,)
        Scan of the micro-batch that each belongs to.
    depth : Tensor[int], (m,)
        Depth position.
    low, high : Tensor, (m,)
        Ends of what is spoken of, in depth positions; half a position around `depth` where no extent is known.
    """

    tokens: Tokens
    owner: Tensor
    depth: Tensor
    low: Tensor
    high: Tensor


@dataclass(frozen=True, eq=False)
class MicroBatch:
    """Some scans of a step; their features are read when asked for, everything else is here.

    Parameters
    ----------
    features : callable
        Gives `StoredGrids` of the b scans on a device.
    is_valid : Tensor[bool], (b, d)
        Depth positions that show the scan.
    labels : Tensor, (b, q)
        1, 0, or -1 for unknown.
    reports : Tokens, r rows
        Reports long enough to say something.
    report_rows : Tensor[int], (r,)
        Their scans.
    report_keys : Tensor[int], (r,)
        Equal for reports that say the same.
    snippets : Snippets or None
    """

    features: Callable[[torch.device], StoredGrids]
    is_valid: Tensor
    labels: Tensor
    reports: Tokens
    report_rows: Tensor
    report_keys: Tensor
    snippets: Snippets | None


class StepMaker:
    """Deals scans to steps, processes and micro-batches.

    Reports are shuffled anew in each epoch, and of the scans that share a report one is drawn. A step takes
    ``micro_batch x num_micro_batches`` reports for each process; the last step of an epoch takes what is left, if at
    least 2, dealt evenly (with `ReleasedFaults.leaks_leftovers` it is no step, see `leftovers`). What is drawn for a
    scan depends on seed, epoch and scan alone, so the number of processes changes nothing.

    Parameters
    ----------
    store : FeatureStore
    scans : sequence of int
        Indices of the scans to train on.
    tokenize : Tokenizer
    recipe : RadFinderRecipe
    columns : sequence of int, optional
        Labels that are asked about; all by default.
    process, num_processes : int
    """

    def __init__(
        self,
        store: FeatureStore,
        scans: Sequence[int],
        tokenize: Tokenizer,
        recipe: RadFinderRecipe,
        columns: Sequence[int] | None = None,
        process: int = 0,
        num_processes: int = 1,
    ) -> None:
        self._store = store
        self._tokenize = tokenize
        self._recipe = recipe
        self._columns = list(range(len(store.label_names)) if columns is None else columns)
        self._process, self._num_processes = process, num_processes
        chosen = set(scans)
        groups = ([i for i in group if i in chosen] for group in store.scans_of_report.values())
        self._reports = [group for group in groups if group]
        self.scans_per_step = num_processes * recipe.step.micro_batch * recipe.step.num_micro_batches
        whole, left = divmod(len(self._reports), self.scans_per_step)
        is_step = left >= 2 and not recipe.released.leaks_leftovers
        self.steps_per_epoch = max(1, whole + is_step)

    def micro_batches(self, step: int) -> list[MicroBatch]:
        """Return this process's part of a step, counted from 0 over all epochs."""
        epoch, number = divmod(step, self.steps_per_epoch)
        order = self._order(epoch)
        return self._dealt(order[number * self.scans_per_step : (number + 1) * self.scans_per_step], epoch)

    def leftovers(self, epoch: int) -> list[MicroBatch]:
        """Return what is left of an epoch after its last step, in this process."""
        return self._dealt(self._order(epoch)[self.steps_per_epoch * self.scans_per_step :], epoch)

    def _order(self, epoch: int) -> list[int]:
        """Return one scan of each report, in the order of an epoch."""
        rng = np.random.default_rng([self._recipe.seed, 13, epoch])
        picks = rng.random(len(self._reports))
        return [self._reports[i][int(picks[i] * len(self._reports[i]))] for i in rng.permutation(len(self._reports))]

    def _dealt(self, scans: list[int], epoch: int) -> list[MicroBatch]:
        own = [int(i) for i in np.array_split(np.array(scans, dtype=np.int64), self._num_processes)[self._process]]
        drawn = {i: _DrawnTexts(self._store.records[i], self._recipe, epoch, i) for i in own}
        # The loss does not ask in which micro-batch a scan is: texts of one length together are padded least.
        if not self._recipe.released.sums_micro_batches:
            own.sort(key=lambda i: len(drawn[i].report))
        size = self._recipe.step.micro_batch
        return [self._made(own[k : k + size], drawn) for k in range(0, len(own), size)]

    def _made(self, scans: list[int], drawn: dict[int, _DrawnTexts]) -> MicroBatch:
        records = [self._store.records[i] for i in scans]
        tokens = self._tokenize([drawn[i].report for i in scans])
        rows = (tokens.mask.sum(dim=1) >= self._recipe.report.min_tokens).nonzero()[:, 0]
        is_valid = torch.zeros(len(scans), max(len(r.place.is_valid) for r in records), dtype=torch.bool)
        for row, record in zip(is_valid, records, strict=True):
            row[: len(record.place.is_valid)] = torch.from_numpy(record.place.is_valid)
        return MicroBatch(
            features=lambda device: arranged([self._store.features(i) for i in scans], device),
            is_valid=is_valid,
            labels=torch.from_numpy(np.stack([record.labels[self._columns] for record in records])),
            reports=Tokens(tokens.ids[rows], tokens.mask[rows]),
            report_rows=rows,
            report_keys=torch.tensor([report_key(records[row].texts) for row in rows.tolist()], dtype=torch.int64),
            snippets=self._snippets(records, [drawn[i].sentences for i in scans]),
        )

    def _snippets(self, records: list[ScanRecord], sentences: list[list[str]]) -> Snippets | None:
        placed = [(owner, snippet) for owner, record in enumerate(records) for snippet in record.snippets]
        if not placed:
            return None
        extents = [s.extent or (s.depth - 0.5, s.depth + 0.5) for _, s in placed]
        return Snippets(
            tokens=self._tokenize([text for texts in sentences for text in texts]),
            owner=torch.tensor([owner for owner, _ in placed]),
            depth=torch.tensor([snippet.depth for _, snippet in placed]),
            low=torch.tensor([low for low, _ in extents], dtype=torch.float32),
            high=torch.tensor([high for _, high in extents], dtype=torch.float32),
        )


class _DrawnTexts:
    """What is read of a scan in an epoch: one version of its report, one sentence of each of its snippets."""

    def __init__(self, record: ScanRecord, recipe: RadFinderRecipe, epoch: int, scan: int) -> None:
        rng = np.random.default_rng([recipe.seed, 23, epoch, scan])
        self.report = draw_report(record.texts, recipe.report, rng)
        self.sentences = [snippet.sentences[rng.integers(len(snippet.sentences))] for snippet in record.snippets]


def arranged(features: Sequence[ScanFeatures], device: torch.device) -> StoredGrids:
    """Return features of several scans side by side, zero-padded to the largest grid, float32 on a device."""
    grids: tuple[Grid, ...] = tuple(scan.cls.shape[:3] for scan in features)
    largest = [max(axis) for axis in zip(*grids, strict=True)]
    cls, patch_average, depth = (
        _side_by_side([getattr(scan, name) for scan in features], grids, largest).to(device).float()
        for name in ("cls", "patch_average", "depth")
    )
    return StoredGrids(cls, patch_average, depth, grids)


def _side_by_side(parts: list[NDArray[np.float16]], grids: Sequence[Grid], largest: list[int]) -> Tensor:
    """Return features in half precision, as they travel; they widen where they arrive."""
    whole = np.zeros((len(parts), *largest, *parts[0].shape[3:]), dtype=np.float16)
    for row, part, (h, w, d) in zip(whole, parts, grids, strict=True):
        row[:h, :w, :d] = part
    return torch.from_numpy(whole)
