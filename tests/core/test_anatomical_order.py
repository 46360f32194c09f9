from __future__ import annotations

import numpy as np
import pytest

from napari_ct_grounding.core.anatomical_order import MIN_LANDMARKS, landmark_order

HEIGHTS_MM = np.linspace(150.0, -350.0, 12)


@pytest.mark.parametrize("stature", [0.85, 1.0, 1.15])
def test_a_body_of_any_size_anywhere_along_z_is_in_order(stature):
    found = stature * HEIGHTS_MM - 730.0 + np.tile([6.0, -6.0, 0.0], 4)
    order = landmark_order(HEIGHTS_MM, found.tolist())
    assert order.num_in_order == order.num_found == 12
    assert not order.is_suspicious


def test_a_body_upside_down_is_suspicious():
    order = landmark_order(HEIGHTS_MM, (-HEIGHTS_MM).tolist())
    assert order.is_suspicious
    assert order.num_in_order < 4


def test_landmarks_that_the_scan_does_not_hold_leave_the_others_in_order():
    found = [*HEIGHTS_MM[:8].tolist(), *[0.0] * 4]
    order = landmark_order(HEIGHTS_MM, found)
    assert order.is_in_order[:8] == (True,) * 8
    assert order.num_in_order <= 9
    assert not order.is_suspicious


def test_few_landmarks_accuse_nobody_and_those_without_a_place_do_not_count():
    found: list[float | None] = [None] * 12
    found[: MIN_LANDMARKS - 1] = (-HEIGHTS_MM[: MIN_LANDMARKS - 1]).tolist()
    order = landmark_order(HEIGHTS_MM, found)
    assert order.num_found == MIN_LANDMARKS - 1
    assert not order.is_suspicious
    assert not any(order.is_in_order[MIN_LANDMARKS - 1 :])
    assert landmark_order(HEIGHTS_MM, [None] * 12).num_found == 0


def test_heights_and_places_must_be_as_many():
    with pytest.raises(ValueError, match="12 heights were given for 2 places"):
        landmark_order(HEIGHTS_MM, [0.0, 1.0])
