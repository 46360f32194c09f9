"""Made-up encodings for the tests of the cache; imports no torch, so that many processes can start quickly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from napari_ct_grounding.inference.cache import EncodingKey


def a_key(number: int = 0, **changes: str) -> EncodingKey:
    return replace(EncodingKey(f"{number:032x}", "ab" * 8, "oracle-1", "masked", "float32"), **changes)


def embedding_fields(seed: int = 0, num_depths: int = 7) -> dict[str, Any]:
    """Return the fields of `ImageEmbeddings` at random."""
    rng = np.random.default_rng(seed)
    return {
        "depth": rng.standard_normal((num_depths, 4), dtype=np.float32),
        "depths_mm": rng.standard_normal(num_depths).cumsum(),
        "is_valid": rng.random(num_depths) < 0.5,
        "depth_width_mm": float(rng.random()),
        "retrieval": rng.standard_normal(4, dtype=np.float32),
        "disease": rng.standard_normal(4, dtype=np.float32),
        "covered_mm": (-float(rng.random()), float(rng.random())),
        "covered_body_fraction": float(rng.random()),
    }
