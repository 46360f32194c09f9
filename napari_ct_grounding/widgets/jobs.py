"""Persistent threads: one in which the session of a dock lives, others for files, downloads and scans.

GPU libraries keep their plans per thread, and a session is not locked: all model work of a dock runs on one thread, one job after
the other. A task is a plain function of a `JobContext`; it touches neither widget nor viewer. What it returns, raises or reports
arrives on the GUI thread through the continuations given with it. Reports of a job that was cancelled or forgotten are dropped.
"""

from __future__ import annotations

import itertools
import logging
import queue
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from qtpy.QtCore import QObject, Signal, Slot

from napari_ct_grounding.core.errors import Cancelled, GroundingError
from napari_ct_grounding.widgets.log_file import failure_text

__all__ = [
    "DOWNLOAD_THREAD_NAME",
    "EXPORT_THREAD_NAME",
    "FILES_THREAD_NAME",
    "READING_THREAD_NAME",
    "THREAD_NAME",
    "Continuations",
    "JobContext",
    "JobThread",
    "Jobs",
    "Task",
]

#: Where sessions live.
THREAD_NAME = "ct-grounding-inference"
#: Where small files are looked for and deleted.
FILES_THREAD_NAME = "ct-grounding-files"
#: Where weights are downloaded, so that this stands in nobody's way.
DOWNLOAD_THREAD_NAME = "ct-grounding-download"
#: Where reports, films and the like are made to be taken away.
EXPORT_THREAD_NAME = "ct-grounding-export"
#: Where scans are read, beside the model and downloads.
READING_THREAD_NAME = "ct-grounding-reading"

_log = logging.getLogger(__name__)

#: How long (s) the end of the program waits for a window of the network to finish.
_JOIN_SECONDS = 5.0


def _nothing(*_: Any) -> None:
    pass


@dataclass(frozen=True)
class Continuations:
    """What happens on the GUI thread after a job, and while it runs."""

    on_done: Callable[[Any], None] = _nothing
    on_failed: Callable[[Exception], None] = _nothing
    on_cancelled: Callable[[], None] = _nothing
    on_progress: Callable[[int, int], None] = _nothing
    on_stage: Callable[[str], None] = _nothing


class JobContext:
    """What a running task may ask and say. Used on the worker."""

    def __init__(self, job_id: int, post: Callable[[int, str, tuple], None]) -> None:
        self.job_id = job_id
        self._post = post
        self._cancel = threading.Event()

    def is_cancelled(self) -> bool:
        """Whether the job should stop at the next opportunity."""
        return self._cancel.is_set()

    def report_progress(self, done: int, total: int) -> None:
        """Tell how far the job is."""
        self._post(self.job_id, "on_progress", (int(done), int(total)))

    def report_stage(self, text: str) -> None:
        """Tell in a few words what the job does now."""
        self._post(self.job_id, "on_stage", (text,))


Task = Callable[[JobContext], Any]


class Jobs(Protocol):
    """The part of `JobThread` that needs no Qt to be tested against."""

    def submit(self, task: Task, continuations: Continuations) -> int: ...  # noqa: D102
    def cancel(self, job_id: int) -> None: ...  # noqa: D102


@dataclass(eq=False)
class _Line:
    """What the Qt object and its thread share; outlives the Qt object, so that the thread can still be told to end."""

    jobs: queue.SimpleQueue = field(default_factory=queue.SimpleQueue)
    thread: threading.Thread | None = None
    previous: threading.Thread | None = None
    contexts: dict[int, JobContext] = field(default_factory=dict)

    def cancel_all(self) -> None:
        for context in self.contexts.values():
            context._cancel.set()
        self.contexts.clear()

    def end(self) -> None:
        if self.thread is not None:
            self.jobs.put(None)
            self.thread = None


