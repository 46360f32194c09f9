"""Masks on demand: where the organs are, with their sizes and values."""

import numpy as np
import pytest

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.phantom.scan import MASKS, generate_scan

#: Millilitres that organs of adults have.
VOLUMES = {
    "lungs": (2500, 8500), "heart": (400, 1000), "liver": (900, 2300), "spleen": (70, 420), "kidney_right": (80, 280),
    "kidney_left": (80, 280), "pancreas": (25, 150), "bladder": (50, 600),
    "vertebra_l3": (30, 95), "trachea": (12, 60), "aorta": (120, 500),
}  # fmt: skip
NODULE = "lung_nodule@right_lower_lobe"


@pytest.fixture(scope="module")
def scan():
    return generate_scan(
        12,
        spacing_mm=(5.0, 5.0, 5.0),
        z_range=(-560.0, 120.0),
        fov_mm=480.0,
        findings=(NODULE,),
        masks=(*VOLUMES, NODULE),
        noise=False,
    )


def test_organs_have_the_volumes_of_organs(scan):
    ml = {name: float(scan.masks[name].sum()) * 0.125 for name in VOLUMES}
    assert {name: v for name, v in ml.items() if not VOLUMES[name][0] < v < VOLUMES[name][1]} == {}


def test_masks_lie_where_the_truth_says(scan):
    for name in ("liver", "spleen", "kidney_left", "vertebra_l3", NODULE):
        target = next(t for t in scan.targets if t.name == name)
        rows = np.flatnonzero(scan.masks[name].any(axis=(1, 2)))
        low, high = (scan.volume.geometry.z_of_slice(int(k)) for k in rows[[0, -1]])
        assert target.z_lo_mm - 6 < low < high < target.z_hi_mm + 6


def test_masks_hold_the_tissue_that_they_name(scan):
    median = {name: float(np.median(scan.volume.hu[mask])) for name, mask in scan.masks.items()}
    assert median["lungs"] < -650
    assert median["trachea"] < -850
    assert 20 < median["liver"] < 200
    assert median["vertebra_l3"] > 100


def test_masks_of_two_organs_share_no_voxel(scan):
    together = sum(
        scan.masks[name].astype(int) for name in ("liver", "spleen", "kidney_right", "kidney_left", "heart", "lungs")
    )
    assert together.max() == 1


def test_masks_do_not_change_the_picture(scan):
    plain = generate_scan(
        12, spacing_mm=(5.0, 5.0, 5.0), z_range=(-560.0, 120.0), fov_mm=480.0, findings=(NODULE,), noise=False
    )
    assert plain.masks == {}
    assert np.array_equal(plain.volume.hu, scan.volume.hu)


def test_something_without_a_mask_is_refused_by_name():
    assert "carina" not in MASKS
    with pytest.raises(InputError, match="carina"):
        generate_scan(0, findings=(), masks=("carina",))
