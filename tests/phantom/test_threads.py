"""Tubes thinner than a voxel keep their volume."""

import numpy as np
import pytest

from napari_ct_grounding.phantom.shapes import Canvas
from napari_ct_grounding.phantom.threads import paint_threads


@pytest.mark.parametrize("step", [1.0, 3.0, 5.0])
def test_a_thread_takes_its_volume_from_the_voxels_on_every_grid(step):
    canvas = Canvas(np.arange(-30, 31, step), np.arange(-30, 31, step), np.arange(-30, 31, step), background_hu=0.0)
    ends = np.array([[-18.0, 3.3, -12.1]]), np.array([[17.0, -8.2, 14.0]])
    radius = np.array([0.5])
    painted = paint_threads(canvas, *ends, radius, radius, 1000.0)
    assert painted is not None
    length = float(np.linalg.norm(ends[1] - ends[0]))
    assert canvas.hu.sum() / 1000 * step**3 == pytest.approx(np.pi * 0.25 * length, rel=0.03)


def test_threads_outside_the_canvas_paint_nothing():
    canvas = Canvas(np.arange(0, 20, 2.0), np.arange(0, 20, 2.0), np.arange(0, 20, 2.0))
    far = np.array([[100.0, 100.0, 100.0]])
    assert paint_threads(canvas, far, far + 5, np.ones(1), np.ones(1), 50.0) is None
    assert (canvas.hu == -1000).all()


def test_a_clip_keeps_threads_out():
    canvas = Canvas(np.arange(0, 20, 2.0), np.arange(0, 20, 2.0), np.arange(0, 20, 2.0))
    ends = np.array([[3.0, 9.0, 9.0]]), np.array([[16.0, 9.0, 9.0]])
    clip = np.ones_like(canvas.hu)
    clip[:, :, 5:] = 0
    paint_threads(canvas, *ends, np.ones(1), np.ones(1), 500.0, clip)
    assert (canvas.hu[:, :, 5:] == -1000).all()
    assert canvas.hu[:, :, :5].max() > -1000
