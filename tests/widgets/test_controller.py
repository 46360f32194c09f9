from __future__ import annotations

import pytest

from napari_ct_grounding.core.errors import InputError, NotHounsfieldError, SentenceError
from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.requests import Intent, WeightsChoice, resolve_scan, resolve_sentence
from napari_ct_grounding.widgets.sources import LayerSource
from napari_ct_grounding.widgets.work import SessionStore


def _source(volume, layer_id="a"):
    return LayerSource(layer_id, volume.name, volume.geometry, volume=volume)


class Listener:
    """Writes down what a controller says."""

    def __init__(self, controller):
        self.answers, self.failures, self.questions, self.progress, self.encoding = [], [], [], [], []
        controller.answered.connect(self.on_answered)
        controller.failed.connect(self.failures.append)
        controller.hounsfield_asked.connect(self.questions.append)
        controller.encoding_progressed.connect(self.on_progress)
        controller.encoding_changed.connect(self.encoding.append)

    def on_answered(self, result, is_new):
        self.answers.append((result.sentence, is_new))

    def on_progress(self, done, total):
        self.progress.append((done, total))


@pytest.fixture
def controller(inline_jobs, session):
    return GroundingController(inline_jobs, SessionStore(lambda *_: session))


@pytest.fixture
def heard(controller):
    return Listener(controller)


def test_requests_are_equal_when_nothing_that_matters_changed(volume, volume_maker):
    one = resolve_sentence(Intent(source=_source(volume)), "  left   hilar mass ")
    same = resolve_sentence(
        Intent(source=LayerSource("a", "renamed", volume.geometry, volume=volume)), "left hilar mass"
    )
    assert one == same
    assert hash(one) == hash(same)
    assert one.scan != resolve_scan(Intent(source=_source(volume_maker())))
    assert one.scan != resolve_scan(Intent(source=_source(volume), device="cuda"))
    assert one.scan != resolve_scan(Intent(source=_source(volume), weights=WeightsChoice("radfinder")))


@pytest.mark.parametrize("text", ["", "   ", "12 34", "word " * 2000])
def test_a_bad_sentence_is_refused_before_anything_runs(controller, inline_jobs, volume, text):
    controller.choose_source(_source(volume))
    with pytest.raises(SentenceError):
        controller.ground(text)
    assert inline_jobs.num_submitted == 0


def test_a_sentence_without_a_volume_says_what_to_do(controller):
    with pytest.raises(InputError, match="Drag a NIfTI file or a DICOM folder"):
        controller.ground("left hilar mass")


def test_a_sentence_typed_before_encoding_encodes_first_and_is_then_answered(
    controller, heard, inline_jobs, session, volume
):
    controller.choose_source(_source(volume))
    controller.ground("bright sphere")
    assert heard.encoding == [True]
    inline_jobs.run_all()
    assert heard.answers == [("bright sphere", True)]
    assert heard.encoding == [True, False]
    assert heard.progress == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert controller.answers.results["bright sphere"].slice_index == 30
    assert len(controller.answers.diseases) == 18
    assert session.num_encoded == 1


def test_the_same_request_runs_nothing_and_is_answered_again(controller, heard, inline_jobs, session, volume):
    controller.choose_source(_source(volume))
    controller.ground("bright sphere")
    inline_jobs.run_all()
    num_jobs = inline_jobs.num_submitted
    controller.ground(" bright  sphere ")
    controller.encode()
    assert inline_jobs.num_submitted == num_jobs
    assert heard.answers == [("bright sphere", True), ("bright sphere", False)]
    assert session.grounded == ["bright sphere"]


def test_sentences_typed_while_encoding_start_one_encoding_and_are_all_answered(
    controller, heard, inline_jobs, session, volume
):
    controller.choose_source(_source(volume))
    for text in ("bright sphere", "another sphere", "bright sphere"):
        controller.ground(text)
    assert inline_jobs.num_submitted == 1
    inline_jobs.run_all()
    assert [sentence for sentence, _ in heard.answers] == ["bright sphere", "another sphere"]
    assert session.num_encoded == 1


