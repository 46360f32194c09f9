"""The file of the work in progress: whole or not there, believed only where we wrote it."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from dataclasses import replace

import pytest

from napari_ct_grounding.widgets import work_in_progress as module
from napari_ct_grounding.widgets.work_in_progress import WorkInProgress, delete_work, read_work, write_work

WORK = WorkInProgress(
    path="/scans/case \u00fc.nii.gz",
    saved_at=1.5,
    series="1.2.3",
    frame=2,
    sentences=("left hilar mass", "Pleuraerguss rechts"),
    weights="radfinder",
    coverage="paper",
    tab="Report",
    report={"rows": [1]},
)


@pytest.fixture
def path(tmp_path, monkeypatch):
    path = tmp_path / "state" / "work.json"
    monkeypatch.setattr(module, "work_path", lambda: path)
    return path


@pytest.mark.parametrize("work", [WORK, replace(WORK, path=("/a", "/b"), series=None, frame=None, report=None)])
def test_what_is_written_is_read_again(path, work):
    assert read_work() is None
    write_work(work)
    assert read_work() == work
    assert [entry.name for entry in path.parent.iterdir()] == ["work.json"]


def test_a_path_that_is_no_unicode_is_kept(path):
    work = replace(WORK, path="/scans/\udcff.nii")
    write_work(work)
    assert read_work() == work
    assert not work.is_there()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights")
def test_nobody_else_may_read_the_file(path):
    write_work(WORK)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def _changed(**changes):
    record = {"version": 1, **module.asdict(WORK), **changes}
    return json.dumps({key: value for key, value in record.items() if value != "missing"})


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "\x00\xff", "[" * 100_000, _changed(version=2), _changed(path=3), _changed(path="missing"),
     _changed(sentences=None), _changed(sentences=[1]), _changed(saved_at="then"), _changed(frame="x"), _changed(weights=None),
     _changed(report=[]), _changed(path="a\0b"), _changed(tab=[])],
)  # fmt: skip
def test_a_damaged_file_is_no_work(path, text):
    path.parent.mkdir()
    path.write_bytes(text.encode("latin-1"))
    assert read_work() is None
    write_work(WORK)
    assert read_work() == WORK, "and is replaced by the next one"


def test_a_write_that_fails_leaves_the_older_work_and_no_rest(path, monkeypatch):
    write_work(WORK)

    def full_disk(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_work(replace(WORK, sentences=()))
    assert read_work() == WORK
    assert [entry.name for entry in path.parent.iterdir()] == ["work.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_program_killed_while_it_writes_leaves_whole_work(path):
    code = (
        "import pathlib, sys\n"
        "from napari_ct_grounding.widgets import work_in_progress as module\n"
        "module.work_path = lambda: pathlib.Path(sys.argv[1])\n"
        "for i in range(10**9):\n"
        "    module.write_work(module.WorkInProgress('/a', float(i), sentences=('x',) * 200))\n"
        "    i == 3 and print('writing', flush=True)\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout.readline() == "writing\n"
    writer.send_signal(signal.SIGKILL)
    writer.wait(10)
    writer.stdout.close()
    assert len(read_work().sentences) == 200


def test_deleting_takes_half_written_files_along(path):
    write_work(WORK)
    (path.parent / "work.json.abc").write_text("half")
    (path.parent / "other").write_text("kept")
    delete_work()
    assert [entry.name for entry in path.parent.iterdir()] == ["other"]
    delete_work()


def test_a_scan_is_there_when_all_its_files_are(tmp_path):
    (tmp_path / "a").write_text("")
    assert replace(WORK, path=str(tmp_path / "a")).is_there()
    assert not replace(WORK, path=(str(tmp_path / "a"), str(tmp_path / "b"))).is_there()
