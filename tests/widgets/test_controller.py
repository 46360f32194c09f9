from __future__ import annotations

import itertools

import pytest

from napari_ct_grounding.core.errors import DeviceMemoryError, InputError, NotHounsfieldError, SentenceError
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
        controller.progressed.connect(self.on_progress)
        controller.encoding_changed.connect(self.encoding.append)
        self.slow, self.memory, self.working = [], [], []
        controller.slow_start_asked.connect(self.slow.append)
        controller.memory_asked.connect(self.memory.append)
        controller.working_changed.connect(self.working.append)

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
    assert heard.progress[:4] == [(1, 4), (2, 4), (3, 4), (4, 4)]
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
        SessionStore(lambda weights, device, _: loaded.append((weights, device)) or session),
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


# -- long encodings


@pytest.fixture
def slow_session(session):
    session.seconds = {"full": 75.0, "paper": 40.0}
    return session


def test_a_long_encoding_is_asked_about_and_the_typed_sentence_waits_for_the_answer(
    controller, heard, inline_jobs, slow_session, volume
):
    controller.choose_source(_source(volume))
    controller.ground("bright sphere")
    inline_jobs.run_all()
    (question,) = heard.slow
    assert (question.seconds, question.paper_seconds, question.left_out_mm) == (75.0, 40.0, 48.0)
    assert slow_session.num_encoded == 0
    assert heard.encoding == [True, False]
    controller.ground("another sphere")
    assert len(heard.slow) == 2, "the question is put again, without another job"
    assert inline_jobs.queued == {}
    controller.start_slow()
    inline_jobs.run_all()
    assert [sentence for sentence, _ in heard.answers] == ["bright sphere", "another sphere"]
    assert slow_session.coverages_encoded == ["full"]
    assert controller.slow_start is None


def test_paper_mode_is_taken_and_both_choices_hold_for_the_next_scans(
    controller, heard, inline_jobs, slow_session, volume, volume_maker
):
    controller.choose_source(_source(volume))
    controller.ground("bright sphere")
    inline_jobs.run_all()
    controller.start_slow("paper")
    inline_jobs.run_all()
    assert [sentence for sentence, _ in heard.answers] == ["bright sphere"]
    controller.choose_source(_source(volume_maker(10), "b"))
    controller.encode()
    inline_jobs.run_all()
    assert slow_session.coverages_encoded == ["paper", "paper"]
    assert len(heard.slow) == 1
    # Other weights have a choice of their own; coming back finds the old one and its answers.
    controller.choose_weights(WeightsChoice("radfinder"))
    assert controller.intent.coverage == "auto"
    controller.choose_weights(WeightsChoice("bundled"))
    assert controller.intent.coverage == "paper"
    assert controller.answers is not None


def test_not_now_lets_the_sentence_go_and_the_question_comes_back_at_the_next_wish(
    controller, heard, inline_jobs, slow_session, volume
):
    controller.choose_source(_source(volume))
    controller.ground("bright sphere")
    inline_jobs.run_all()
    controller.cancel()
    controller.encode()
    assert len(heard.slow) == 2
    controller.start_slow()
    inline_jobs.run_all()
    assert heard.answers == []
    assert slow_session.num_encoded == 1


def test_paper_mode_is_not_offered_where_it_saves_little(controller, heard, inline_jobs, slow_session, volume):
    slow_session.seconds["paper"] = 70.0
    controller.choose_source(_source(volume))
    controller.encode()
    inline_jobs.run_all()
    assert [question.paper_seconds for question in heard.slow] == [None]


def test_the_default_coverage_is_one_thing_under_two_names(controller, inline_jobs, session, volume):
    controller.choose_source(_source(volume))
    controller.ground("bright sphere")
    inline_jobs.run_all()
    controller.choose_coverage("paper")
    assert controller.answers is None
    controller.choose_coverage("full")
    assert list(controller.answers.results) == ["bright sphere"]


# -- devices too small


def test_a_device_without_memory_is_told_and_the_cpu_answers_what_waited(
    controller, heard, inline_jobs, session, volume
):
    session.error = DeviceMemoryError("The GPU has too little memory.", "cuda:0")
    controller.choose_source(_source(volume))
    controller.ground("bright sphere")
    inline_jobs.run_all()
    assert heard.memory == [session.error]
    assert heard.failures == []
    session.error = None
    controller.go_on_with_device("cpu")
    inline_jobs.run_all()
    assert heard.answers == [("bright sphere", True)]
    assert controller.intent.device == "cpu"


def test_a_sentence_that_does_not_fit_into_the_device_is_answered_by_the_cpu(
    controller, heard, inline_jobs, session, volume
):
    def before_sentence(sentence):
        if controller.intent.device != "cpu":
            raise DeviceMemoryError("The GPU has too little memory.", "cuda:0")

    session.before_sentence = before_sentence
    controller.choose_source(_source(volume))
    controller.ground("bright sphere")
    inline_jobs.run_all()
    assert len(heard.memory) == 1
    controller.go_on_with_device("cpu")
    inline_jobs.run_all()
    assert heard.answers == [("bright sphere", True)]


def test_the_cpu_itself_has_no_way_out(controller, heard, inline_jobs, session, volume):
    session.error = DeviceMemoryError("This computer has too little memory.", "cpu")
    controller.choose_source(_source(volume))
    controller.encode()
    inline_jobs.run_all()
    assert heard.memory == []
    assert heard.failures == [session.error]


