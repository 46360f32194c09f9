"""Solids through outlines: volumes and places of shapes whose size is known."""

import numpy as np
import pytest

from napari_ct_grounding.phantom.contours import ball, join, loft, meet, mirrored, ribbon, rod, shell, tube
from napari_ct_grounding.phantom.shapes import Canvas, Patch

SQUARE = [(20, 20), (0, 20), (-20, 20), (-20, 0), (-20, -20), (0, -20), (20, -20), (20, 0)]
CIRCLE = [(30 * np.cos(a), 30 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 12, endpoint=False)]


@pytest.fixture
def canvas():
    return Canvas(np.arange(-60, 61, 2.0), np.arange(-50, 51, 1.5), np.arange(-55, 56, 1.5))


def volume(canvas: Canvas, patch: Patch | None) -> float:
    assert patch is not None
    return float(patch.cover.sum() * np.prod(canvas.step_mm))


def test_a_loft_through_equal_circles_is_a_cylinder(canvas):
    solid = loft(canvas, [(-31, CIRCLE), (31, CIRCLE)], cap=50.0)
    assert volume(canvas, canvas.cover(solid)) == pytest.approx(np.pi * 30**2 * 62, rel=0.02)


def test_a_loft_grows_evenly_between_two_levels(canvas):
    small = np.array(CIRCLE) / 2
    solid = loft(canvas, [(-30, CIRCLE), (30, small)], cap=50.0)
    cone = np.pi * 60 / 3 * (30**2 + 30 * 15 + 15**2)
    assert volume(canvas, canvas.cover(solid)) == pytest.approx(cone, rel=0.04)


def test_distances_of_a_loft_are_millimetres(canvas):
    solid = loft(canvas, [(-30, CIRCLE), (30, CIRCLE)], cap=50.0, margin_mm=10.0)
    grown, shrunk = (volume(canvas, canvas.cover(solid, by)) / 60 for by in (5.0, -5.0))
    assert grown == pytest.approx(np.pi * 35**2, rel=0.05)
    assert shrunk == pytest.approx(np.pi * 25**2, rel=0.05)


def test_an_uneven_surface_is_the_same_on_every_grid():
    def at_origin(step: float) -> float:
        canvas = Canvas(np.arange(-20, 20.1, step), np.arange(-40, 40.1, step), np.arange(-40, 40.1, step))
        solid = loft(canvas, [(-30, CIRCLE), (30, CIRCLE)], wobble=(4.0, 15.0, np.random.default_rng(3)))
        assert solid is not None
        index = [
            int(np.argmin(np.abs(axis[part])))
            for axis, part in zip((canvas.z, canvas.y, canvas.x), solid.box, strict=True)
        ]
        return float(solid.distance[tuple(index)])

    assert at_origin(1.0) == pytest.approx(at_origin(2.0), abs=0.05)
    assert at_origin(1.0) != pytest.approx(-30.0, abs=0.05)


def test_a_loft_outside_the_canvas_is_nothing(canvas):
    assert loft(canvas, [(300, CIRCLE), (330, CIRCLE)]) is None


def test_a_mirrored_half_is_symmetric():
    outline = mirrored([(0, -10), (8, -4), (6, 9), (0, 12)])
    assert len(outline) == 6
    assert outline[:, 0].sum() == pytest.approx(0)
    assert {(-x, y) for x, y in map(tuple, outline)} == set(map(tuple, outline))


def test_a_ribbon_is_a_plate_of_twice_its_half_thickness(canvas):
    line = [(-30, 0), (0, 0), (30, 0)]
    plate = ribbon(canvas, [(-40, line, 3.0), (40, line, 3.0)], cap=30.0)
    assert volume(canvas, canvas.cover(plate)) == pytest.approx((60 * 6 + np.pi * 9) * 80, rel=0.06)


def test_a_ball_and_a_rod_have_their_volumes(canvas):
    assert volume(canvas, canvas.cover(ball(canvas, (3, 2, 1), (20, 25, 30), 3))) == pytest.approx(
        4 / 3 * np.pi * 20 * 25 * 30, rel=0.04
    )
    stick = rod(canvas, (-20, 0, 0), (20, 0, 0), 10, 10, 3)
    assert volume(canvas, canvas.cover(stick)) == pytest.approx(np.pi * 100 * 40 + 4 / 3 * np.pi * 1000, rel=0.04)


def test_a_joined_pair_is_larger_than_either_and_a_met_one_smaller(canvas):
    def pair():
        return ball(canvas, (-8, 0, 0), (20, 20, 20), 4), ball(canvas, (8, 0, 0), (20, 20, 20), 4)

    single = volume(canvas, canvas.cover(pair()[0]))
    whole = volume(canvas, canvas.cover(join(canvas, list(pair()))))
    blended = volume(canvas, canvas.cover(join(canvas, list(pair()), 5.0)))
    both = pair()
    assert both[0] is not None
    assert both[1] is not None
    shared = volume(canvas, canvas.cover(meet(both[0], both[1])))
    assert shared < single < whole < blended
    assert whole + shared == pytest.approx(2 * single, rel=0.03)


def test_a_tube_fills_its_bends(canvas):
    bent = tube(canvas, [(-20, 0, 0), (0, 0, 0), (0, 20, 0)], 8.0, 0.0, 2.0)
    assert bent is not None
    patch = canvas.cover(bent)
    assert patch is not None
    inside = patch.cover[:, :, :] > 0.99
    assert inside.any()
    assert volume(canvas, patch) == pytest.approx(
        np.pi * 64 * 40 + 4 / 3 * np.pi * 512 - 0.2 * np.pi * 64 * 8, rel=0.08
    )


def test_a_shell_is_as_thick_as_said(canvas):
    solid = ball(canvas, (0, 0, 0), (30, 30, 30), 8)
    expected = 4 / 3 * np.pi * (34**3 - 30**3)
    assert volume(canvas, shell(canvas, solid, 0.0, 4.0)) == pytest.approx(expected, rel=0.08)
