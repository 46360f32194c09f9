"""Kernels and the order of series."""

from __future__ import annotations

import pytest

from napari_ct_grounding.readers.series import SeriesInfo, is_soft_kernel, sorted_by_likelihood


@pytest.mark.parametrize(
    "kernel", ["B19f", "B30f", "Br38f", "Bf37f", "I40f", "STANDARD", "SOFT", "FC08", "FC18", "B", "STD+"]
)
def test_soft_kernels_of_all_makers_are_known(kernel):
    assert is_soft_kernel(kernel) is True


@pytest.mark.parametrize("kernel", ["B70f", "Bl57f", "Br64", "LUNG", "BONEPLUS", "FC51", "FC86", "YB", "L", "b60f"])
def test_sharp_kernels_of_all_makers_are_known(kernel):
    assert is_soft_kernel(kernel) is False


@pytest.mark.parametrize("kernel", ["", "  ", "X17", "unknown"])
def test_an_unknown_kernel_is_neither(kernel):
    assert is_soft_kernel(kernel) is None


def test_what_cannot_be_opened_comes_last_whatever_else_it_offers():
    good = SeriesInfo("a", "", 9, "CT", 20, (5.0, 1.0, 1.0), "B70f", False, 95.0)
    bad = SeriesInfo("b", "", 1, "CT", 900, (1.0, 1.0, 1.0), "B30f", True, 899.0, reason="it has gaps")
    assert [info.key for info in sorted_by_likelihood([bad, good])] == ["a", "b"]


def test_the_label_is_one_line_a_reader_understands():
    info = SeriesInfo("a", "Thorax", 4, "CT", 134, (3.0, 1.0, 1.0), "B19f", True, 399.0)
    assert info.label == "Series 4: Thorax, 134 images of 3 mm, B19f"
