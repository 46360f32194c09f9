"""A slice of the fuzzer's inputs; `python -m tests.readers.fuzz --inputs 20000` runs them all."""

from __future__ import annotations

import shutil
from collections import Counter

import pytest

from tests.readers.fuzz import FORMATS, run_one

#: Inputs of each format; a DICOM series costs five times as much as a file.
NUM_INPUTS = {"NIfTI": 450, "NRRD": 450, "MetaImage": 450, "DICOM": 150, "DICOM, compressed": 150}


@pytest.mark.parametrize("name", FORMATS)
def test_damaged_scans_open_in_the_right_place_or_are_refused_in_words(name, tmp_path):
    results: Counter[str] = Counter()
    first = list(FORMATS).index(name)
    for number in range(first, first + NUM_INPUTS[name] * len(FORMATS), len(FORMATS)):
        folder = tmp_path / "scan"
        folder.mkdir()
        results[run_one(number, folder, seed=7)] += 1
        shutil.rmtree(folder)
    opened = sum(count for kind, count in results.items() if "agree" in kind)
    # The slice is worth something only where both ends occur, and nearly every opened scan had a second opinion.
    assert opened > NUM_INPUTS[name] / 10
    assert results[f"{name}: refused"] > NUM_INPUTS[name] / 10
    assert results[f"{name}: opened, no second opinion"] <= NUM_INPUTS[name] / 100


@pytest.mark.parametrize(("number", "seed"), [(818, 20261124), (2439, 5)])
def test_inputs_that_failed_once_are_judged_rightly(number, seed, tmp_path):
    assert "agree" in run_one(number, tmp_path, seed)
