"""What a failing job leaves on disk."""

from __future__ import annotations

import logging
import os

import pytest

from napari_ct_grounding.widgets import log_file
from napari_ct_grounding.widgets.jobs import JobContext, _run_one
from napari_ct_grounding.widgets.log_file import start_log

SECRETS = ("left hilar mass", "Mustermann", "/data/patients/4711")


@pytest.fixture
def log(tmp_path, monkeypatch):
    """The log's file, with our handler on the package's logger."""
    logger = logging.getLogger("napari_ct_grounding")
    before = list(logger.handlers)
    logger.handlers = []
    monkeypatch.setattr(log_file, "log_folder", lambda: tmp_path / "log")
    start_log()
    yield tmp_path / "log" / "napari-ct-grounding.log"
    for handler in logger.handlers:
        handler.close()
    logger.handlers = before


def _fail(context):
    try:
        raise FileNotFoundError(f"no such file: {SECRETS[2]}/{SECRETS[1]}.dcm")
    except FileNotFoundError as error:
        raise ValueError(SECRETS[0]) from error


def test_a_failing_job_leaves_types_and_code_places_but_no_sentence_name_or_path(log):
    told = []
    _run_one(JobContext(1, lambda *report: told.append(report)), _fail)
    text = log.read_text(encoding="utf-8")
    assert text.index("FileNotFoundError") < text.index("ValueError")
    assert "test_log_file.py" in text
    assert "in _fail" in text
    for secret in SECRETS:
        assert secret not in text
    assert os.path.expanduser("~") not in text
    assert [kind for _, kind, _ in told] == ["on_failed"]


def test_a_traceback_logged_in_the_usual_way_loses_its_message_too(log):
    try:
        _fail(None)
    except ValueError:
        logging.getLogger("napari_ct_grounding.anywhere").exception("It failed.")
    text = log.read_text(encoding="utf-8")
    assert "It failed." in text
    for secret in SECRETS:
        assert secret not in text


def test_nothing_is_written_below_a_warning_and_no_folder_made_for_nothing(log):
    logging.getLogger("napari_ct_grounding").info("all is well")
    assert not log.parent.exists()


def test_starting_the_log_again_adds_no_second_handler(log):
    start_log()
    assert len(logging.getLogger("napari_ct_grounding").handlers) == 1


def test_the_log_rotates_and_stays_small(log, monkeypatch):
    handler = logging.getLogger("napari_ct_grounding").handlers[0]
    handler.maxBytes = 2000
    for _ in range(100):
        logging.getLogger("napari_ct_grounding").warning("x" * 80)
    files = sorted(path.name for path in log.parent.iterdir())
    assert files == [f"{log.name}", f"{log.name}.1", f"{log.name}.2"]
    assert all(path.stat().st_size <= 2000 for path in log.parent.iterdir())


def test_a_folder_that_cannot_be_made_stops_nobody(log, capsys):
    log.parent.write_text("a file where the folder should be")
    logging.getLogger("napari_ct_grounding").warning("lost")
    assert "Logging error" not in capsys.readouterr().err
