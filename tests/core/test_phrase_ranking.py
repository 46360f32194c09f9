from __future__ import annotations

import numpy as np
import pytest

from napari_ct_grounding.core.phrase_ranking import PhraseRanking

DEPTHS_MM = np.arange(0.0, 200.0, 10.0)


def _profile(peak_mm: float, height: float = 0.5, level: float = 0.0) -> np.ndarray:
    return level + height * np.exp(-(((DEPTHS_MM - peak_mm) / 15.0) ** 2))


@pytest.fixture
def ranking() -> PhraseRanking:
    ranking = PhraseRanking(DEPTHS_MM, temperature=0.1)
    ranking.add(["low", "high"], [_profile(40.0), _profile(150.0)])
    ranking.add(["like everything", "weakly high"], [np.full(len(DEPTHS_MM), 0.9), _profile(150.0, 0.1)])
    return ranking


def test_phrases_that_point_here_come_first_and_those_that_do_not_care_are_left_out(ranking):
    assert [entry.phrase for entry in ranking.best_at(150.0, 5)] == ["high", "weakly high"]
    assert [entry.phrase for entry in ranking.best_at(40.0, 5)] == ["low"]


def test_a_high_cosine_everywhere_says_nothing_about_a_slice(ranking):
    everywhere = {entry.phrase for z_mm in DEPTHS_MM for entry in ranking.best_at(z_mm, 5)}
    assert "like everything" not in everywhere


def test_the_share_is_one_at_the_best_slice_and_less_beside_it(ranking):
    assert ranking.best_at(150.0, 1)[0].share_of_best == pytest.approx(1.0)
    assert 0.2 < ranking.best_at(135.0, 1)[0].share_of_best < 0.9


def test_only_the_phrases_asked_for_are_given_and_no_more_than_wanted(ranking):
    assert [entry.phrase for entry in ranking.best_at(150.0, 5, frozenset({"weakly high"}))] == ["weakly high"]
    assert len(ranking.best_at(150.0, 1)) == 1


def test_beyond_the_scan_nothing_points_anywhere(ranking):
    assert ranking.best_at(DEPTHS_MM[-1] + 10.1, 5) == []
    assert ranking.best_at(-10.1, 5) == []
    assert PhraseRanking(DEPTHS_MM, 0.1).best_at(50.0, 5) == []


def test_positions_outside_the_scan_take_no_part():
    ranking = PhraseRanking(DEPTHS_MM, temperature=0.1)
    cut = _profile(150.0)
    cut[:10] = np.nan
    ranking.add(["cut"], [cut])
    entry = ranking.best_at(150.0, 1)[0]
    assert np.isfinite(entry.concentration)
    assert entry.concentration <= 10.0, "ten positions are left, so ten is all that a phrase can gather"
