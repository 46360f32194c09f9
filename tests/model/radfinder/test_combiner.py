from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_ct_grounding.model.radfinder.combiner import Combiner, depth_mask, grid_mask

TOLERANCE = {"atol": 1e-4, "rtol": 0}


def test_the_path_over_whole_windows_agrees_with_the_released_figures(case, arranged, golden, small_network):
    name, grids = case["name"], case["grids"]
    cls, patch_average, _ = arranged
    with torch.inference_mode():
        scan_cls, tokens = small_network.feature_comb_image.whole(cls, patch_average, grids)
        vector = small_network.whole_vector(cls, patch_average, grids)
    mask = golden[f"{name}/window_mask"]
    np.testing.assert_array_equal(grid_mask(grids), mask)
    np.testing.assert_allclose(scan_cls, golden[f"{name}/lowres_cls"], **TOLERANCE)
    np.testing.assert_allclose(tokens.numpy()[mask], golden[f"{name}/lowres_patch"][mask], **TOLERANCE)
    np.testing.assert_allclose(vector[:, 72:], golden[f"{name}/lowres_pooled"], **TOLERANCE)
    np.testing.assert_array_equal(vector[:, :72], scan_cls)


def test_the_path_over_depth_positions_agrees_with_the_released_figures(case, arranged, golden, small_network):
    name, grids = case["name"], case["grids"]
    with torch.inference_mode():
        scan_cls, tokens = small_network.feature_comb_image.depths(arranged[2], grids)
        vectors = small_network.depth_vectors(arranged[2], grids)
    mask = np.repeat(golden[f"{name}/window_mask"], 8, axis=3)
    valid = golden[f"{name}/valid_depth"]
    np.testing.assert_allclose(scan_cls, golden[f"{name}/axis2_cls"], **TOLERANCE)
    np.testing.assert_allclose(tokens.numpy() * mask[..., None], golden[f"{name}/axis2_spatial"], **TOLERANCE)
    np.testing.assert_allclose(vectors.numpy()[valid, 72:], golden[f"{name}/axis2_perslice"][valid], **TOLERANCE)
    np.testing.assert_array_equal(depth_mask(grids, 8), valid)


@pytest.fixture
def combiner() -> Combiner:
    torch.manual_seed(0)
    return Combiner(12, 12, 2, 2).eval()


def test_a_scan_gives_the_same_alone_and_padded_within_a_batch(combiner):
    grids = [(2, 1, 3), (1, 2, 1)]
    cls, average = torch.randn(2, 2, 2, 3, 12), torch.randn(2, 2, 2, 3, 12)
    depth = torch.randn(2, 2, 2, 3, 4, 12)
    with torch.inference_mode():
        batch = combiner.whole(cls, average, grids)
        batch_depths = combiner.depths(depth, grids)
        for row, (h, w, d) in enumerate(grids):
            box = (slice(row, row + 1), slice(h), slice(w), slice(d))
            alone = combiner.whole(cls[box], average[box], [(h, w, d)])
            torch.testing.assert_close(batch[0][row], alone[0][0], atol=1e-5, rtol=0)
            torch.testing.assert_close(batch[1][row, :h, :w, :d], alone[1][0], atol=1e-5, rtol=0)
            alone = combiner.depths(depth[box], [(h, w, d)])
            torch.testing.assert_close(batch_depths[0][row], alone[0][0], atol=1e-5, rtol=0)
            torch.testing.assert_close(batch_depths[1][row, :h, :w, : 4 * d], alone[1][0], atol=1e-5, rtol=0)


def test_what_stands_at_padded_places_changes_nothing(combiner):
    grids = [(2, 1, 3), (1, 2, 1)]
    cls, average = torch.randn(2, 2, 2, 3, 12), torch.randn(2, 2, 2, 3, 12)
    mask = grid_mask(grids)[..., None]
    with torch.inference_mode():
        clean = combiner.whole(cls * mask, average * mask, grids)
        dirty = combiner.whole(torch.where(mask, cls, 1e3), torch.where(mask, average, 1e3), grids)
    torch.testing.assert_close(clean[0], dirty[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(clean[1] * mask, dirty[1] * mask, atol=1e-5, rtol=0)


def test_depth_positions_keep_the_step_of_whole_windows(combiner):
    sin, cos = combiner.rope((1, 1, 8), (1, 1, 2), num_prefix=0)
    coarse_sin, coarse_cos = combiner.rope((1, 1, 2), num_prefix=0)
    torch.testing.assert_close(sin[:2], coarse_sin)
    torch.testing.assert_close(cos[:2], coarse_cos)