def test_going_back_to_a_volume_finds_its_answers(controller, inline_jobs, session, volume, volume_maker):
    first, second = _source(volume), _source(volume_maker(10), "b")
    controller.choose_source(first)
    controller.ground("bright sphere")
    inline_jobs.run_all()
    controller.choose_source(second)
    assert controller.answers is None
    controller.choose_source(first)
    assert list(controller.answers.results) == ["bright sphere"]
    assert session.num_encoded == 1


def test_another_volume_stops_the_encoding_and_forgets_the_waiting_sentence(
    controller, heard, inline_jobs, volume, volume_maker
):
    controller.choose_source(_source(volume))
    controller.ground("bright sphere")
    controller.choose_source(_source(volume_maker(10), "b"))
    assert inline_jobs.cancelled == [1]
    controller.encode()
    inline_jobs.run_all()
    assert heard.answers == []


def test_cancel_stops_the_encoding_and_a_second_try_works(controller, heard, inline_jobs, volume):
    controller.choose_source(_source(volume))
    controller.ground("bright sphere")
    controller.cancel()
    assert heard.encoding == [True, False]
    assert not controller.is_encoding
    controller.ground("bright sphere")
    inline_jobs.run_all()
    assert heard.answers == [("bright sphere", True)]


def test_an_answer_of_a_layer_removed_meanwhile_is_dropped(controller, heard, inline_jobs, volume):
    controller.choose_source(_source(volume))
    controller.encode()
    inline_jobs.run_all()
    controller.ground("bright sphere")
    assert controller.forget_layer("a") is False
    inline_jobs.run_all()
    assert heard.answers == []
    assert controller.answers is None
    assert controller.intent.source is None


def test_removing_the_layer_being_encoded_stops_the_encoding(controller, heard, inline_jobs, volume):
    controller.choose_source(_source(volume))
    controller.ground("bright sphere")
    assert controller.forget_layer("a") is True
    assert inline_jobs.queued == {}
    assert heard.answers == heard.failures == []


def test_nothing_keeps_the_voxels_of_a_removed_layer(controller, inline_jobs, volume_maker):
    import gc
    import weakref

    volume = volume_maker()
    gone = weakref.ref(volume)
    controller.choose_source(_source(volume))
    controller.ground("bright sphere")
    inline_jobs.run_all()
    controller.forget_layer("a")
    del volume
    gc.collect()
    assert gone() is None


def test_values_that_are_not_hu_raise_a_question_and_insisting_goes_on(controller, heard, inline_jobs, session, volume):
    from dataclasses import replace

    import numpy as np

    grey = replace(volume, hu=np.clip(volume.hu, 0, 255))
    controller.choose_source(_source(grey))
    controller.ground("bright sphere")
    inline_jobs.run_all()
    assert [type(question) for question in heard.questions] == [NotHounsfieldError]
    assert heard.failures == []
    assert session.num_encoded == 0
    controller.assume_hu()
    inline_jobs.run_all()
    assert heard.answers == [("bright sphere", True)]


def test_a_failed_encoding_is_told_once_and_can_be_tried_again(controller, heard, inline_jobs, session, volume):
    session.error = RuntimeError("no memory")
    controller.choose_source(_source(volume))
    controller.ground("bright sphere")
    inline_jobs.run_all()
    assert [str(error) for error in heard.failures] == ["no memory"]
    assert heard.encoding == [True, False]
    session.error = None
    controller.ground("bright sphere")
    inline_jobs.run_all()
    assert heard.answers == [("bright sphere", True)]


def test_weights_load_once_and_the_old_session_leaves_before_the_new_one_loads(inline_jobs, volume, session):
    loaded = []
    controller = GroundingController(
        inline_jobs,
        SessionStore(lambda weights, device: loaded.append((weights, device)) or session),
    )
    controller.choose_source(_source(volume))
    for text in ("bright sphere", "another sphere"):
        controller.ground(text)
        inline_jobs.run_all()
    assert loaded == [("bundled", "auto")]
    controller.choose_weights(WeightsChoice("radfinder"))
    controller.ground("bright sphere")
    inline_jobs.run_all()
    assert loaded[1:] == [("radfinder", "auto")]
