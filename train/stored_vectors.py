"""The vectors of stored scans and of their reports, by some weights: what all protocols of evaluation start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from napari_ct_grounding.model.radfinder.model import RadFinderModel
from train.data.stored_features import FeatureStore, ScanRecord
from train.fit.report_text import report_text

__all__ = ["StoredVectors", "embed_stored"]


@dataclass(frozen=True, eq=False)
class StoredVectors:
    """n scans, all vectors of unit length.

    Parameters
    ----------
    records : tuple of ScanRecord
    retrieval, disease : NDArray[float32], (n, e)
    depth : tuple of NDArray[float32], (d, e) each
    report : NDArray[float32], (n, e)
        Of the report's text; the same texts have the same vector.
    """

    records: tuple[ScanRecord, ...]
    retrieval: NDArray[np.float32]
    disease: NDArray[np.float32]
    depth: tuple[NDArray[np.float32], ...]
    report: NDArray[np.float32]


@torch.inference_mode()
def embed_stored(
    store: FeatureStore, scans: Sequence[int], model: RadFinderModel, shows_progress: bool = True
) -> StoredVectors:
    """Embed scans of a store, one by one, and their reports in the form that training reads.

    Parameters
    ----------
    store : FeatureStore
    scans : sequence of int
        Indices in its `records`.
    model : RadFinderModel
        In evaluation mode, on its device.
    shows_progress : bool
    """
    rows: list[tuple[NDArray[np.float32], ...]] = []
    for index in tqdm(scans, desc="scans", unit="scan", disable=not shows_progress):
        features = store.features(index)
        cls, average, depth = (
            torch.from_numpy(np.asarray(part, dtype=np.float32))[None].to(model.device)
            for part in (features.cls, features.patch_average, features.depth)
        )
        vectors = model.model.embed_scans(cls, average, depth, [store.records[index].place.grid_hwd])
        rows.append(tuple(_unit(part[0]) for part in (vectors.retrieval, vectors.disease, vectors.depth)))
    retrieval, disease, depths = zip(*rows, strict=True)
    records = tuple(store.records[index] for index in scans)
    texts = [report_text(record.texts.findings, record.texts.impressions) for record in records]
    distinct = list(dict.fromkeys(texts))
    vector_of = dict(zip(distinct, model.embed_sentences(distinct).report, strict=True))
    return StoredVectors(
        records, np.stack(retrieval), np.stack(disease), depths, np.stack([vector_of[text] for text in texts])
    )


def _unit(vectors: Tensor) -> NDArray[np.float32]:
    return functional.normalize(vectors.float(), dim=-1).cpu().numpy()
