from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.resampling import spaced_grid
from napari_ct_grounding.core.window_grid import centred_window_grid, depth_of_plane
from train.data.datasets.scans import InExtent, OnImage, OnPlane, PlacedSentence
from train.data.depth_targets import ImagePlanes, depths_of_planes, depths_of_z, placed_snippets
from train.features import place_of_grid

DATA = Path(__file__).resolve().parents[2] / "data" / "radfinder"
FACTS = json.loads((DATA / "preprocess.json").read_text())
TARGETS = json.loads((DATA / "localization_targets.json").read_text())
SPACING_MM, WINDOW = (3.0, 0.75, 0.75), (32, 128, 128)


def planes_of(name):
    if name == "ras_mid_oblique":
        return [OnPlane(np.array(plane["dcmaffine"]), tuple(plane["shape"])) for plane in TARGETS[name]["slices"]]
    pixels = 16 if name == "ras_mid_edges" else 64
    x, y, _ = FACTS["ras_mid" if name == "ras_mid_edges" else name]["center"]
    planes = []
    for z in TARGETS[name]["z"]:
        affine = np.diag([-4.0, -4.0, -1.0, 1.0])
        affine[:3, 3] = x + 2 * (pixels - 1), y + 2 * (pixels - 1), z
        planes.append(OnPlane(affine, (pixels, pixels)))
    return planes


@pytest.mark.parametrize("name", TARGETS)
def test_image_planes_lie_on_the_released_depth_positions(name):
    base = "ras_mid" if name.startswith("ras_mid") else name
    found = depths_of_planes(TARGETS[base]["cropped_affine"], FACTS[base]["grid"], planes_of(name))
    assert found.tolist() == [-1 if target is None else target for target in TARGETS[name]["target"]]


@pytest.mark.parametrize("tilt_deg", [0, 0.3, 12, 55, 90])
def test_the_quick_rule_says_what_the_count_of_all_pixels_says(tilt_deg):
    rng = np.random.default_rng(int(10 * tilt_deg))
    block = VolumeGeometry.from_spacing((64, 256, 128), SPACING_MM, (-90.0, -96.0, -48.0))
    angle = np.radians(tilt_deg)
    planes = []
    for _ in range(25):
        pixel_mm = rng.uniform(3, 9)
        affine = np.eye(4)
        affine[:3, 0] = pixel_mm * np.array([np.cos(0.2), np.sin(0.2), 0])
        affine[:3, 1] = pixel_mm * np.array([-np.sin(0.2) * np.cos(angle), np.cos(0.2) * np.cos(angle), np.sin(angle)])
        shape = (int(rng.integers(3, 40)), int(rng.integers(3, 40)))
        middle = affine[:3, :2] @ ((shape[1] - 1) / 2, (shape[0] - 1) / 2)
        affine[:3, 3] = rng.uniform(-110, 110, 3) - middle
        planes.append(OnPlane(affine, shape))
    slow = [depth_of_plane(block, WINDOW, plane.affine, plane.shape) for plane in planes]
    quick = depths_of_planes(block.affine, (1, 2, 2), planes)
    assert quick.tolist() == [-1 if depth is None else depth for depth in slow]
    assert (quick >= 0).any()


@pytest.fixture
def short_scan():
    """20 slices of 3 mm from z = 100: six slices of air below them and six above."""
    source = VolumeGeometry.from_spacing((20, 200, 200), SPACING_MM, (100.0, 0.0, 0.0))
    return source, place_of_grid(centred_window_grid(spaced_grid(source, SPACING_MM), WINDOW))


def test_sentences_of_a_padded_scan_aim_at_their_place_or_beside_it_as_released(short_scan):
    source, place = short_scan
    assert place.padding_hwd == (0, 0, 6)
    images = ImagePlanes(source, list(range(40, 20, -1)))
    placed = [PlacedSentence(("A nodule.",), OnImage(40 - 10))]  # the 11th slice, z = 130
    mended = placed_snippets(placed, place, images)[0]
    assert abs(place.depths_mm[mended.depth] - 130) <= 6
    released = placed_snippets(placed, place, images, forgets_padding=True)[0]
    assert mended.depth - released.depth in (1, 2)  # 18 mm of padding are one and a half positions


def test_an_image_that_the_volume_does_not_have_is_left_out(short_scan):
    source, place = short_scan
    placed = [PlacedSentence(("A nodule.",), OnImage(99))]
    assert placed_snippets(placed, place, ImagePlanes(source, range(20))) == []
    assert placed_snippets(placed, place) == []


def test_stretches_keep_their_ends_in_positions(short_scan):
    _, place = short_scan
    low, high = float(place.depths_mm[2]) - 3, float(place.depths_mm[4])
    (snippet,) = placed_snippets([PlacedSentence(("Effusion.",), InExtent(low, high))], place)
    assert snippet.extent == pytest.approx((1.75, 4))
    assert snippet.depth == 3
    (released,) = placed_snippets([PlacedSentence(("Effusion.",), InExtent(low, high))], place, forgets_padding=True)
    assert released.extent == pytest.approx((0.25, 2.5))


def test_stretches_are_cut_to_the_block_and_left_out_when_most_of_them_is_outside(short_scan):
    _, place = short_scan
    bottom = float(place.depths_mm[0]) - 6
    seen, unseen = InExtent(bottom - 10, bottom + 14), InExtent(bottom - 14, bottom + 10)
    (snippet,) = placed_snippets([PlacedSentence(("A.",), seen), PlacedSentence(("B.",), unseen)], place)
    assert snippet.sentences == ("A.",)
    assert snippet.extent == pytest.approx((-0.5, -0.5 + 14 / 12))


def test_depths_and_world_go_both_ways(short_scan):
    _, place = short_scan
    np.testing.assert_allclose(depths_of_z(place, place.depths_mm), np.arange(8), atol=1e-12)
