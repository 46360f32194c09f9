"""Coarse masks of body and lung."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.model.body import body_mask, lung_volume_ml


def cuboid_body(spacing_mm: tuple[float, float, float] = (4.0, 4.0, 4.0)) -> CTVolume:
    """Return a body of 200 x 240 x 320 mm in air with a table below it."""
    shape = tuple(round(extent / step) for extent, step in zip((200, 320, 400), spacing_mm, strict=True))
    geometry = VolumeGeometry.from_spacing(shape, spacing_mm)  # type: ignore[arg-type]
    hu = np.full(shape, -1000, dtype=np.int16)
    hu[:, shape[1] // 8 : -shape[1] // 8, shape[2] // 10 : -shape[2] // 10] = 30
    hu[:, : max(1, shape[1] // 40)] = 200
    return CTVolume(hu, geometry)


@pytest.mark.parametrize("spacing_mm", [(4.0, 4.0, 4.0), (1.25, 2.0, 2.0), (8.0, 5.0, 5.0)])
def test_the_body_is_the_largest_thing_and_the_table_is_not_part_of_it(spacing_mm: tuple[float, float, float]) -> None:
    volume = cuboid_body(spacing_mm)
    mask, steps = body_mask(volume)
    sampled = volume.hu[:: steps[0], :: steps[1], :: steps[2]]
    assert mask.shape == sampled.shape
    np.testing.assert_array_equal(mask, sampled == 30)
    coarse_mm = [step * spacing for step, spacing in zip(steps, spacing_mm, strict=True)]
    assert all(3.0 <= size <= 8.0 for size in coarse_mm)


def test_air_has_no_body_and_no_lung() -> None:
    volume = cuboid_body()
    air = replace(volume, hu=np.full_like(volume.hu, -1000))
    assert not body_mask(air)[0].any()
    assert lung_volume_ml(air) == 0.0


def test_lung_is_measured_in_millilitres_whatever_the_spacing() -> None:
    for spacing_mm in ((4.0, 4.0, 4.0), (2.0, 2.0, 2.0)):
        volume = cuboid_body(spacing_mm)
        hu = volume.hu.copy()
        z, y, x = (round(100 / step) for step in spacing_mm)
        start = [round(place / step) for place, step in zip((48, 120, 120), spacing_mm, strict=True)]
        hu[start[0] : start[0] + z, start[1] : start[1] + y, start[2] : start[2] + x] = -850
        assert lung_volume_ml(replace(volume, hu=hu)) == pytest.approx(1000.0, rel=0.01)


def test_gas_and_fat_are_no_lung() -> None:
    volume = cuboid_body()
    hu = volume.hu.copy()
    hu[10:30, 30:40, 30:40] = -1000  # gas in a bowel
    hu[10:30, 45:55, 30:60] = -100  # fat
    assert lung_volume_ml(replace(volume, hu=hu)) == 0.0


def test_lung_that_opens_to_the_end_of_the_scan_counts() -> None:
    volume = cuboid_body()
    hu = volume.hu.copy()
    hu[40:, 30:50, 30:50] = -850
    assert lung_volume_ml(replace(volume, hu=hu)) > 200
