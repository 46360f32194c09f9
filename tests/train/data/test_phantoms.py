from __future__ import annotations

import numpy as np
import pytest

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.model.slab.preprocessing import SlabFrame
from napari_ct_grounding.phantom.scan import generate_scan
from train.__main__ import main
from train.data.phantoms import check_frame, generate_cache, load_cache, read_slabs


def test_the_cache_holds_what_the_session_would_prepare_bit_for_bit(cache, prepared_again):
    assert np.array_equal(read_slabs(cache, 1), prepared_again.hu)


def test_targets_are_those_of_the_scan(phantoms):
    assert phantoms[2].targets == generate_scan(2, spacing_mm=SlabFrame().spacing_mm).targets


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


def test_a_cache_of_another_frame_is_refused(cache, tmp_path):
    check_frame(cache, SlabFrame())
    check_frame(tmp_path, SlabFrame())  # empty
    finer = SlabFrame(spacing_mm=(4.0, 3.0, 3.0), shape=(128, 150))
    with pytest.raises(
        InputError, match=r"holds 5 mm slabs of 96 x 112 pixels, but 4 mm slabs of 128 x 150 pixels are wanted"
    ):
        check_frame(cache, finer)
    with pytest.raises(InputError, match="wanted"):
        generate_cache(cache, [7], finer, num_workers=1)


def test_fit_refuses_a_cache_of_another_frame_before_it_begins(cache, tmp_path, repository, capsys):
    recipe = repository / "train" / "recipes" / "bundled_gpu.toml"
    with pytest.raises(SystemExit) as ended:
        main(["fit", "--recipe", str(recipe), "--cache", str(cache), "--out", str(tmp_path / "run")])
    assert ended.value.code == 2
    assert "4 mm slabs" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_single_seeds_can_be_read(cache):
    assert [phantom.seed for phantom in load_cache(cache, [2, 0])] == [0, 2]