# -- cancel and errors at every stage


def test_a_cancelled_sentence_leaves_the_others_and_can_be_asked_again(controller, heard, inline_jobs, session, volume):
    controller.choose_source(_source(volume))
    controller.ground("bright sphere")
    inline_jobs.run_all()
    controller.ground("another sphere")
    assert heard.working[-1] is True
    controller.cancel()
    assert heard.working[-1] is False
    assert inline_jobs.queued == {}
    assert list(controller.answers.results) == ["bright sphere"]
    controller.ground("another sphere")
    inline_jobs.run_all()
    assert list(controller.answers.results) == ["bright sphere", "another sphere"]


def _make_scores_slow(monkeypatch):
    """Every disease takes three seconds."""
    from napari_ct_grounding.widgets import work

    monkeypatch.setattr(work, "perf_counter", itertools.count(0.0, 3.0).__next__)


def test_fast_scores_take_few_jobs(controller, heard, inline_jobs, volume):
    controller.choose_source(_source(volume))
    controller.encode()
    inline_jobs.run_all()
    assert len(controller.answers.diseases) == 18
    assert inline_jobs.num_submitted <= 4
    assert heard.progress[4] == (0, 18)


def test_cancelled_scores_are_computed_at_the_next_wish(controller, inline_jobs, session, volume, monkeypatch):
    _make_scores_slow(monkeypatch)
    scored = []
    session.before_disease = lambda name: (scored.append(name), len(scored) == 3 and controller.cancel())
    controller.choose_source(_source(volume))
    controller.encode()
    inline_jobs.run_all()
    assert len(scored) == 3
    assert controller.answers.diseases is None
    assert not controller.is_working
    controller.encode()
    inline_jobs.run_all()
    assert len(controller.answers.diseases) == 18


def test_a_sentence_typed_while_slow_diseases_are_scored_waits_for_one_of_them_only(
    controller, heard, inline_jobs, session, volume, monkeypatch
):
    _make_scores_slow(monkeypatch)
    scored = []
    session.before_disease = scored.append
    session.before_sentence = lambda sentence: scored.append("sentence")
    controller.choose_source(_source(volume))
    controller.encode()
    inline_jobs.run_next()
    inline_jobs.run_next()
    controller.ground("bright sphere")
    inline_jobs.run_all()
    assert scored.index("sentence") <= 2
    assert len(controller.answers.diseases) == 18


def test_an_error_in_one_sentence_keeps_the_others(controller, heard, inline_jobs, session, volume):
    def before_sentence(sentence):
        if "bad" in sentence:
            raise SentenceError("90% of the sentence is unknown.")

    session.before_sentence = before_sentence
    controller.choose_source(_source(volume))
    for sentence in ("bright sphere", "bad words", "another sphere"):
        controller.ground(sentence)
    inline_jobs.run_all()
    assert list(controller.answers.results) == ["bright sphere", "another sphere"]
    assert [str(error) for error in heard.failures] == ["90% of the sentence is unknown."]


def test_scores_that_fail_are_told_once_and_the_sentences_go_on(controller, heard, inline_jobs, session, volume):
    def before_disease(name):
        raise RuntimeError("no scores")

    session.before_disease = before_disease
    controller.choose_source(_source(volume))
    for sentence in ("bright sphere", "another sphere"):
        controller.ground(sentence)
        inline_jobs.run_all()
    assert len(heard.failures) == 1
    assert len(heard.answers) == 2


def test_cancel_while_weights_load_stops_before_encoding_and_keeps_them(inline_jobs, session, volume):
    loaded = []

    def load(*_):
        loaded.append(1)
        if len(loaded) == 1:
            controller.cancel()
        return session

    controller = GroundingController(inline_jobs, SessionStore(load))
    controller.choose_source(_source(volume))
    controller.encode()
    inline_jobs.run_all()
    assert not controller.is_encoding
    controller.encode()
    inline_jobs.run_all()
    assert len(loaded) == 1
    assert session.num_encoded == 1


def test_cancel_while_the_volume_is_read_stops_before_the_weights_load(inline_jobs, volume):
    loaded = []
    controller = GroundingController(inline_jobs, SessionStore(lambda *_: loaded.append(1)))

    class SlowSource(LayerSource):
        def load(self):
            controller.cancel()
            return super().load()

    controller.choose_source(SlowSource("a", "slow", volume.geometry, volume=volume))
    controller.encode()
    inline_jobs.run_all()
    assert loaded == []
    assert not controller.is_encoding


def test_nothing_keeps_the_voxels_of_a_layer_removed_while_a_question_is_open(
    controller, inline_jobs, slow_session, volume_maker
):
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


def test_switching_weights_and_volumes_and_back_loses_nothing(controller, inline_jobs, session, volume, volume_maker):
    first, second = _source(volume), _source(volume_maker(10), "b")
    for source, weights in ((first, "bundled"), (second, "bundled"), (second, "radfinder")):
        controller.choose_source(source)
        controller.choose_weights(WeightsChoice(weights))
        for sentence in ("bright sphere", weights):
            controller.ground(sentence)
            inline_jobs.run_all()
    for source, weights in ((second, "bundled"), (first, "bundled"), (second, "radfinder")):
        controller.choose_weights(WeightsChoice(weights))
        controller.choose_source(source)
        assert list(controller.answers.results) == ["bright sphere", weights]
        assert len(controller.answers.diseases) == 18
    assert session.num_encoded == 3
