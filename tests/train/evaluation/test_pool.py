from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.train.evaluation.test_pairs import phantom
from train.evaluation.pool import oracle_ranking, pool_baselines
from train.metrics.retrieval import Ranking


def test_the_oracle_loses_only_scans_with_just_the_same_findings():
    nodule, both = phantom("lung_nodule@right_upper_lobe"), phantom("lung_nodule@right_upper_lobe", "bulla@right_apex")
    ranking = oracle_ranking([nodule, nodule, both, phantom(), phantom(), phantom()])
    assert ranking.better.tolist() == [0] * 6
    assert ranking.tied.tolist() == [1, 1, 0, 2, 2, 2]


def test_a_finding_that_is_mostly_cut_off_is_not_told_by_the_report():
    whole = phantom("lung_nodule@right_upper_lobe")
    cut = replace(whole, targets=(replace(whole.targets[0], visible_fraction=0.2),))
    assert oracle_ranking([cut, phantom()]).tied.tolist() == [1, 1]


def test_the_ratio_is_that_of_recall_at_10_with_an_interval_around_it():
    zeros = np.zeros(40, np.int64)
    model = Ranking(np.array([0] * 10 + [39] * 30), zeros)
    oracle = Ranking(zeros, np.array([0] * 20 + [19] * 20))
    figures = {(f.name, f.answer): f for f in pool_baselines(model, oracle, "text to image", 200)}
    assert figures["recall_at_10", "oracle"].value == pytest.approx(0.75)
    assert figures["recall_at_10", "random"].value == pytest.approx(10 / 40)
    ratio = figures["ratio_to_oracle", "model"]
    assert ratio.value == pytest.approx(0.25 / 0.75)
    assert ratio.low < ratio.value < ratio.high
