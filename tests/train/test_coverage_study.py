"""The comparison of coverages: what is compared, and how it is summed up."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_ct_grounding.model.radfinder.config import RadFinderConfig
from napari_ct_grounding.model.radfinder.model import RadFinderModel
from napari_ct_grounding.phantom.catalogue import LANDMARKS
from napari_ct_grounding.phantom.scan import generate_scan
from train import coverage_study
from train.coverage_study import EMBEDDING_DIM, CoverageError, compare_coverages, study_config, summarise, train_small


def test_groups_are_told_apart_and_differences_have_intervals():
    errors = [
        CoverageError(scan, "heart", is_inside, num_passes, paper_mm, full_mm)
        for scan, is_inside, num_passes, paper_mm, full_mm in [
            (1, True, 2, 10.0, 9.0), (1, False, 2, 60.0, 20.0), (2, True, 2, 20.0, 21.0), (2, False, 2, 80.0, 30.0),
            (3, True, 1, 5.0, 5.0),
        ]
    ]  # fmt: skip
    summary = summarise(errors)
    assert summary["inside, two passes"]["paper_mm"][0] == 15.0
    assert summary["inside, two passes"]["full_mm"][0] == 15.0
    assert summary["inside, two passes"]["full_minus_paper_mm"] == [0.0, -1.0, 1.0]
    assert summary["outside, two passes"]["full_minus_paper_mm"] == [-45.0, -50.0, -40.0]
    assert (summary["all"]["num_landmarks"], summary["all"]["num_scans"]) == (5, 3)
    assert "outside, two passes" not in summarise([errors[0], errors[4]])


def test_both_ways_are_asked_for_the_same_landmarks_and_agree_where_one_pass_does():
    torch.manual_seed(0)
    model = RadFinderModel(RadFinderConfig.from_dict(study_config()), None).eval()
    landmarks = np.random.default_rng(0).standard_normal((len(LANDMARKS), EMBEDDING_DIM)).astype(np.float32)
    errors = compare_coverages(model, landmarks, [6_000_002])
    assert len(errors) > 20
    assert len({error.landmark for error in errors}) == len(errors)
    assert min(min(error.paper_mm, error.full_mm) for error in errors) >= 0
    for error in errors:
        if error.num_passes == 1:
            assert error.paper_mm == error.full_mm


def test_training_lowers_the_loss_of_the_scans_it_saw(capsys, monkeypatch):
    seconds = iter(np.arange(0, 60, 0.5))
    monkeypatch.setattr(coverage_study.time, "monotonic", lambda: next(seconds))
    monkeypatch.setattr(coverage_study, "LEARNING_RATE", 3e-3)
    model, landmarks = train_small([0], minutes=10 / 60)
    assert not model.training
    np.testing.assert_allclose(np.linalg.norm(landmarks, axis=1), 1, atol=1e-5)
    assert landmarks.shape == (len(LANDMARKS), EMBEDDING_DIM)
    trained = np.mean([e.paper_mm for e in compare_coverages(model, landmarks, [0]) if e.is_inside])
    torch.manual_seed(0)
    fresh = RadFinderModel(RadFinderConfig.from_dict(study_config()), None).eval()
    untrained = np.mean([e.paper_mm for e in compare_coverages(fresh, landmarks, [0]) if e.is_inside])
    assert trained < 0.8 * untrained
    assert "1 crops of 1 training scans" in capsys.readouterr().out


def test_crops_begin_at_the_centre_or_anywhere_and_know_their_landmarks_places():
    scan = generate_scan(0, spacing_mm=coverage_study.SPACING_MM)
    (centre,) = coverage_study._examples(scan, "centre", np.random.default_rng(0))
    anywhere = coverage_study._examples(scan, "anywhere", np.random.default_rng(0))
    assert len(anywhere) == 3
    np.testing.assert_array_equal(anywhere[0].windows, centre.windows)
    assert not np.array_equal(anywhere[1].windows, centre.windows)
    # The same landmark lies elsewhere in another crop by as much as the crop begins elsewhere.
    place = [dict(zip(e.landmark.tolist(), e.centre.tolist(), strict=True)) for e in anywhere]
    both = sorted(set(place[0]) & set(place[1]))
    shifts = {round(4 * (place[0][name] - place[1][name]), 3) for name in both}
    assert len(shifts) == 1
    assert shifts.pop() == pytest.approx(round(4 * (place[0][both[0]] - place[1][both[0]])), abs=1e-3)
