from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES
from train.data.scan_records import ReportTexts, ScanPlace, ScanRecord, Snippet
from train.stored_evaluation import figures_of, markdown_tables
from train.stored_vectors import StoredVectors

NUM_SCANS, NUM_POSITIONS = 8, 8
VECTORS = np.linalg.qr(np.random.default_rng(0).standard_normal((32, 32)))[0].astype(np.float32)


class Oracle:
    """Knows where "position 5" is, and that a prompt with "no" or "not" denies."""

    def embed_sentences(self, texts):
        vectors = [VECTORS[int(t.split()[-1])] if t.startswith("position") else self._prompt(t) for t in texts]
        return SimpleNamespace(localization=np.array(vectors), report=np.array(vectors))

    @staticmethod
    def _prompt(text):
        yes = VECTORS[16 + next(i for i, name in enumerate(CT_RATE_DISEASES) if name in text) % 8]
        return -yes if text.lower().split()[0] in ("no", "not") or " no " in text or " not " in text else yes


def record(scan, dataset="ct-rate", **changes):
    place = ScanPlace((1, 1, 1), np.eye(4), (0, 0, 0), np.arange(NUM_POSITIONS) * 12.0, np.arange(NUM_POSITIONS) > 0)
    known = {
        "scan_id": f"valid_{scan // 2}_a_{scan % 2 + 1}",
        "report_id": f"valid_{scan // 2}_a",
        "patient_id": "p",
        "dataset": dataset,
        "split": "valid",
        "texts": ReportTexts(findings=f"Findings {scan // 2}."),
        "labels": np.array([scan % 2, *([-1] * 16), 1], dtype=np.int8),
        "snippets": (Snippet((f"position {1 + scan % 7}",), 1 + scan % 7), Snippet(("position 3",), 3)),
        "place": place,
        "facts": {"no_chest": True} if scan >= 6 else {},
    }
    return ScanRecord(**{**known, **changes})


def vectors_of(records, depth=VECTORS[:NUM_POSITIONS]):
    reports = np.array([VECTORS[scan // 2] for scan in range(len(records))])
    disease = np.array([VECTORS[16] * (1 if r.labels[0] == 1 else -1) for r in records])
    return StoredVectors(tuple(records), reports, disease, (depth,) * len(records), reports)


def test_a_model_that_knows_everything_gets_full_marks():
    found = figures_of(vectors_of([record(scan) for scan in range(NUM_SCANS)]), CT_RATE_DISEASES, Oracle(), 20)
    retrieval = found["report_retrieval"]
    assert {name: pool["num_scans"] for name, pool in retrieval.items()} == {
        "dup_all": 8,
        "dup_nohead": 6,
        "first_all": 4,
        "first_nohead": 3,
        "smallestdeduptext_all": 4,
        "smallestdeduptext_nohead": 3,
    }
    assert retrieval["first_all"]["text_to_image"]["recall_at_1"].value == 1
    assert retrieval["dup_all"]["text_to_image"]["recall_at_1"].value == 0.5  # twins share the report: a tie
    assert found["diseases"]["macro"]["auroc"].value == 1
    assert len(found["diseases"]["left_out"]) == 17
    assert found["localization"]["all"]["model"]["mean_mm"].value == 0
    assert found["localization"]["all"]["num_sentences"] == 16
    assert found["localization"]["first_of_scan"]["num_sentences"] == 8
    assert found["localization"]["all"]["middle"]["mean_mm"].value > 0


def test_positions_that_hold_padding_cannot_be_answered():
    depth = VECTORS[:NUM_POSITIONS].copy()
    depth[0] = VECTORS[3]  # as like "position 3" as its own place, but not valid
    found = figures_of(vectors_of([record(0), record(1)], depth), CT_RATE_DISEASES, Oracle(), 0)
    assert found["localization"]["all"]["model"]["mean_mm"].value == 0


def test_scans_without_report_label_or_sentence_take_part_in_nothing():
    empty = {"texts": ReportTexts(), "labels": np.full(18, -1, dtype=np.int8), "snippets": ()}
    found = figures_of(vectors_of([record(scan, **empty) for scan in range(4)]), CT_RATE_DISEASES, Oracle(), 20)
    assert found == {"num_scans": 4}


def test_rad_chest_is_scored_on_its_sixteen_classes():
    labels = np.tile(np.array([[0, 1], [1, 0]], dtype=np.int8), (2, 9))
    records = [record(scan, "rad-chestct", labels=labels[scan], texts=ReportTexts()) for scan in range(4)]
    found = figures_of(vectors_of(records), CT_RATE_DISEASES, Oracle(), 20)
    assert len(found["diseases"]["auroc"]) == 16
    assert "report_retrieval" not in found


def test_other_data_sets_search_among_the_first_scan_of_each_report():
    found = figures_of(
        vectors_of([record(scan, "merlin") for scan in range(NUM_SCANS)]), CT_RATE_DISEASES, Oracle(), 20
    )
    assert {name: pool["num_scans"] for name, pool in found["report_retrieval"].items()} == {"first": 4}


@pytest.fixture
def figures():
    found = figures_of(vectors_of([record(scan) for scan in range(NUM_SCANS)]), CT_RATE_DISEASES, Oracle(), 20)
    return {"split": "valid", "datasets": {"ct-rate": found}}


def test_tables_show_published_figures_beside_those_that_can_be_compared(figures):
    lines = markdown_tables(figures).splitlines()
    assert "| text to image, first_all | 4 | recall_at_10 | 1 (1 to 1) | 0.315 |" in lines
    assert sum("0.315" in line for line in lines) == 1
