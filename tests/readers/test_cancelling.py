"""A reading that is cancelled ends within a slice, whatever is read, and leaves nothing behind."""

from __future__ import annotations

import tempfile
import threading
import zipfile
from pathlib import Path

import nibabel
import numpy as np
import pytest

from napari_ct_grounding import read_volume
from napari_ct_grounding.core.errors import Cancelled
from napari_ct_grounding.readers.cancelling import reading_until, stop_if_cancelled

NUM_SLICES = 6


@pytest.fixture(params=["folder", "zip", "nifti", "nifti of several frames"])
def scan(request, new_series, tmp_path) -> tuple[Path, dict]:
    """Something to read, and how."""
    if request.param.startswith("nifti"):
        num_frames = 3 if "frames" in request.param else 1
        values = np.random.default_rng(0).integers(-1000, 1000, (5, 4, NUM_SLICES, num_frames)).astype(np.int16)
        path = tmp_path / "scan.nii.gz"
        nibabel.save(nibabel.Nifti1Image(values[..., 0] if num_frames == 1 else values, np.eye(4)), path)
        return path, {"frame": num_frames - 1} if num_frames > 1 else {}
    new_series("study").stack([3.0 * index for index in range(NUM_SLICES)])
    if request.param == "folder":
        return tmp_path / "study", {}
    path = tmp_path / "study.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for file in sorted((tmp_path / "study").rglob("*")):
            packed.write(file, file.relative_to(tmp_path))
    return path, {}


def test_a_reading_ends_at_the_first_question_that_is_answered_with_yes(scan, tmp_path, monkeypatch):
    path, options = scan
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    asked: list[int] = []
    with reading_until(lambda: bool(asked.append(1))):
        whole = read_volume(path, assume_hu=True, **options)
    assert len(asked) >= NUM_SLICES, "asked for every slice"
    for num in range(1, len(asked) + 1):
        questions = iter(range(1, num + 1))  # one more question than answers would be a StopIteration
        with pytest.raises(Cancelled), reading_until(lambda questions=questions, num=num: next(questions) == num):
            read_volume(path, assume_hu=True, **options)
        assert list(scratch.iterdir()) == []
    np.testing.assert_array_equal(read_volume(path, assume_hu=True, **options).hu, whole.hu)


def test_the_wish_holds_inside_its_block_and_on_its_thread_alone():
    problems: list[Exception] = []

    def read_elsewhere() -> None:
        try:
            stop_if_cancelled()
        except Cancelled as error:
            problems.append(error)

    with reading_until(lambda: True):
        with pytest.raises(Cancelled):
            stop_if_cancelled()
        thread = threading.Thread(target=read_elsewhere)
        thread.start()
        thread.join()
    stop_if_cancelled()
    assert problems == []
