"""Opening scans and asking about them, without a window: napari's model, a notice board, and jobs that run when told to."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import nibabel
import numpy as np
import pytest
from napari.components import ViewerModel

from napari_ct_grounding.core.errors import Cancelled, UnevenSpacingError, VolumeError
from napari_ct_grounding.readers.refusals import RefusedScan, refusals
from napari_ct_grounding.widgets import opening
from napari_ct_grounding.widgets.layer_watch import LayerWatch
from napari_ct_grounding.widgets.opening import ScanOpener, ScanOrder, read_order
from napari_ct_grounding.widgets.panels.colors import colors_of_theme
from napari_ct_grounding.widgets.panels.notice import NoticeBoard
from napari_ct_grounding.widgets.sources import Orientation
from napari_ct_grounding.widgets.view import uncover
from napari_ct_grounding.widgets.volumes import VolumeList

GAP = "The series has gaps, 1 slice missing."


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def volumes(viewer):
    return VolumeList(viewer)


@pytest.fixture
def notices(qtbot):
    board = NoticeBoard(colors_of_theme("dark"))
    qtbot.addWidget(board)
    return board


@pytest.fixture
def chosen():
    return []


@pytest.fixture
def opener(viewer, volumes, notices, inline_jobs, chosen):
    opener = ScanOpener(viewer, inline_jobs, volumes, notices, chosen.append)
    yield opener
    opener.cancel()  # its timer must not outlive the notices
    opener.ignore()
    refusals.take_last()


@pytest.fixture
def read(monkeypatch, volume_maker):
    """Replace the reader; returns the orders it got. Uneven scans are refused unless they are resampled."""
    from napari_ct_grounding.readers.napari_reader import layer_of_volume

    orders = []

    def scan_layer(path, series=None, uneven="refuse", frame=None):
        orders.append((path, series, uneven, frame))
        if "uneven" in str(path) and uneven == "refuse":
            raise UnevenSpacingError(f"{GAP} Ask for --uneven resample.", GAP)
        if "broken" in str(path):
            raise VolumeError("It holds no image.")
        return layer_of_volume(volume_maker(), ct_source=path, ct_series_key=series, ct_frame=frame and (frame, 5)), ()

    monkeypatch.setattr("napari_ct_grounding.readers.napari_reader.scan_layer", scan_layer)
    return orders


def _choose(volumes, layer):
    volumes.look()
    volumes.chosen_id = layer.unique_id


def test_a_scan_is_read_on_the_worker_and_becomes_a_layer(opener, viewer, inline_jobs, read):
    opener.open_paths(["folder"])
    assert read == []
    assert len(viewer.layers) == 0
    inline_jobs.run_all()
    assert read == [("folder", None, "refuse", None)]
    assert viewer.layers[0].metadata["ct_volume"] is not None


def test_the_same_scan_asked_for_twice_is_read_once_and_several_files_are_one_series(opener, inline_jobs, read):
    opener.open_paths(["a", "b"])
    opener.open_paths(["a", "b"])
    inline_jobs.run_all()
    assert read == [(["a", "b"], None, "refuse", None)]


def test_uneven_slices_are_asked_about_and_the_button_resamples(opener, viewer, notices, inline_jobs, read):
    opener.open_paths("uneven scan")
    inline_jobs.run_all()
    assert len(viewer.layers) == 0
    assert GAP in notices.text_of("uneven")
    assert "--uneven" not in notices.text_of("uneven")
    notices.press("uneven", "Resample to an even grid")
    assert notices.text_of("uneven") is None
    inline_jobs.run_all()
    assert read[-1] == ("uneven scan", None, "resample", None)
    assert len(viewer.layers) == 1


def test_what_cannot_be_opened_is_said_and_the_next_opening_takes_the_notice_away(opener, notices, inline_jobs, read):
    opener.open_paths("/somewhere/broken.dcm")
    inline_jobs.run_all()
    assert notices.text_of("refused") == "broken.dcm was not opened. It holds no image."
    opener.open_paths("good")
    assert notices.text_of("refused") is None


def test_an_unforeseen_error_is_told_without_its_words(opener, notices, inline_jobs, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError("/data/patient")

    monkeypatch.setattr(opening, "read_order", fail)
    opener.open_paths("scan")
    inline_jobs.run_all()
    assert "ZeroDivisionError" in notices.text_of("refused")
    assert "patient" not in notices.text_of("refused")


def test_a_long_reading_is_announced_and_cancel_drops_it(opener, viewer, notices, inline_jobs, read, qtbot):
    opener.open_paths("long")
    assert notices.text_of("reading") is None, "a short one must not flash"
    qtbot.waitUntil(lambda: notices.text_of("reading") is not None, timeout=2000)
    assert notices.text_of("reading") == "Reading long\u2026"
    notices.press("reading", "Cancel")
    assert inline_jobs.queued == {}
    assert notices.text_of("reading") is None
    opener.open_paths("long")
    inline_jobs.run_all()
    assert len(viewer.layers) == 1


def test_cancel_ends_the_reading_of_a_file_before_its_next_slice(tmp_path):
    path = str(tmp_path / "long.nii")
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 5, 6), np.int16), np.eye(4)), path)
    asked = []
    context = SimpleNamespace(is_cancelled=lambda: bool(asked.append(1)) or len(asked) == 3)
    with pytest.raises(Cancelled):
        read_order(ScanOrder(path), context)
    assert len(asked) == 3


def test_another_series_opens_once_and_is_found_again(opener, viewer, volumes, inline_jobs, add_ct, chosen, read):
    infos = [SimpleNamespace(key=key, label=key, reason=None, is_uneven=False) for key in "ab"]
    layer = add_ct(viewer, ct_source="folder", ct_series=infos, ct_series_key="a")
    _choose(volumes, layer)
    opener.open_series("b")
    inline_jobs.run_all()
    assert read == [("folder", "b", "refuse", None)]
    opener.open_series("b")
    assert inline_jobs.queued == {}
    assert chosen == [viewer.layers[-1].unique_id]


def test_an_uneven_series_in_the_chooser_is_asked_about_before_it_is_read(
    opener, viewer, volumes, notices, inline_jobs, add_ct, read
):
    infos = [
        SimpleNamespace(key="a", label="good", reason=None, is_uneven=False),
        SimpleNamespace(key="b", label="uneven", reason=GAP, is_uneven=True),
        SimpleNamespace(key="c", label="sheet", reason="It holds no image.", is_uneven=False),
    ]
    _choose(volumes, add_ct(viewer, ct_source="folder", ct_series=infos, ct_series_key="a"))
    entries, shown = volumes.series()
    assert [entry.is_enabled for entry in entries] == [True, True, False]
    assert (shown, entries[1].tooltip) == ("a", GAP)
    opener.open_series("b")
    assert inline_jobs.queued == {}
    notices.press("uneven", "Resample to an even grid")
    inline_jobs.run_all()
    assert read == [("folder", "b", "resample", None)]


def test_frames_of_a_real_file_are_switched_and_found_again(opener, viewer, volumes, inline_jobs, chosen, tmp_path):
    values = np.random.default_rng(0).integers(-1000, 1000, (4, 5, 6, 3)).astype(np.int16)
    path = str(tmp_path / "perfusion.nii")
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), path)
    opener.open_paths(path)
    inline_jobs.run_all()
    first = viewer.layers[0]
    _choose(volumes, first)
    assert volumes.frame() == (0, 3)
    opener.open_frame(2)
    inline_jobs.run_all()
    np.testing.assert_array_equal(viewer.layers[1].data, values[..., 2].T)
    _choose(volumes, viewer.layers[1])
    assert volumes.frame() == (2, 3)
    opener.open_frame(0)
    assert inline_jobs.queued == {}
    assert chosen == [first.unique_id]


def test_what_napari_could_not_open_appears_in_the_dock_that_is_open_or_opens_next(opener, notices):
    refusals.offer(RefusedScan("uneven scan", UnevenSpacingError("words for a shell", GAP)))
    opener.listen()
    assert GAP in notices.text_of("uneven")
    assert refusals.offer(RefusedScan("broken", VolumeError("It holds no image.")))
    assert "It holds no image." in notices.text_of("refused")
    opener.ignore()
    assert not refusals.offer(RefusedScan("broken", VolumeError("It holds no image.")))


def test_an_opener_that_is_deleted_leaves_the_desk(viewer, volumes, notices, inline_jobs, qtbot):
    opener = ScanOpener(viewer, inline_jobs, volumes, notices, lambda _: None)
    opener.listen()
    with qtbot.waitSignal(opener.destroyed):
        opener.deleteLater()
    assert not refusals.offer(RefusedScan("broken", VolumeError("It holds no image.")))
    assert refusals.take_last() is not None


def test_a_scan_refused_on_another_thread_is_not_shown_from_there(opener):
    opener.listen()
    taken = []
    refused = RefusedScan("broken", VolumeError("It holds no image."))
    thread = threading.Thread(target=lambda: taken.append(refusals.offer(refused)))
    thread.start()
    thread.join()
    assert taken == [False]


# -- layers that change


def test_every_change_of_a_layer_is_heard_until_the_watch_rests(viewer, add_ct):
    layer = add_ct(viewer)
    watch, heard = LayerWatch(viewer), []
    watch.altered.connect(heard.append)
    before = len(layer.events.data.callbacks)
    watch.follow()
    watch.follow()
    assert len(layer.events.data.callbacks) == before + 1
    layer.data = np.zeros(layer.data.shape, np.int16)
    assert heard == [layer.unique_id]
    layer.units = ("cm",) * 3
    assert len(heard) > 1
    watch.rest()
    assert len(layer.events.data.callbacks) == before


def test_a_source_follows_the_layer_it_was_made_of(viewer, volumes):
    layer = viewer.add_image(np.zeros((6, 4, 5)), scale=(3, 1, 1))
    _choose(volumes, layer)
    assert volumes.source() is None
    assert volumes.spacing_question() == (3.0, 1.0, 1.0)
    volumes.set_orientation(Orientation())
    first = volumes.source()
    layer.name = "renamed"
    assert volumes.source() == first
    layer.units = ("cm",) * 3
    assert volumes.spacing_question() is None
    assert volumes.source() != first
    assert volumes.source().geometry.spacing_mm == pytest.approx((30.0, 10.0, 10.0))
    second = volumes.source()
    layer.data = np.ones((6, 4, 5))
    assert volumes.source() != second
    layer.data = np.zeros((5, 5))
    assert volumes.look() is None
    assert volumes.chosen_id is None


def test_a_chosen_layer_is_uncovered(viewer, add_ct):
    low, labels, high = add_ct(viewer), viewer.add_labels(np.zeros((4, 4, 4), int)), add_ct(viewer)
    low.visible = False
    uncover(viewer, low, [low.unique_id, high.unique_id])
    assert [layer.visible for layer in (low, labels, high)] == [True, True, False]
    viewer.canvas.grid.enabled = True
    high.visible = True
    uncover(viewer, low, [low.unique_id, high.unique_id])
    assert high.visible
