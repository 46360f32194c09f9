"""Which scan is opened for a row, and how many stay open."""

from __future__ import annotations

from dataclasses import replace

import pytest

from napari_ct_grounding.core.error_rows import error_rows
from napari_ct_grounding.core.errors import VolumeError
from napari_ct_grounding.widgets.jobs import JobContext
from napari_ct_grounding.widgets.localization_errors.case_opener import (
    MAX_OPEN,
    CaseOpener,
    CaseOrder,
    OpenedCase,
    failure_sentence,
    read_case,
)
from tests.core.localization_rows import results_of


def context():
    return JobContext(1, lambda *_: None)


@pytest.fixture
def rows(study):
    return error_rows(results_of(*study.rows))


def source_of(case):
    return case.layer_data[1]["metadata"]["ct_source"]


def test_of_several_scans_of_a_name_the_one_that_was_asked_about_is_opened(study, rows):
    paths = [study.folder / "a/ct.nii.gz", study.folder / "b/ct.nii.gz"]
    case = read_case(CaseOrder(rows[2], paths), context())
    assert source_of(case) == str(paths[1])
    assert case.note is None


def test_another_scan_of_that_name_is_shown_with_a_warning(study, rows):
    case = read_case(CaseOrder(rows[0], [study.folder / "b/ct.nii.gz"]), context())
    assert "is not the scan that was asked about" in case.note
    stranger = replace(rows[0], volume_fingerprint="0" * 32)
    paths = [study.folder / "a/ct.nii.gz", study.folder / "b/ct.nii.gz"]
    assert "None of 2 scans of that name is the same" in read_case(CaseOrder(stranger, paths), context()).note
    unknown = replace(rows[0], volume_fingerprint=None)
    assert "2 scans are called a/ct.nii.gz" in read_case(CaseOrder(unknown, paths), context()).note
    assert read_case(CaseOrder(unknown, paths[:1]), context()).note is None


def test_scans_that_cannot_be_read_are_passed_over_and_told_when_none_can(study, rows):
    damaged = study.folder / "damaged.nii.gz"
    damaged.write_bytes(b"nothing")
    case = read_case(CaseOrder(rows[0], [damaged, study.folder / "a/ct.nii.gz"]), context())
    assert source_of(case).endswith("ct.nii.gz")
    order = CaseOrder(rows[0], [damaged])
    with pytest.raises(VolumeError) as caught:
        read_case(order, context())
    assert failure_sentence(order, caught.value).startswith("a/ct.nii.gz was not opened. damaged.nii.gz")
    assert "not enough memory" in failure_sentence(order, MemoryError())
    assert "ZeroDivisionError" in failure_sentence(order, ZeroDivisionError("path of a patient"))
    assert "patient" not in failure_sentence(order, ZeroDivisionError("path of a patient"))


def test_a_scan_is_read_once_and_its_layer_reused(viewer, inline_jobs, study, rows):
    opener = CaseOpener(viewer, inline_jobs)
    opened = []
    opener.opened.connect(lambda row, layer_id, note, is_new: opened.append((row.number, is_new)))
    path = study.folder / "a/ct.nii.gz"
    opener.open(CaseOrder(rows[0], [path]))
    opener.open(CaseOrder(rows[1], [path]))
    inline_jobs.run_all()
    assert opened == [(2, True)], "the last row that asked gets it"
    viewer.layers[0].name = "renamed"
    opener.open(CaseOrder(rows[0], [path]))
    assert opened[1:] == [(1, False)]
    assert inline_jobs.num_submitted == 1
    opener.forget_all()
    opener.open(CaseOrder(rows[0], [path]))
    assert opened[2:] == [(1, False)], "known by its path"
    viewer.layers.clear()
    opener.open(CaseOrder(rows[0], [path]))
    assert opener.is_reading, "the layer is gone"


def test_a_row_that_was_left_is_read_no_further(viewer, inline_jobs, study, rows):
    opener = CaseOpener(viewer, inline_jobs)
    names = []
    opener.reading_changed.connect(names.append)
    opener.open(CaseOrder(rows[0], [study.folder / "a/ct.nii.gz"]))
    opener.open(CaseOrder(rows[2], [study.folder / "b/ct.nii.gz"]))
    assert len(inline_jobs.cancelled) == 1
    inline_jobs.run_all()
    assert [layer.metadata["ct_source"] for layer in viewer.layers] == [str(study.folder / "b/ct.nii.gz")]
    assert names == ["ct.nii.gz", "", "ct.nii.gz", ""]


def test_the_oldest_of_many_scans_is_closed_and_the_users_own_layers_stay(viewer, study, rows, add_ct):
    class Answers:
        """Jobs that are done at once."""

        def submit(self, task, continuations):
            self.pending = (task, continuations)
            return 1

        def cancel(self, job_id):
            pass

    jobs, own = Answers(), add_ct(viewer)
    opener = CaseOpener(viewer, jobs)
    for number in range(MAX_OPEN + 2):
        case = replace(rows[0].case, scan=f"scan {number}")
        opener.open(CaseOrder(replace(rows[0], case=case), [study.folder / f"{number}"]))
        data, meta, kind = read_case(CaseOrder(rows[0], [study.folder / "a/ct.nii.gz"]), context()).layer_data
        meta["name"] = f"scan {number}"
        jobs.pending[1].on_done(OpenedCase((data, meta, kind)))
    assert [layer.name for layer in viewer.layers] == [own.name, "scan 2", "scan 3", "scan 4"]
