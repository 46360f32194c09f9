from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from napari_ct_grounding.core.geometry import VolumeGeometry, canonicalise
from napari_ct_grounding.core.resampling import spaced_grid
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.core.window_grid import WindowGrid
from napari_ct_grounding.model.radfinder.preprocessing import (
    body_fraction_inside,
    body_positions_mm,
    cut_windows,
    interpolated_slices,
    prepare_windows,
    scale_intensity,
    slices_of_windows,
)

DATA = Path(__file__).resolve().parents[2] / "data" / "radfinder"
FACTS = json.loads((DATA / "preprocess.json").read_text())
FLOAT16_STEP = 4.9e-4


def _reference_hu(name: str, facts: dict[str, Any]) -> np.ndarray:
    """Voxels in the order in which the file holds them, in the type in which a reader gives them."""
    affine, (na, nb, nc) = np.array(facts["affine"]), facts["shape"]
    hu = np.empty((na, nb, nc), dtype=np.float32 if name in ("oblique_xy", "slope_inter") else np.int16)
    b, c = np.meshgrid(np.arange(nb, dtype=float), np.arange(nc, dtype=float), indexing="ij", sparse=True)
    for a in range(na):
        x, y, z = (row[0] * a + row[1] * b + row[2] * c + row[3] for row in affine[:3])
        v = -150 + 420 * np.sin(2 * np.pi * x / 83) * np.cos(2 * np.pi * y / 67 + 0.4)
        v = v + 310 * np.sin(2 * np.pi * z / 58 + 0.02 * x) + 260 * np.cos(2 * np.pi * (x + y - z) / 149)
        v = np.where((x / 160) ** 2 + (y / 120) ** 2 > 1, -1100, 1.25 * v)
        if "slope" in facts:
            stored = np.clip(np.round((v - facts["inter"]) / facts["slope"]), 0, 65535)
            v = stored * facts["slope"] + facts["inter"]
        hu[a] = np.round(v) if hu.dtype == np.int16 else v
    return hu


@pytest.fixture(scope="module", params=FACTS)
def reference(request) -> tuple[str, CTVolume, dict[str, np.ndarray]]:
    """A volume of the reference set, as a reader would give it, and its figures."""
    name, facts = request.param, FACTS[request.param]
    canonical = canonicalise(facts["affine_loaded"], tuple(facts["shape"]))
    volume = CTVolume(canonical.apply(_reference_hu(name, facts)), canonical.geometry)
    with np.load(DATA / "preprocess.npz") as arrays:
        figures = {key.split("/")[1]: arrays[key] for key in arrays.files if key.startswith(f"{name}/")}
    return name, volume, figures


def test_windows_agree_with_the_released_ones(reference):
    name, volume, figures = reference
    windows = prepare_windows(volume)
    assert windows.pixels.dtype == np.float16
    assert list(windows.pixels.shape) == FACTS[name]["windows_shape"]
    assert list(windows.num_windows_hwd) == FACTS[name]["grid"]
    found = windows.pixels[tuple(figures["idx"].astype(int).T)].astype(np.float32)
    difference = np.abs(found - figures["val"])
    assert difference.max() <= FLOAT16_STEP
    assert np.count_nonzero(difference) <= 1e-3 * difference.size
    sums = windows.pixels.astype(np.float64).sum((1, 2, 3, 4))
    # One voxel of half a million may be one step off (an oblique file's float32 affine); everything else is equal.
    np.testing.assert_allclose(sums, figures["win_sum"], atol=FLOAT16_STEP, rtol=1e-12)


def test_resampled_values_agree_with_the_released_ones_outside_the_crop_too(reference):
    _, volume, figures = reference
    spaced = spaced_grid(volume.geometry, (3.0, 0.75, 0.75))
    x, y, z = figures["spaced_idx"].astype(int).T
    for k in np.unique(z)[:8]:
        kept = (slice(k, k + 1), *(slice(0, n) for n in spaced.geometry.shape[1:]))
        found = next(interpolated_slices(volume.hu, spaced, kept))
        np.testing.assert_allclose(found[y[z == k], x[z == k]], figures["spaced_val"][z == k], atol=6e-8, rtol=0)


@pytest.mark.parametrize("seed", range(4))
def test_sheared_and_oblique_scans_agree_with_a_plain_trilinear_interpolation(seed):
    rng = np.random.default_rng(seed)
    affine = np.eye(4)
    affine[:3, :3] = (np.eye(3) + 0.2 * rng.standard_normal((3, 3))) * [1.1, 0.9, 2.3]
    hu = rng.integers(-1200, 1200, (14, 30, 34)).astype(np.int16)
    spaced = spaced_grid(VolumeGeometry(affine, hu.shape), (3.0, 0.75, 0.75))
    whole = tuple(slice(0, n) for n in spaced.geometry.shape)
    found = np.stack(list(interpolated_slices(hu, spaced, whole)))
    z, y, x = np.indices(spaced.geometry.shape)
    index = np.stack([x, y, z, np.ones_like(x)], axis=-1) @ spaced.source_index_matrix.T
    limits = np.array(hu.shape) - 1
    at = [np.clip(index[..., 2 - axis], 0, limits[axis]) for axis in range(3)]
    expected = ndimage.map_coordinates(scale_intensity(hu).astype(np.float64), at, order=1)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    part = (slice(1, 3), slice(4, 9), slice(5, 16))
    np.testing.assert_allclose(np.stack(list(interpolated_slices(hu, spaced, part))), expected[part], atol=1e-6)


