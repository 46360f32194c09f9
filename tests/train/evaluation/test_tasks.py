from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_ct_grounding.core.localization_results import LocalizationCase, LocalizationResults, LocalizationRow, Truth
from napari_ct_grounding.model.weights.card import WeightsCard
from tests.core.test_location import rule
from train.evaluate import EncodedPhantom
from train.evaluation.tasks import from_batch, from_phantoms, from_stored
from train.metrics.bootstrap import Estimate
from train.metrics.localization import Located, localization_summary
from train.report_card import card_summary

WEIGHTS = ("tiny", "ab" * 16)


class HashedText:
    """The same sentence, the same unit vector."""

    def embed_sentences(self, texts):
        rows = [np.random.default_rng(list(text.encode())).standard_normal(20) for text in texts]
        vectors = np.array([row / np.linalg.norm(row) for row in rows], dtype=np.float32)
        return SimpleNamespace(localization=vectors, report=vectors)


def answered(number: int, scan: str, error_mm: float | None, category: str) -> LocalizationRow:
    case = LocalizationCase(str(number), scan, "A sentence.", category=category, truth=Truth(0.0, 10.0))
    prediction = None if error_mm is None else SimpleNamespace(z_mm=10.0 + error_mm)
    return LocalizationRow(case, prediction, message=None if prediction else "cannot be read")


def test_answers_of_a_batch_become_localization_figures_by_category():
    rows = (
        answered(1, "a", 0.0, "organ"),
        answered(2, "a", 20.0, "organ"),
        answered(3, "b", 40.0, ""),
        answered(4, "c", None, ""),
    )
    measured = from_batch(LocalizationResults(*WEIGHTS, "full", "float32", rows), "mine", num_resamples=50)
    found = measured.results
    assert found.figure("mean_mm").value == pytest.approx(20)
    assert found.figure("within_24_mm").value == pytest.approx(2 / 3)
    assert found.figure("median_mm", "organ").value == 10
    assert found.figure("mean_mm").low < 20 < found.figure("mean_mm").high
    assert found.counts == {"sentences": 3, "scans": 2, "failed": 1}
    assert measured.rows["error_mm"].tolist() == [0.0, 20.0, 40.0]


def test_phantoms_give_every_task_a_file(phantoms):
    rng = np.random.default_rng(0)
    encoded = []
    for phantom in phantoms:
        depth, retrieval, disease = (
            rng.standard_normal(shape).astype(np.float32) for shape in ((len(phantom.z_mm), 20), 20, 20)
        )
        encoded.append(EncodedPhantom(phantom, depth, retrieval, disease))
    located = [
        Located(p.seed, "carina", False, 0.0, -5.0, 5.0, (-100.0, 100.0), float(i), (-3.0, 2.0))
        for i, p in enumerate(phantoms)
    ]
    groups = {"all": localization_summary(located, {}, 20), "findings": None}
    card = WeightsCard(location_rule=rule())
    measured = from_phantoms(encoded, located, groups, HashedText(), card, WEIGHTS, num_resamples=20)
    found = {item.results.task: item for item in measured}
    assert {"localization", "interval", "location", "disease", "report_retrieval"} <= found.keys()
    assert found["localization"].results.figure("mean_mm").value == pytest.approx(np.mean(np.arange(len(phantoms))))
    assert found["localization"].results.figure("mean_mm", answer="middle") is not None
    assert found["interval"].results.figure("covers").value == 1.0
    assert found["location"].results.figure("located_lost").value == 0.0  # a rule of zeros lets everything pass
    assert found["disease"].rows["scores"].shape == (len(phantoms), 18)
    assert 0 <= found["report_retrieval"].results.figure("recall_at_1", "text to image").value <= 1
    assert found["report_retrieval"].results.figure("recall_at_10", "text to image", "oracle").value == 1.0
    assert found["location"].results.figure("located_lost").high == 0.0
    assert 0 <= found["pairs"].results.figure("told_apart", "negation").value <= 1
    assert found["interval"].results.figure("median_share_of_scan").value == pytest.approx(5 / 200)
    summary = card_summary(measured)  # what a card keeps
    assert summary["retrieval"]["pool"] == len(phantoms)
    assert summary["disease_auroc"]["macro"] == found["disease"].results.figure("auroc").value


def test_reports_are_sought_in_a_pool_larger_than_the_measured_phantoms(phantoms):
    rng = np.random.default_rng(0)
    encoded = [
        EncodedPhantom(p, *(rng.standard_normal(shape).astype(np.float32) for shape in ((len(p.z_mm), 20), 20, 20)))
        for p in phantoms
    ]
    groups = {"all": None}
    located = [Located(phantoms[0].seed, "carina", False, 0.0, -5.0, 5.0, (-100.0, 100.0), 1.0, (-3.0, 2.0))]
    measured = from_phantoms(encoded[:2], located, groups, HashedText(), WeightsCard(), WEIGHTS, 20, encoded)
    found = {item.results.task: item.results for item in measured}
    assert found["report_retrieval"].counts == {"scans": len(phantoms)}
    assert found["disease"].counts["scans"] == 2


def test_figures_of_stored_scans_are_sorted_into_tasks():
    one, undefined = Estimate(0.3, 0.2, 0.4), Estimate(float("nan"))
    found = {
        "num_scans": 9,
        "report_retrieval": {
            "first_all": {
                "num_scans": 8,
                "text_to_image": {"recall_at_10": one},
                "image_to_text": {"recall_at_10": one},
                "small_pools": {"pool32_recall_at_1": one},
            }
        },
        "diseases": {"macro": {"auroc": one}, "auroc": {"Emphysema": undefined}, "left_out": ["Emphysema"]},
        "localization": {
            "all": {who: {"mean_mm": one, "per_scan": {}} for who in ("model", "middle", "random")}
            | {"num_sentences": 4}
        },
    }
    measured = from_stored(
        {"weights": {"name": "big", "fingerprint": "0"}, "split": "valid", "datasets": {"ct-rate": found}}
    )
    tasks = {item.results.task: item.results for item in measured}
    assert tasks.keys() == {"report_retrieval", "pool_retrieval", "disease", "localization"}
    assert tasks["report_retrieval"].figure("recall_at_10", "text to image, first_all").high == 0.4
    assert tasks["report_retrieval"].counts["scans, first_all"] == 8
    assert tasks["disease"].figure("auroc", "Emphysema").value is None
    assert tasks["disease"].left_out == ("Emphysema",)
    assert tasks["localization"].figure("mean_mm", answer="random").value == 0.3
