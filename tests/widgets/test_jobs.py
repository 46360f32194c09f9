from __future__ import annotations

import gc
import logging
import threading

import pytest

from napari_ct_grounding.core.errors import Cancelled, SentenceError
from napari_ct_grounding.widgets.jobs import THREAD_NAME, Continuations, JobThread

pytestmark = pytest.mark.usefixtures("no_threads_left")


@pytest.fixture
def jobs(qapp):
    thread = JobThread()
    yield thread
    thread.stop(wait=True)


def _run(jobs, qtbot, task):
    told = []
    jobs.submit(
        task,
        Continuations(
            on_done=lambda answer: told.append(("done", answer)),
            on_failed=lambda error: told.append(("failed", error)),
            on_cancelled=lambda: told.append(("cancelled", None)),
        ),
    )
    qtbot.waitUntil(lambda: bool(told), timeout=3000)
    return told


def test_all_jobs_run_on_one_thread_that_is_not_the_gui_thread_and_answer_on_the_gui_thread(jobs, qtbot):
    workers, listeners = set(), set()
    left = [3]

    def on_done(_):
        listeners.add(threading.current_thread())
        left[0] -= 1

    for _ in range(3):
        jobs.submit(lambda context: workers.add(threading.current_thread()), Continuations(on_done=on_done))
    qtbot.waitUntil(lambda: left[0] == 0, timeout=3000)
    assert len(workers) == 1
    assert listeners == {threading.main_thread()}
    assert workers.isdisjoint(listeners)


def test_a_cancelled_job_says_so_once_and_its_later_reports_are_dropped(jobs, qtbot):
    is_running, may_go = threading.Event(), threading.Event()
    told = []

    def task(context):
        is_running.set()
        may_go.wait(3)
        context.report_progress(1, 4)
        return "too late"

    job = jobs.submit(
        task,
        Continuations(
            on_done=told.append, on_cancelled=lambda: told.append("cancelled"), on_progress=lambda *n: told.append(n)
        ),
    )
    assert is_running.wait(3)
    jobs.cancel(job)
    jobs.cancel(job)
    may_go.set()
    assert _run(jobs, qtbot, lambda context: "next") == [("done", "next")]
    assert told == ["cancelled"]


def test_a_running_job_sees_that_it_was_cancelled(jobs, qtbot):
    is_running = threading.Event()
    seen = []

    def task(context):
        is_running.set()
        for _ in range(300):
            if context.is_cancelled():
                seen.append("asked to stop")
                raise Cancelled("stopped")
            threading.Event().wait(0.01)

    job = jobs.submit(task, Continuations())
    assert is_running.wait(3)
    jobs.cancel(job)
    assert _run(jobs, qtbot, lambda context: "next") == [("done", "next")]
    assert seen == ["asked to stop"]


def test_a_job_cancelled_before_its_turn_never_starts(jobs, qtbot):
    may_go = threading.Event()
    started = []
    jobs.submit(lambda context: may_go.wait(3), Continuations())
    job = jobs.submit(lambda context: started.append(1), Continuations())
    jobs.cancel(job)
    may_go.set()
    _run(jobs, qtbot, lambda context: None)
    assert started == []


def test_an_error_is_told_once_and_the_thread_lives_on(jobs, qtbot, caplog):
    sentence = "a secret finding"

    def task(context):
        raise ValueError(sentence)

    with caplog.at_level(logging.DEBUG):
        told = _run(jobs, qtbot, task)
    assert [kind for kind, _ in told] == ["failed"]
    assert isinstance(told[0][1], ValueError)
    assert "ValueError" in caplog.text
    assert "in task" in caplog.text, "the log must hold the place"
    assert sentence not in caplog.text, "report text must not reach the log"
    assert _run(jobs, qtbot, lambda context: 7) == [("done", 7)]


def test_an_error_raised_on_purpose_leaves_no_traceback_in_the_log(jobs, qtbot, caplog):
    def task(context):
        raise SentenceError("The sentence is empty.")

    with caplog.at_level(logging.DEBUG):
        assert str(_run(jobs, qtbot, task)[0][1]) == "The sentence is empty."
    assert caplog.text == ""


def test_a_rested_thread_ends_after_its_work_and_the_next_job_gets_a_new_one(jobs, qtbot):
    _run(jobs, qtbot, lambda context: None)
    jobs.rest()
    assert not jobs.is_alive
    assert _run(jobs, qtbot, lambda context: threading.current_thread().name) == [("done", THREAD_NAME)]
    assert sum(thread.name == THREAD_NAME for thread in threading.enumerate()) == 1


def test_the_thread_ends_when_its_owner_is_deleted_without_a_word(qtbot):
    jobs = JobThread()
    _run(jobs, qtbot, lambda context: None)
    thread = next(thread for thread in threading.enumerate() if thread.name == THREAD_NAME)
    del jobs
    gc.collect()
    thread.join(3)
    assert not thread.is_alive()


def test_no_thread_is_started_before_the_first_job(qapp):
    JobThread()
    assert not any(thread.name == THREAD_NAME for thread in threading.enumerate())
