"""Weights of the released type, made here, in the dock; `make train-smoke` names the folder of those that it has trained."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from napari_ct_grounding.inference.session import GroundingSession
from napari_ct_grounding.readers import get_reader
from napari_ct_grounding.widgets.dock import GroundingDock
from napari_ct_grounding.widgets.view import current_slice
from train.data.datasets.manifest import Manifest
from train.phantom_datasets import write_clinic
from train.tiny_weights import write_tiny_weights

pytestmark = [pytest.mark.gui, pytest.mark.usefixtures("no_threads_left")]


@pytest.fixture
def weights_and_study(tmp_path):
    if walked := os.environ.get("CT_GROUNDING_TRAIN_SMOKE"):
        return Path(walked) / "weights", Manifest(Path(walked) / "clinic" / "clinic.csv").scans()[0]
    study = Manifest(write_clinic(tmp_path / "clinic", [1], (8.0, 8.0, 8.0))).scans()[0]
    sentences = [sentence for placed in study.placed for sentence in placed.sentences]
    return write_tiny_weights(tmp_path / "weights", sentences), study


def test_the_dock_answers_a_sentence_about_a_dicom_study_with_weights_of_our_own(
    make_napari_viewer, qtbot, weights_and_study
):
    weights, study = weights_and_study
    viewer = make_napari_viewer()
    for data, meta, kind in get_reader(str(study.path))(str(study.path)):
        layer = getattr(viewer, f"add_{kind}")(data, **meta)
    dock = GroundingDock(viewer, lambda *_: GroundingSession.from_pretrained(str(weights), device="cpu", cache=None))
    viewer.window.add_dock_widget(dock, name="CT Grounding", area="right")
    dock.sentence_panel.submit(study.placed[0].sentences[0])
    qtbot.waitUntil(lambda: dock.disease_panel.list.count() == 18 and dock.jobs.is_idle, timeout=20_000)
    (answer,) = dock.table.results()
    assert answer.sentence == study.placed[0].sentences[0]
    assert answer.image_number is not None
    # Random weights may find no clear location, and then the viewer stays where it is; the strip goes there all the same.
    dock.strip.z_requested.emit(answer.z_mm)
    assert current_slice(viewer, layer) == answer.slice_index
