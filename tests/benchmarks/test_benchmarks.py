"""The benchmark measures what it says: its stopwatch, and that ours and MONAI's windows are the same."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from tests.benchmarks.file_to_windows import by_monai, ours
from tests.benchmarks.measure import measured, spread


def test_the_spread_is_median_and_nearest_rank_percentile() -> None:
    assert spread(range(1, 101)) == {"median": 50.5, "p95": 95, "n": 100}
    assert spread([3.0]) == {"median": 3.0, "p95": 3.0, "n": 1}
    assert spread([1, 2, 9]) == {"median": 2, "p95": 9, "n": 3}


@pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="the mark of the peak can be set back on Linux only"
)
def test_the_peak_counts_what_was_held_for_a_moment_and_not_what_came_before() -> None:
    before = np.ones(30_000_000, dtype=np.uint8)
    with measured() as cost:
        np.ones(100_000_000, dtype=np.uint8).sum()
    assert 90 < cost.peak_mb < 130
    assert cost.cpu_s > 0
    assert cost.wall_s > 0
    assert before.all()


@pytest.mark.filterwarnings("ignore:NvImgCodecPydicomReader:UserWarning")  # MONAI looks for every reader that it knows
def test_the_measured_chains_give_the_same_windows(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    affine = np.diag([-2.1, -2.3, 2.5, 1.0])
    affine[:3, 3] = (150.0, 170.0, -420.0)
    path = tmp_path / "scan.nii.gz"
    nibabel.save(nibabel.Nifti1Image(rng.integers(-1100, 1300, (60, 50, 44), dtype=np.int16), affine), path)
    a, b = ours(path), by_monai(path)
    assert a.shape == b.shape == (1, 1, 128, 128, 32)
    assert a.dtype == b.dtype == np.float16
    np.testing.assert_allclose(a.astype(np.float32), b.astype(np.float32), atol=4.9e-4)
    assert (a != b).mean() < 1e-3
