"""How the profiles and scores of trained weights are read: measured on held-out cases and written into their card.

::

    python -m train calibrate napari_ct_grounding/weights/bundled                  # on 150 phantoms
    python -m train calibrate WEIGHTS cases.csv --labels labels.csv                # on about 200 own scans

fixes, in this order:

- the temperature whose median decoding errs least (weights whose card decodes by "argmax" keep that, for parity);
- temperature and conformal radius of the interval (`calibration.intervals`);
- the rule of "no clear location" (`calibration.location`), and, for programs that do not know it, the least cosine that all but
  5 % of located sentences reach;
- the distribution of each disease's score over the cases, with labels also a curve to a probability (`calibration.diseases`).

CASES is the CSV list of ``ct-grounding batch`` (or JSON as in ``tests/data/real_sentences.json``): sentences with a known place,
and where wanted some of category "no location". A run that was killed goes on: scans encoded before come from the cache.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES
from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.provenance import this_program
from napari_ct_grounding.model.base import TextEmbeddings
from napari_ct_grounding.model.weights.card import WeightsCard
from train.calibration.cases import CalibrationSet
from train.calibration.diseases import disease_references
from train.calibration.intervals import LocatedProfile, best_decoding_temperature, fit_intervals
from train.calibration.location import fit_location_rule

__all__ = ["calibrate", "read_disease_labels", "report_line"]

#: Factors on the trained temperature that are tried.
_FACTORS = tuple(float(f) for f in np.round(np.geomspace(0.1, 3.5, 10), 3))
_RELEASED_TEMPERATURE = 0.1

_MAX_PROFILES = 4000

Embed = Callable[[Sequence[str]], TextEmbeddings]


def calibrate(
    cases: CalibrationSet,
    embed: Embed,
    card: WeightsCard,
    *,
    trained_temperature: float | None = None,
    labels: NDArray | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Return the fields of ``card.json`` that calibration fixes.

    Parameters
    ----------
    cases : CalibrationSet
        Neither training nor `evaluate` uses them.
    embed : callable
        From sentences to `TextEmbeddings`.
    card : WeightsCard
        Its decoding and interval mass are kept.
    trained_temperature : float, optional
        Tau of the localization loss; the released 0.1 by default.
    labels : (num_whole, 18), optional
        1, 0, or -1 for unknown.
    seed : int
    """
    sentences = sorted({question.sentence for question in cases.questions})
    vectors = dict(zip(sentences, embed(sentences).localization, strict=True))
    profiles = [
        LocatedProfile(cases.scans[q.scan], q.group, cases.scans[q.scan].depth @ vectors[q.sentence], q.z_mm)
        for q in cases.of_kind("located")
    ]
    if len(profiles) > _MAX_PROFILES:
        chosen = np.random.default_rng(seed).choice(len(profiles), _MAX_PROFILES, replace=False)
        profiles = [profiles[i] for i in chosen]
    temperatures = [factor * (trained_temperature or _RELEASED_TEMPERATURE) for factor in _FACTORS]
    decoding: dict[str, Any] = {"decoding": card.decoding, "temperature": card.temperature}
    errors: dict[str, float] = {}
    if card.decoding == "median":
        temperature, mean_mm = best_decoding_temperature(profiles, temperatures)
        decoding["temperature"], errors["mean_error_mm"] = round(temperature, 6), round(mean_mm, 2)
    interval = fit_intervals(profiles, temperatures, card.interval_mass, seed)
    rule, location = fit_location_rule(cases, vectors, interval.temperature, seed)
    best = [float(p.profile[p.scan.is_valid].max()) for p in profiles]
    diseases = np.stack([scan.disease for scan in cases.scans[: cases.num_whole]])
    return {
        **decoding,
        "interval_temperature": round(interval.temperature, 6),
        "interval_radius_mm": round(interval.radius_mm, 2),
        "interval_mass": card.interval_mass,
        "is_calibrated": True,
        "location_threshold": round(float(np.quantile(best, 0.05)), 5),
        "location_rule": rule.to_dict(),
        "disease_reference": disease_references(diseases, lambda texts: embed(texts).report, labels),
        "calibration": {
            "cases": cases.source,
            "program": asdict(this_program()),
            "num_located": len(cases.of_kind("located")),
            "num_outside": len(cases.of_kind("outside")),
            "num_placeless": len(cases.of_kind("placeless")),
            "interval_covers": round(interval.held, 4),
            "interval_median_width_mm": round(interval.median_width_mm, 1),
            **errors,
            **{name: round(value, 4) for name, value in asdict(location).items()},
        },
    }


def report_line(record: dict[str, Any]) -> str:
    """Return what calibration found, in words: both errors of the location rule and whether the interval holds."""
    found = record["calibration"]
    return (
        f"{found['cases']}: {found['num_located']} sentences with a place, {found['num_outside']} about places outside the scan, "
        f"{found['num_placeless']} about none. The interval of {record['interval_mass']:.0%} holds "
        f"{found['interval_covers']:.0%}, median width {found['interval_median_width_mm']:.0f} mm (temperature "
        f"{record['interval_temperature']:.4f}, radius {record['interval_radius_mm']:+.1f} mm). No clear location is said to "
        f"{found['outside_told']:.0%} of places outside, {found['placeless_told']:.0%} of sentences about none, and, wrongly, to "
        f"{found['located_lost']:.1%} of sentences with a place."
    )


def read_disease_labels(path: Path, scans: Sequence[str]) -> NDArray[np.int64]:
    """Return labels (n, 18) of scans from a CSV file: a column `scan`, and a column for each CT-RATE disease it knows.

    1 and 0 are labels; an empty cell, -1, a scan or disease that is missing: unknown (-1).

    Raises
    ------
    InputError
        When the file has no column `scan`, or a cell holds something else.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise InputError(f"The labels {Path(path).name} cannot be read ({error.strerror}).") from error
    if not rows or "scan" not in rows[0]:
        raise InputError(
            f"The labels {Path(path).name} have no column 'scan'. It must hold the paths of the list of cases."
        )
    known = {"1": 1, "1.0": 1, "0": 0, "0.0": 0, "": -1, "-1": -1, "-1.0": -1}
    of_scan = {row["scan"].replace("\\", "/"): row for row in rows}
    labels = np.full((len(scans), len(CT_RATE_DISEASES)), -1, dtype=np.int64)
    for index, scan in enumerate(scans):
        for column, name in enumerate(CT_RATE_DISEASES):
            value = (of_scan.get(scan, {}).get(name) or "").strip()
            if value not in known:
                raise InputError(f"{Path(path).name} says {value!r} for {name} of {scan}; it must be 1, 0 or empty.")
            labels[index, column] = known[value]
    return labels