class JobThread(QObject):
    """Runs tasks in order on a thread of its own, which starts with the first job and rests when told to.

    All methods belong to the GUI thread.

    Parameters
    ----------
    parent : QObject, optional
    name : str
        Of the thread.
    """

    _reported = Signal(int, str, object)

    def __init__(self, parent: QObject | None = None, name: str = THREAD_NAME) -> None:
        super().__init__(parent)
        self._name = name
        self._ids = itertools.count(1)
        self._line = _Line()
        self._waiting: dict[int, Continuations] = {}
        self._reported.connect(self._deliver)
        # Qt may delete this object long before Python does, or the other way round: either ends the thread.
        weakref.finalize(self, _abandon, self._line)
        self._end = _End(self._line)
        self.destroyed.connect(self._end.come)

    @property
    def is_idle(self) -> bool:
        """Whether no job is queued or running whose answer anybody awaits."""
        return not self._waiting

    @property
    def is_alive(self) -> bool:
        """Whether a thread stands ready for the next job."""
        return self._line.thread is not None

    def submit(self, task: Task, continuations: Continuations) -> int:
        """Queue a task and return its id."""
        job_id = next(self._ids)
        context = JobContext(job_id, _poster(weakref.ref(self)))
        self._waiting[job_id] = continuations
        self._line.contexts[job_id] = context
        if self._line.thread is None:
            self._line.jobs = queue.SimpleQueue()
            # A daemon: a network in the middle of a window must not keep a closed program alive.
            self._line.thread = threading.Thread(
                target=_work, args=(self._line.jobs, self._line.previous), name=self._name, daemon=True
            )
            self._line.previous = self._line.thread
            self._line.thread.start()
        self._line.jobs.put((context, task))
        return job_id

    def cancel(self, job_id: int) -> None:
        """Ask a job to stop; `on_cancelled` is called at once, and whatever the job still says is dropped."""
        continuations = self._waiting.pop(job_id, None)
        if continuations is not None:
            context = self._line.contexts.pop(job_id, None)
            if context is not None:  # none is left when the program ends meanwhile
                context._cancel.set()
            continuations.on_cancelled()

    def rest(self) -> None:
        """Let the thread end after the jobs it has; the next job starts a new one."""
        self._line.end()

    def stop(self, *, wait: bool = False) -> None:
        """Cancel everything without a word and let the thread end.

        Parameters
        ----------
        wait : bool
            Whether to wait for it, at most a few seconds.
        """
        self._waiting.clear()
        self._line.cancel_all()
        thread = self._line.previous
        self.rest()
        if wait and thread is not None:
            thread.join(_JOIN_SECONDS)

    @Slot(int, str, object)
    def _deliver(self, job_id: int, kind: str, values: tuple) -> None:
        continuations = self._waiting.get(job_id)
        if continuations is None:
            return
        if kind in ("on_done", "on_failed", "on_cancelled"):
            del self._waiting[job_id]
            self._line.contexts.pop(job_id, None)
        getattr(continuations, kind)(*values)


class _End(QObject):
    """Hears that a `JobThread` was deleted by Qt.

    A slot of an object of its own, which Qt disconnects when it goes: a plain function, even a partial, crashes PyQt when
    Python collected it before Qt deleted the sender.
    """

    def __init__(self, line: _Line) -> None:
        super().__init__()
        self._line = line

    @Slot()
    def come(self) -> None:
        """End the thread."""
        _abandon(self._line)


def _abandon(line: _Line) -> None:
    """The owner is gone: nobody awaits anything. Called on whichever thread collected it."""
    line.cancel_all()
    line.end()


def _poster(owner: weakref.ref[JobThread]) -> Callable[[int, str, tuple], None]:
    """Return a function that sends a report to the GUI thread as long as anybody is there to hear it."""

    def post(job_id: int, kind: str, values: tuple) -> None:
        thread = owner()
        if thread is None:
            return
        try:
            thread._reported.emit(job_id, kind, values)
        except RuntimeError:  # the Qt side was deleted between the two lines
            _log.debug("A report came after the dock was gone.")

    return post


def _work(jobs: queue.SimpleQueue, previous: threading.Thread | None) -> None:
    """Body of the thread. Holds no reference to anything of a job once it is done."""
    if previous is not None:
        previous.join()  # one thread at a time may touch the session
    del previous
    while (job := jobs.get()) is not None:
        _run_one(*job)
        del job


def _run_one(context: JobContext, task: Task) -> None:
    if context.is_cancelled():
        return
    try:
        answer = task(context)
    except Cancelled:
        context._post(context.job_id, "on_cancelled", ())
    except Exception as error:  # the worker's border: whatever goes wrong is told, and the thread lives on
        if not isinstance(error, GroundingError):
            _log.error("A job failed.\n%s", failure_text(error))
        # Frames hold the volume; the message is all that travels.
        error.__context__ = error.__cause__ = None
        context._post(context.job_id, "on_failed", (error.with_traceback(None),))
    else:
        context._post(context.job_id, "on_done", (answer,))
