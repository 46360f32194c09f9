"""Trees of vessels: connected, tapering, reaching every point."""

import numpy as np
import pytest

from napari_ct_grounding.phantom.lung_tree import grow


@pytest.fixture(scope="module")
def tree():
    rng = np.random.default_rng(5)
    return grow(np.zeros(3), rng.uniform(10, 90, (200, 3)), 0.5, rng)


def test_every_branch_starts_at_the_root_or_at_the_end_of_another(tree):
    ends = {tuple(p) for p in np.round(tree.stop, 6)} | {(0.0, 0.0, 0.0)}
    assert all(tuple(p) in ends for p in np.round(tree.start, 6))


def test_every_point_is_reached_by_one_twig(tree):
    rng = np.random.default_rng(5)
    points = rng.uniform(10, 90, (200, 3))
    distance = np.linalg.norm(tree.stop[:, None] - points[None], axis=2).min(axis=0)
    assert distance.max() < 1e-6


def test_branches_taper_from_the_root_to_the_twigs(tree):
    assert (tree.r_stop <= tree.r_start + 1e-9).all()
    assert tree.r_start[0] == tree.r_start.max()
    assert tree.r_start[0] == pytest.approx(0.5 * 200**0.4)
    assert tree.r_stop.min() < 0.3
