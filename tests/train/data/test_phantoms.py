from __future__ import annotations

import numpy as np

from napari_ct_grounding.model.slab.preprocessing import SlabFrame
from train.data.phantoms import generate_cache, load_cache, read_slabs


def test_the_cache_holds_what_the_session_would_prepare_bit_for_bit(cache, prepared_again):
    assert np.array_equal(read_slabs(cache, 1), prepared_again.hu)


def test_truth_lies_inside_the_slabs(phantoms):
    for phantom in phantoms:
        for target in phantom.targets:
            assert phantom.z_mm[0] - 2.5 - 1e-6 <= target.z_lo_mm <= target.z_mm <= target.z_hi_mm
            assert target.z_hi_mm <= phantom.z_mm[-1] + 2.5 + 1e-6


def test_a_report_never_denies_what_is_there(phantoms):
    for phantom in phantoms:
        assert not set(phantom.absent) & set(phantom.diseases)
        assert not set(phantom.absent) & {target.name.partition("@")[0] for target in phantom.targets}


def test_phantoms_already_there_are_not_made_again(cache):
    before = {path: path.stat().st_mtime_ns for path in cache.rglob("*.npy")}
    generate_cache(cache, range(5), SlabFrame(), num_workers=1)
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*.npy")} == before


def test_single_seeds_can_be_read(cache):
    assert [phantom.seed for phantom in load_cache(cache, [2, 0])] == [0, 2]
