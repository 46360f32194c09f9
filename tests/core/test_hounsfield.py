"""`check_hounsfield` of core/volume.py: are these values of a CT?"""

from __future__ import annotations

import numpy as np
import pytest

from napari_ct_grounding.core.errors import NotHounsfieldError, VolumeError
from napari_ct_grounding.core.volume import check_hounsfield


def body_in_air(dtype: str = "int16") -> np.ndarray:
    hu = np.full((8, 16, 16), -1000, dtype=dtype)
    hu[:, 4:12, 4:12] = 40
    return hu


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_a_body_in_air_passes(dtype: str) -> None:
    check_hounsfield(body_in_air(dtype))


def test_metal_and_scanner_padding_pass() -> None:
    hu = body_in_air("float32")
    hu[0, 0, 0], hu[1, 5, 5] = -8192, 30_000
    check_hounsfield(hu)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda hu: hu + 1000, "below -50"),  # stored values without the rescale intercept
        (lambda hu: np.clip(hu, -50, 300), "below -50"),  # a windowed export
        (lambda hu: (hu - hu.min()) / 1000, "below -50"),  # scaled to 0..1, or MR
        (lambda hu: hu - 2000, "no soft tissue"),  # rescaled twice
        (lambda hu: hu * 100, "beyond what a CT scanner writes"),
    ],
)
def test_values_of_other_kinds_are_refused_with_their_range_and_a_remedy(change, words: str) -> None:
    hu = change(body_in_air("float32"))
    with pytest.raises(NotHounsfieldError, match=words) as caught:
        check_hounsfield(hu)
    assert "--assume-hu" in str(caught.value)
    assert f"{hu.min():g}" in str(caught.value)


def test_nan_is_refused_and_insisting_is_not_offered() -> None:
    hu = body_in_air("float32")
    hu[3] = np.nan
    with pytest.raises(NotHounsfieldError, match="NaN") as caught:
        check_hounsfield(hu)
    assert "--assume-hu" not in str(caught.value)


def test_a_large_volume_is_judged_by_a_sample() -> None:
    # 4 GB if it were real: one slice repeated without memory.
    hu = np.broadcast_to(body_in_air()[:1, :1, :], (4000, 1000, 16))
    with pytest.raises(NotHounsfieldError):
        check_hounsfield(hu)
    check_hounsfield(np.broadcast_to(body_in_air()[0, 5, :], (4000, 1000, 16)))


def test_the_error_is_one_about_the_volume() -> None:
    assert issubclass(NotHounsfieldError, VolumeError)
