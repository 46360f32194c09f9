"""All sentences of a report, some at a time."""

from __future__ import annotations

import pytest

from napari_ct_grounding.core.errors import InputError, SentenceError
from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.report.grounding import CHUNK, ReportGrounding
from napari_ct_grounding.widgets.sources import LayerSource
from napari_ct_grounding.widgets.work import SessionStore

SENTENCES = [f"finding {i}" for i in range(2 * CHUNK + 2)]


def _source(volume, layer_id="a"):
    return LayerSource(layer_id, volume.name, volume.geometry, volume=volume)


@pytest.fixture
def controller(inline_jobs, session, volume):
    controller = GroundingController(inline_jobs, SessionStore(lambda *_: session))
    controller.choose_source(_source(volume))
    return controller


class Report:
    """What a tab would be: a list of wishes, and what it heard."""

    def __init__(self, controller):
        self.wanted = []
        self.num_stops = 0
        self.grounding = ReportGrounding(controller, lambda: self.wanted, lambda: None, self._on_stopped)
        controller.scan_changed.connect(self._on_scan_changed)

    def ask(self):
        self.wanted = list(SENTENCES)
        self.grounding.start()

    def _on_stopped(self):
        self.num_stops += 1
        self.wanted = []

    def _on_scan_changed(self):
        self.grounding.go_on()


@pytest.fixture
def report(controller):
    return Report(controller)


def test_the_scan_is_encoded_first_and_every_sentence_is_asked_once(controller, report, inline_jobs, session):
    report.ask()
    inline_jobs.run_all()
    assert session.num_encoded == 1
    assert session.grounded == SENTENCES
    assert set(controller.answers.aside) == set(SENTENCES)
    assert not controller.answers.results
    report.ask()
    assert not inline_jobs.queued


def test_a_sentence_typed_meanwhile_waits_for_one_job_at_most(controller, report, inline_jobs, session):
    controller.encode()
    inline_jobs.run_all()
    report.ask()
    controller.ground("typed")
    inline_jobs.run_all()
    assert session.grounded.index("typed") == CHUNK


def test_progress_counts_all_sentences_and_work_is_one_piece(controller, report, inline_jobs):
    controller.encode()
    inline_jobs.run_all()
    progress, working = [], []
    controller.progressed.connect(lambda done, total: progress.append((done, total)))
    controller.working_changed.connect(working.append)
    report.ask()
    inline_jobs.run_all()
    total = len(SENTENCES)
    assert progress == [(CHUNK, total), (2 * CHUNK, total), (total, total)]
    assert working == [True, False]


def test_cancel_keeps_what_is_done(controller, report, inline_jobs):
    controller.encode()
    inline_jobs.run_all()
    report.ask()
    inline_jobs.run_next()
    controller.cancel()
    inline_jobs.run_all()
    assert len(controller.answers.aside) == CHUNK
    assert report.num_stops == 1
    assert not report.grounding.is_running


def test_answers_survive_another_volume_and_the_rest_follows_on_return(
    controller, report, inline_jobs, session, volume, volume_maker
):
    controller.encode()
    inline_jobs.run_all()
    report.ask()
    inline_jobs.run_next()
    controller.choose_source(_source(volume_maker(20), "b"))
    inline_jobs.run_all()  # the job under way ends, no other begins: the other volume is not encoded
    assert len(session.grounded) == 2 * CHUNK
    controller.choose_source(_source(volume))
    inline_jobs.run_all()
    assert session.grounded == SENTENCES


def test_a_sentence_answered_for_the_report_is_not_computed_again_when_typed(controller, report, inline_jobs, session):
    report.ask()
    inline_jobs.run_all()
    heard = []
    controller.answered.connect(lambda result, is_new: heard.append((result.sentence, is_new)))
    for _ in range(2):
        controller.ground(SENTENCES[3])
    assert heard == [(SENTENCES[3], True), (SENTENCES[3], False)]
    assert session.grounded == SENTENCES
    assert list(controller.answers.results) == [SENTENCES[3]]


def test_a_sentence_that_is_not_understood_spoils_no_other(controller, report, inline_jobs, session):
    def refuse(sentence):
        if sentence == SENTENCES[1]:
            raise SentenceError("90% of the sentence is unknown.")

    session.before_sentence = refuse
    failures = []
    controller.failed.connect(failures.append)
    report.ask()
    inline_jobs.run_all()
    assert set(controller.answers.aside) == set(SENTENCES) - {SENTENCES[1]}
    assert "unknown" in report.grounding.refusal(SENTENCES[1])
    assert not failures
    assert report.grounding.num_known() == len(SENTENCES)


def test_a_failure_of_the_model_is_told_once_and_ends_the_work(controller, report, inline_jobs, session):
    def fail(sentence):
        raise RuntimeError("no")

    controller.encode()
    inline_jobs.run_all()
    session.before_sentence = fail
    failures = []
    controller.failed.connect(failures.append)
    report.ask()
    inline_jobs.run_all()
    assert len(failures) == 1
    assert not report.grounding.is_running
    assert not controller.is_working


def test_edits_during_the_work_count(controller, report, inline_jobs, session):
    controller.encode()
    inline_jobs.run_all()
    report.ask()
    inline_jobs.run_next()
    report.wanted = [*SENTENCES[:CHUNK], "edited"]
    inline_jobs.run_all()
    assert "edited" in session.grounded
    assert SENTENCES[-1] not in session.grounded


def test_a_removed_layer_ends_the_work(controller, report, inline_jobs):
    controller.encode()
    inline_jobs.run_all()
    report.ask()
    controller.forget_layer("a")
    assert not report.grounding.is_running
    assert not inline_jobs.queued


def test_without_a_volume_the_wish_is_refused(inline_jobs, session):
    report = Report(GroundingController(inline_jobs, SessionStore(lambda *_: session)))
    with pytest.raises(InputError, match="No CT is open"):
        report.ask()