def test_windows_go_back_to_slices_without_loss():
    hu = np.random.default_rng(0).integers(-1000, 1000, (19, 40, 50)).astype(np.int16)
    volume = CTVolume(hu, VolumeGeometry.from_spacing(hu.shape, (3.0, 0.75, 0.75)))
    windows = prepare_windows(volume, window=(8, 16, 16))
    back = slices_of_windows(windows.pixels, windows.grid.num_windows)
    np.testing.assert_array_equal(back, scale_intensity(hu[windows.grid.kept]).astype(np.float16))


def test_windows_run_over_h_then_w_then_d_and_their_axes_are_right_anterior_superior():
    z, y, x = np.indices((16, 32, 48))
    hu = (x + 50 * y + 10 * z).astype(np.int16) - 1000
    volume = CTVolume(hu, VolumeGeometry.from_spacing(hu.shape, (3.0, 0.75, 0.75)))
    windows = prepare_windows(volume, window=(8, 16, 16))
    assert windows.num_windows_hwd == (3, 2, 2)
    for number, (h, w, d) in enumerate(np.ndindex(3, 2, 2)):
        corner = windows.pixels[number, 0, 0, 0, 0] * 2000
        assert corner == pytest.approx(16 * h + 50 * 16 * w + 10 * 8 * d, abs=1)
    steps = [windows.pixels[0, 0][at] * 2000 for at in ((1, 0, 0), (0, 1, 0), (0, 0, 1))]
    assert steps == pytest.approx([1, 50, 10], abs=0.1)


def test_a_block_that_ends_in_padding_holds_air_there():
    hu = np.full((12, 16, 16), 500, dtype=np.int16)
    spaced = spaced_grid(VolumeGeometry.from_spacing(hu.shape, (3.0, 0.75, 0.75)), (3.0, 0.75, 0.75))
    grid = WindowGrid(spaced, (8, 16, 16), (2, 1, 1), (0, 0, 0))
    slices = slices_of_windows(cut_windows(hu, grid), grid.num_windows)
    np.testing.assert_array_equal(slices[:12], np.float16(0.75))
    np.testing.assert_array_equal(slices[12:], 0)


def test_a_scan_is_prepared_in_hardly_more_memory_than_its_windows_take():
    hu = np.zeros((60, 300, 300), dtype=np.int16)
    volume = CTVolume(hu, VolumeGeometry.from_spacing(hu.shape, (2.0, 0.8, 0.8)))
    tracemalloc.start()
    windows = prepare_windows(volume)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Beside the windows: one window's depth of float16 slices, and a few float64 slices.
    assert peak < 2 * windows.pixels.nbytes + 8e6


def seen_fraction(volume: CTVolume) -> float:
    return body_fraction_inside(body_positions_mm(volume), [prepare_windows(volume).grid])


def test_the_body_that_the_crop_leaves_out_is_counted():
    hu = np.full((40, 160, 160), -1000, dtype=np.int16)
    hu[:, 20:140, 20:140] = 0
    volume = CTVolume(hu, VolumeGeometry.from_spacing(hu.shape, (3.0, 0.75, 0.75)))
    # 32 of 40 slices, all of the body in the plane
    assert seen_fraction(volume) == pytest.approx(0.8, abs=0.03)


def test_the_body_in_either_of_two_blocks_counts_once():
    hu = np.zeros((40, 128, 128), dtype=np.int16)
    volume = CTVolume(hu, VolumeGeometry.from_spacing(hu.shape, (3.0, 0.75, 0.75)))
    spaced = spaced_grid(volume.geometry, (3.0, 0.75, 0.75))
    lower, upper = (WindowGrid(spaced, (32, 128, 128), (1, 1, 1), (start, 0, 0)) for start in (0, 8))
    body_mm = body_positions_mm(volume)
    assert body_fraction_inside(body_mm, [lower]) == pytest.approx(0.8, abs=1e-9)
    assert body_fraction_inside(body_mm, [lower, upper]) == 1.0


def test_the_last_slice_of_a_scan_belongs_to_a_grid_that_ends_half_a_voxel_early():
    # 64 slices of 1.5 mm reach to 31.5 voxels of 3 mm: 32.5 of them, rounded to 32.
    hu = np.zeros((64, 128, 128), dtype=np.int16)
    volume = CTVolume(hu, VolumeGeometry.from_spacing(hu.shape, (1.5, 0.75, 0.75)))
    assert body_positions_mm(volume)[:, 2].max() == 94.5
    assert seen_fraction(volume) == 1.0


def test_a_scan_of_air_counts_as_wholly_seen():
    hu = np.full((40, 160, 160), -1000, dtype=np.int16)
    volume = CTVolume(hu, VolumeGeometry.from_spacing(hu.shape, (3.0, 0.75, 0.75)))
    assert body_positions_mm(volume).shape == (0, 3)
    assert seen_fraction(volume) == 1.0
