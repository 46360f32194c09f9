"""The command `calibrate`: cases, weights, and the card that keeps what was found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.inference.case_list import CaseList, read_cases
from napari_ct_grounding.inference.session import GroundingSession
from napari_ct_grounding.model.slab.model import SlabModel
from napari_ct_grounding.model.weights.loading import load_weights
from train.calibrate import calibrate, read_disease_labels, report_line
from train.calibration.cases import CalibrationSet, own_cases, phantom_cases
from train.data.phantoms import generate_cache, load_cache
from train.evaluate import encode_cached
from train.evaluation.real_sentences import real_cases
from train.export import read_card_record, write_card_record

__all__ = ["calibrate_command"]


def calibrate_command(
    weights: Path,
    cases: Path | None = None,
    *,
    data: Path | None = None,
    labels: Path | None = None,
    num_phantoms: int = 150,
    seed0: int = 7_000_000,
    cache: Path = Path("runs/calibration_cache"),
    num_workers: int = 2,
) -> dict[str, Any]:
    """Calibrate weights, write their card, print what was found, and return the card's new fields.

    Parameters
    ----------
    weights : Path
        Folder of weights; one without a card gets one.
    cases : Path, optional
        CSV or JSON list of sentences with places; phantoms by default.
    data : Path, optional
        Folder of the scans that a JSON list names.
    labels : Path, optional
        CSV of disease labels of the scans of `cases`.
    num_phantoms, seed0, cache, num_workers
        Which phantoms, where they are kept, and how many processes generate them.
    """
    loaded = load_weights(weights)
    record = read_card_record(weights)
    known: NDArray[np.int64] | None = None
    if cases is None:
        if not isinstance(loaded.model, SlabModel):
            raise InputError(
                f"The weights in {weights.name} are a {type(loaded.model).__name__}; phantoms are kept in the form of bundled "
                "weights alone. Name a list of own cases."
            )
        seeds = range(seed0, seed0 + num_phantoms)
        generate_cache(cache, seeds, loaded.model.frame, num_workers)
        asked = phantom_cases(encode_cached(loaded.model, cache, tqdm(load_cache(cache, seeds), desc="Phantoms")))
    else:
        listed = _listed(cases, data)
        asked = _encoded(weights, listed)
        if labels is not None:
            known = read_disease_labels(labels, list(dict.fromkeys(case.scan for case in listed.cases)))
    trained = record.get("trained_temperature")
    chosen = calibrate(asked, loaded.model.embed_sentences, loaded.card, trained_temperature=trained, labels=known)
    write_card_record(weights, {**record, **chosen})
    print(report_line(chosen))
    return chosen


def _listed(cases: Path, data: Path | None) -> CaseList:
    if cases.suffix != ".json":
        return read_cases(cases)
    if data is None:
        raise InputError(f"{cases.name} names scans; say with --data in which folder they lie.")
    return real_cases(cases, data)


def _encoded(weights: Path, listed: CaseList) -> CalibrationSet:
    session = GroundingSession.from_pretrained(weights)
    with tqdm(desc="Scans", unit="scan") as bar:

        def on_scan(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        return own_cases(session, listed, on_scan=on_scan)
