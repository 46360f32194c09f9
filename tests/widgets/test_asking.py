"""What the tabs ask of the session."""

from __future__ import annotations

import pytest

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.readers.napari_reader import layer_of_volume
from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.sources import source_of_layer
from napari_ct_grounding.widgets.work import SessionStore


@pytest.fixture
def controller(inline_jobs, session, volume):
    from napari.components import ViewerModel

    controller = GroundingController(inline_jobs, SessionStore(lambda *_: session))
    viewer = ViewerModel()
    data, meta, _ = layer_of_volume(volume)
    controller.choose_source(source_of_layer(viewer.add_image(data, **meta)))
    controller.encode()
    inline_jobs.run_all()
    return controller


def test_work_gets_the_session_and_the_encoded_scan(controller, inline_jobs, session):
    answers = []
    controller.ask("spheres", lambda session, encoded, context: (session, encoded), answers.append)
    assert controller.is_working
    inline_jobs.run_all()
    assert answers == [(session, controller.answers.scan.encoded)]
    assert not controller.is_working


def test_the_latest_question_of_a_kind_replaces_the_one_before(controller, inline_jobs):
    answers = []
    for number in (1, 2):
        controller.ask("count", lambda *_, number=number: number, answers.append)
    controller.ask("other", lambda *_: "other", answers.append)
    inline_jobs.run_all()
    assert answers == [2, "other"]


def test_cancel_stops_all_that_was_asked(controller, inline_jobs):
    stopped = []
    controller.ask("count", lambda *_: 1, stopped.append, on_cancelled=lambda: stopped.append("cancelled"))
    controller.cancel()
    inline_jobs.run_all()
    assert stopped == ["cancelled"]
    assert not controller.is_working


def test_work_on_a_removed_layer_is_stopped(controller, inline_jobs):
    answers = []
    controller.ask("count", lambda *_: 1, answers.append)
    controller.forget_layer(controller.intent.source.layer_id)
    inline_jobs.run_all()
    assert not answers


def test_a_failure_is_told_once(controller, inline_jobs):
    told = []
    controller.failed.connect(told.append)

    def fail(*_):
        raise RuntimeError("no")

    controller.ask("count", fail, lambda _: None)
    inline_jobs.run_all()
    assert [str(error) for error in told] == ["no"]
    assert not controller.is_working


def test_a_scan_that_is_not_encoded_is_not_asked(inline_jobs, session, volume):
    controller = GroundingController(inline_jobs, SessionStore(lambda *_: session))
    with pytest.raises(InputError, match="No CT is open"):
        controller.ask("count", lambda *_: 1, lambda _: None)
