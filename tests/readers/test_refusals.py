"""Scans that a reader refuses wait for a dock, once."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest

from napari_ct_grounding.core.errors import UnevenSpacingError, VolumeError
from napari_ct_grounding.readers import get_reader
from napari_ct_grounding.readers.napari_reader import NO_LAYER
from napari_ct_grounding.readers.refusals import RefusalDesk, RefusedScan, refusals

GAP = (0.0, 4.0, 8.0, 12.0, 20.0, 24.0)


@pytest.fixture(autouse=True)
def _empty_desk():
    refusals.take_last()
    yield
    refusals.take_last()


def test_a_refused_scan_goes_to_the_first_listener_that_takes_it_and_is_not_kept():
    desk, seen = RefusalDesk(), []
    desk.listen(lambda refused: seen.append(("other window", refused)) or False)
    desk.listen(lambda refused: seen.append(("active window", refused)) or True)
    desk.listen(lambda refused: seen.append(("never asked", refused)) or True)
    refused = RefusedScan("folder", VolumeError("no"))
    assert desk.offer(refused)
    assert seen == [("other window", refused), ("active window", refused)]
    assert desk.take_last() is None


def test_a_scan_that_nobody_took_is_kept_for_the_next_dock_and_given_once():
    desk = RefusalDesk()
    first, second = (RefusedScan(name, VolumeError("no")) for name in ("a", "b"))
    assert not desk.offer(first)
    assert not desk.offer(second)
    assert desk.take_last() is second
    assert desk.take_last() is None


def test_a_listener_that_left_is_not_asked():
    desk, seen = RefusalDesk(), []
    desk.listen(seen.append)
    desk.ignore(seen.append)
    assert not desk.offer(RefusedScan("a", VolumeError("no")))
    assert seen == []


def test_without_a_dock_the_reader_says_where_the_remedy_is(series):
    series.stack(GAP)
    folder = str(series.folder)
    with pytest.raises(UnevenSpacingError, match=r"8 mm instead of 4 mm.*Open the dock CT Grounding") as raised:
        get_reader(folder)(folder)
    assert "--uneven" not in str(raised.value)
    assert refusals.take_last().path == folder


def test_with_a_dock_the_reader_gives_no_layer_and_no_error(series):
    series.stack(GAP)
    folder, taken = str(series.folder), []
    refusals.listen(take := lambda refused: taken.append(refused) or True)
    try:
        assert get_reader(folder)(folder) is NO_LAYER
    finally:
        refusals.ignore(take)
    assert isinstance(taken[0].error, UnevenSpacingError)
    assert "1 slice missing" in taken[0].error.problem
    assert "Export" not in taken[0].error.problem


def test_a_file_with_several_volumes_opens_with_the_first_and_says_so(tmp_path):
    path = str(tmp_path / "perfusion.nii.gz")
    values = np.random.default_rng(0).integers(-1000, 1000, (4, 5, 6, 3)).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), path)
    ((data, meta, _),) = get_reader(path)(path)
    np.testing.assert_array_equal(data, values[..., 0].T)
    assert meta["metadata"]["ct_frame"] == (0, 3)
    assert meta["name"] == "perfusion, volume 1 of 3"
    assert any(note.startswith("Volume 1 of 3") for note in meta["metadata"]["ct_volume"].notes)
