"""Sentences with extents read off real scans: how far are the answers off?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_ct_grounding.core.localization_results import LocalizationCase, Truth
from napari_ct_grounding.core.profile import (
    decode_depth,
    depth_distribution,
    highest_density_interval,
    widened_interval,
)
from napari_ct_grounding.inference.case_list import CaseList
from napari_ct_grounding.model.slab.model import SlabModel
from napari_ct_grounding.readers import read_volume
from train.evaluate import Decoding
from train.metrics.bootstrap import NUM_RESAMPLES
from train.metrics.localization import Located, localization_summary

__all__ = ["evaluate_real", "locate_real", "real_cases"]


def evaluate_real(
    model: SlabModel, sentences_file: Path, data: Path, how: Decoding, num_resamples: int = NUM_RESAMPLES
) -> dict[str, Any]:
    """Return errors on sentences with extents read off real scans.

    Parameters
    ----------
    model : SlabModel
    sentences_file : Path
        JSON object whose "sentences" is a list of {"volume": path below `data`, "kind": "anatomy" or "finding", "language",
        "sentence", "z_lo_mm", "z_hi_mm"} in world z.
    data : Path
    how : Decoding
    num_resamples : int

    Returns
    -------
    dict
        "localization" (groups as of `localization_summary`), "interval" (mass, covers, median_width_mm), "largest_mm" (the
        largest error), and "cases": each sentence with its answer.
    """
    records = _records(sentences_file)
    located = locate_real(model, records, data, how)
    groups = {
        "real": located,
        "real anatomy": [item for item in located if not item.is_finding],
        "real findings": [item for item in located if item.is_finding],
        "real english": [item for item in located if item.language == "en"],
        "real german": [item for item in located if item.language == "de"],
    }
    errors = [abs(item.predicted_mm - item.z_mm) for item in located]
    return {
        "localization": {name: localization_summary(items, None, num_resamples) for name, items in groups.items()},
        "interval": {
            "mass": how.interval_mass,
            "covers": float(np.mean([item.interval_mm[0] <= item.z_mm <= item.interval_mm[1] for item in located])),
            "median_width_mm": float(np.median([item.interval_mm[1] - item.interval_mm[0] for item in located])),
        },
        "largest_mm": float(max(errors)),
        "cases": [
            {**record, "predicted_mm": round(item.predicted_mm, 1), "error_mm": round(error, 1)}
            for record, item, error in zip(records, located, errors, strict=True)
        ],
    }


def locate_real(model: SlabModel, records: Sequence[dict[str, Any]], data: Path, how: Decoding) -> list[Located]:
    """Return truth and answer of each record, in their order; every scan is encoded once."""
    found: dict[int, Located] = {}
    for number, name in enumerate(dict.fromkeys(record["volume"] for record in records)):
        image = model.encode_volume(read_volume(data / name), coverage="masked")
        chosen = [index for index, record in enumerate(records) if record["volume"] == name]
        vectors = model.embed_sentences([records[index]["sentence"] for index in chosen]).localization
        for index, vector in zip(chosen, vectors, strict=True):
            record, profile = records[index], image.depth @ vector
            low, high = float(record["z_lo_mm"]), float(record["z_hi_mm"])
            probability = depth_distribution(profile, how.interval_temperature)
            interval = highest_density_interval(probability, image.depths_mm, how.interval_mass)
            found[index] = Located(
                scan=number,
                target=record["sentence"],
                is_finding=record["kind"] == "finding",
                z_mm=(low + high) / 2,
                z_lo_mm=low,
                z_hi_mm=high,
                covered_mm=image.covered_mm,
                predicted_mm=decode_depth(profile, image.depths_mm, how.decoding, how.temperature),
                interval_mm=widened_interval(interval, how.interval_radius_mm, image.covered_mm, image.depth_width_mm),
                score=float(profile.max()),
                language=record["language"],
            )
    return [found[index] for index in range(len(records))]


def real_cases(sentences_file: Path, data: Path) -> CaseList:
    """Return the sentences of `evaluate_real` as cases that a batch grounds; kind and language make the category."""
    cases = (
        LocalizationCase(
            case=f"{record['volume']} {number}",
            scan=record["volume"],
            sentence=record["sentence"],
            category=f"{record['kind']}, {record['language']}",
            truth=Truth(float(record["z_lo_mm"]), float(record["z_hi_mm"])),
        )
        for number, record in enumerate(_records(sentences_file), start=1)
    )
    return CaseList(data, tuple(cases))


def _records(sentences_file: Path) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = json.loads(sentences_file.read_text(encoding="utf-8"))["sentences"]
    return records
