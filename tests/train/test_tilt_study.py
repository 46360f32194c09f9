from __future__ import annotations

import numpy as np
import pytest

from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.volume import CTVolume
from train.tilt_study import TiltError, tilted_scan, tilted_table


@pytest.mark.parametrize("is_sheared", [False, True])
def test_a_tilted_scan_holds_the_same_world(is_sheared):
    geometry = VolumeGeometry.from_spacing((40, 50, 30), (2.5, 2.0, 2.0), (-100.0, 10.0, 20.0))
    at = geometry.world_of_voxel(np.indices(geometry.shape).transpose(1, 2, 3, 0))
    volume = CTVolume(np.rint(5 * (at @ (1.0, 2.0, 3.0))).astype(np.int16), geometry)
    tilted = tilted_scan(volume, 15.0, is_sheared)
    assert tilted.geometry.obliquity_deg == pytest.approx(15.0)
    assert tilted.geometry.shear_deg == pytest.approx(15.0 if is_sheared else 0.0, abs=1e-5)
    inner = (slice(16, 24), slice(15, 35), slice(5, 25))
    index = np.indices(geometry.shape).transpose(1, 2, 3, 0)[inner]
    expected = 5 * (tilted.geometry.world_of_voxel(index) @ (1.0, 2.0, 3.0))
    np.testing.assert_allclose(tilted.hu[inner], expected, atol=1.01)


def test_the_table_weighs_phantoms_by_their_sentences():
    errors = [TiltError(1, "oblique", 20.0, 30, 20.0, 10.0), TiltError(2, "oblique", 20.0, 10, 40.0, 14.0)]
    assert tilted_table(errors).splitlines()[2] == "| oblique, 20 degrees | 25.0 | 11.0 | -14.0 (-26.0 to -10.0) |"
