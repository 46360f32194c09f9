"""A batch: each scan once, failures as rows, what is done survives, and the same answers as one by one."""

from __future__ import annotations

import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

from napari_ct_grounding.core.errors import Cancelled, DeviceMemoryError, InputError
from napari_ct_grounding.core.localization_results import read_localization_results
from napari_ct_grounding.core.volume import CTVolume, SliceRecord
from napari_ct_grounding.inference import batch
from napari_ct_grounding.inference.batch import ReadingOptions, run_batch
from napari_ct_grounding.inference.session import GroundingSession
from napari_ct_grounding.readers import read_volume
from tests.inference.oracle import OracleModel, body_with_sphere, oracle_session

BRIGHT, DARK = "A bright ball.", "Something else."


def save_scan(path: Path, sphere_slice: int) -> CTVolume:
    volume = body_with_sphere(sphere_slice)
    nibabel.save(nibabel.Nifti1Image(volume.hu.transpose(2, 1, 0), volume.geometry.affine), path)
    return volume


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two scans, a damaged one, and a list that speaks of all and of one that is not there."""
    for name, sphere_slice in (("a", 29), ("b", 10)):
        save_scan(tmp_path / f"{name}.nii", sphere_slice)
    (tmp_path / "bad.nii").write_bytes(b"no scan")
    (tmp_path / "cases.csv").write_text(
        "case,scan,sentence,z_lo_mm,z_hi_mm\n"
        f"1,a.nii,{BRIGHT},-430,-400\n"
        f"2,b.nii,{BRIGHT},-450,-440\n"
        f"3,bad.nii,{BRIGHT},,\n"
        f"4,a.nii,{DARK},,\n"
        f"5,missing.nii,{BRIGHT},0,0\n"
        "6,b.nii,word xx xx xx,,\n",
        encoding="utf-8",
    )
    return tmp_path


def model_of(session: GroundingSession) -> OracleModel:
    assert isinstance(session.model, OracleModel)
    return session.model


def test_each_scan_is_encoded_once_and_failures_become_rows(folder: Path) -> None:
    session, steps = oracle_session(), []
    results = run_batch(folder / "cases.csv", folder / "out.json", session, on_scan=lambda *step: steps.append(step))
    assert model_of(session).num_encoded == 2
    assert [row.case.case for row in results.rows] == ["1", "2", "3", "4", "5", "6"]
    assert [row.status for row in results.rows] == ["done", "done", "failed", "done", "failed", "failed"]
    messages = [row.message for row in results.rows]
    assert "bad.nii" in messages[2]
    assert "no file or folder named missing.nii" in messages[4]
    assert "unknown to the weights" in messages[5]
    assert str(folder) not in (folder / "out.json").read_text(encoding="utf-8")
    assert steps == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]


def test_the_answers_are_those_of_a_session_asked_one_by_one(folder: Path) -> None:
    results = run_batch(folder / "cases.csv", folder / "out.json", oracle_session())
    for row in (results.rows[0], results.rows[1], results.rows[3]):
        session, volume = oracle_session(), read_volume(folder / row.case.scan)
        session.encode(volume)
        (expected,) = session.ground([row.case.sentence])
        assert row.prediction.z_mm == expected.z_mm
        np.testing.assert_array_equal(row.prediction.profile, expected.profile)
        assert row.volume_fingerprint == volume.fingerprint


def test_errors_are_distances_to_the_range_and_summed_up(folder: Path) -> None:
    results = run_batch(folder / "cases.csv", folder / "out.json", oracle_session())
    first, second = results.rows[:2]
    z_first, z_second = first.prediction.z_mm, second.prediction.z_mm
    assert -430 <= z_first <= -400
    assert first.error_mm == 0
    assert second.error_mm == pytest.approx(-450 - z_second)
    summary = results.summary()
    assert (summary["num_rows"], summary["num_failed"], summary["num_with_truth"]) == (6, 3, 2)
    assert summary["mean_mm"] == pytest.approx(second.error_mm / 2)


def test_the_file_is_whole_after_every_scan(folder: Path) -> None:
    out, seen = folder / "out.json", []

    def look(done: int, total: int) -> None:
        seen.append([row.case.case for row in read_localization_results(out).rows])

    results = run_batch(folder / "cases.csv", out, oracle_session(), on_scan=look)
    assert seen == [[], ["1", "4"], ["1", "2", "4", "6"], ["1", "2", "3", "4", "6"], ["1", "2", "3", "4", "5", "6"]]
    assert read_localization_results(out).to_json() == results.to_json()


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_what_is_done_when_it_is_interrupted_is_kept_and_resumed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, interruption: type[BaseException]
) -> None:
    out = folder / "out.json"
    whole = run_batch(folder / "cases.csv", folder / "whole.json", oracle_session())

    def interrupt(path: Path, *arguments: object, **options: object) -> CTVolume:
        if path.name == "b.nii":
            raise interruption
        return read_volume(path, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(batch, "read_volume", interrupt)
        with pytest.raises(interruption):
            run_batch(folder / "cases.csv", out, oracle_session())
    assert [row.case.case for row in read_localization_results(out).rows] == ["1", "4"]
    session = oracle_session()
    resumed = run_batch(folder / "cases.csv", out, session, resume=True)
    assert model_of(session).num_encoded == 1  # b alone
    assert [row.json_text for row in resumed.rows] == [row.json_text for row in whole.rows]
    assert read_localization_results(out).to_json() == resumed.to_json()


VICTIM = """
import sys, time
from pathlib import Path
from napari_ct_grounding.inference import batch
from tests.inference.oracle import oracle_session
folder, read_volume = Path(sys.argv[1]), batch.read_volume
def stop_at_the_second(path, *arguments, **options):
    if path.name == "b.nii":
        (folder / f".out.json.{9}.partial").write_text("half")
        print("now", flush=True)
        time.sleep(600)
    return read_volume(path, *arguments, **options)
batch.read_volume = stop_at_the_second
batch.run_batch(folder / "cases.csv", folder / "out.json", oracle_session())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_killed_batch_goes_on_where_it_was(folder: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    child = subprocess.Popen([sys.executable, "-c", VICTIM, str(folder)], cwd=root, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "now\n"
    child.kill()
    child.communicate()
    out, session = folder / "out.json", oracle_session()
    assert [row.case.case for row in read_localization_results(out).rows] == ["1", "4"]
    resumed = run_batch(folder / "cases.csv", out, session, resume=True)
    assert model_of(session).num_encoded == 1
    whole = run_batch(folder / "cases.csv", folder / "whole.json", oracle_session())
    assert [row.json_text for row in resumed.rows] == [row.json_text for row in whole.rows]
    assert not list(folder.glob(".*"))


def test_a_cancelled_batch_keeps_what_is_done(folder: Path) -> None:
    out, session = folder / "out.json", oracle_session()
    with pytest.raises(Cancelled):
        run_batch(folder / "cases.csv", out, session, cancel=lambda: model_of(session).num_encoded == 2)
    assert [row.case.case for row in read_localization_results(out).rows] == ["1", "4"]


def test_resuming_a_finished_batch_reads_no_scan_that_was_done(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, read = folder / "out.json", []
    before = run_batch(folder / "cases.csv", out, oracle_session())
    monkeypatch.setattr(batch, "read_volume", lambda path, *_, **__: read.append(path.name) or read_volume(path))
    after = run_batch(folder / "cases.csv", out, oracle_session(), resume=True)
    assert read == ["bad.nii", "missing.nii", "b.nii"]  # those with a failed row
    assert [row.json_text for row in after.rows] == [row.json_text for row in before.rows]


def test_a_mended_scan_succeeds_when_resumed_and_a_changed_sentence_is_asked_anew(folder: Path) -> None:
    out, cases = folder / "out.json", folder / "cases.csv"
    run_batch(cases, out, oracle_session())
    save_scan(folder / "bad.nii", 20)
    cases.write_text(cases.read_text().replace(DARK, "Another bright ball."))
    session = oracle_session()
    rows = run_batch(cases, out, session, resume=True).rows
    assert [row.status for row in rows] == ["done", "done", "done", "done", "failed", "failed"]
    assert rows[3].prediction.sentence == "Another bright ball."
    assert model_of(session).num_encoded == 3  # a for its new sentence, bad, b for its failed one


def test_results_that_exist_are_not_overwritten(folder: Path) -> None:
    out = folder / "out.json"
    out.write_text("my thesis")
    with pytest.raises(InputError, match=r"out\.json exists"):
        run_batch(folder / "cases.csv", out, oracle_session())
    with pytest.raises(InputError, match=r"out\.json is not valid JSON"):
        run_batch(folder / "cases.csv", out, oracle_session(), resume=True)
    assert out.read_text() == "my thesis"


@pytest.mark.parametrize("what", ["weights_fingerprint", "coverage", "precision"])
def test_results_of_two_models_do_not_meet_in_one_file(folder: Path, what: str) -> None:
    out, session = folder / "out.json", oracle_session()
    run_batch(folder / "cases.csv", out, session)
    setattr(session, what, "another")
    before = out.read_text(encoding="utf-8")
    with pytest.raises(InputError, match=f"made with the {what.replace('_', ' ')} .*not 'another'"):
        run_batch(folder / "cases.csv", out, session, resume=True)
    assert out.read_text(encoding="utf-8") == before


def test_a_place_that_cannot_be_written_to_is_told_before_any_scan_is_read(folder: Path) -> None:
    session = oracle_session()
    with pytest.raises(InputError, match=r"out\.json cannot be written"):
        run_batch(folder / "cases.csv", folder / "missing" / "out.json", session)
    assert model_of(session).num_encoded == 0


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DeviceMemoryError("The device cuda:0 has too little\n  memory.", "cuda:0"), "has too little memory."),
        (MemoryError(), "unexpected MemoryError:"),
        (
            PermissionError(13, "Permission denied", "/secret/Doe^Jane.nii"),
            "unexpected PermissionError: Permission denied",
        ),
        (ZeroDivisionError("division by zero"), "unexpected ZeroDivisionError: division by zero"),
    ],
)
def test_whatever_befalls_a_scan_the_batch_goes_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception, words: str
) -> None:
    def fail(path: Path, *arguments: object, **options: object) -> CTVolume:
        if path.name == "a.nii":
            raise error
        return read_volume(path, *arguments, **options)

    monkeypatch.setattr(batch, "read_volume", fail)
    with caplog.at_level(logging.INFO):
        rows = run_batch(folder / "cases.csv", folder / "out.json", oracle_session()).rows
    assert words in rows[0].message
    assert rows[0].message == rows[3].message
    assert rows[1].status == "done"
    assert "Doe" not in (folder / "out.json").read_text(encoding="utf-8")
    assert "Doe" not in caplog.text


def test_a_truth_by_image_number_is_looked_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def numbered(path: Path, *_: object, **__: object) -> CTVolume:
        volume = read_volume(path)
        numbers = [40 - i for i in range(40)]
        numbers[3] = numbers[2]
        return replace(volume, slice_table=tuple(SliceRecord(i, number) for i, number in enumerate(numbers)))

    (folder / "cases.csv").write_text(
        f"scan,sentence,image_number\na.nii,{BRIGHT},11\na.nii,{BRIGHT},99\na.nii,{BRIGHT},38\n"
    )
    monkeypatch.setattr(batch, "read_volume", numbered)
    out = folder / "out.json"
    good, missing, twice = run_batch(folder / "cases.csv", out, oracle_session()).rows
    z_mm = body_with_sphere().geometry.z_of_slice(29)
    assert (good.case.truth.z_lo_mm, good.case.truth.z_hi_mm, good.case.truth.image_number) == (z_mm, z_mm, 11)
    assert good.error_mm == abs(good.prediction.z_mm - z_mm) <= 12
    assert "no image 99: its images are numbered 1 to 40" in missing.message
    assert "2 images of the scan have the number 38" in twice.message
    session = oracle_session()
    again = run_batch(folder / "cases.csv", out, session, resume=True).rows
    assert again[0].json_text == good.json_text


def test_a_scan_without_image_numbers_says_so(folder: Path) -> None:
    (folder / "cases.csv").write_text(f"scan,sentence,image_number\na.nii,{BRIGHT},11\n")
    (row,) = run_batch(folder / "cases.csv", folder / "out.json", oracle_session()).rows
    assert "its images have no numbers" in row.message


def test_how_scans_are_read_is_passed_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[object, ...]] = []

    def note(path: Path, series: object, **options: object) -> CTVolume:
        seen.append((series, options))
        return body_with_sphere()

    monkeypatch.setattr(batch, "read_volume", note)
    (folder / "cases.csv").write_text(f"scan,sentence,series,frame\na,{BRIGHT},4,2\na,{BRIGHT},5,\n")
    run_batch(folder / "cases.csv", folder / "out.json", oracle_session(), reading=ReadingOptions("resample", True))
    assert seen == [
        ("4", {"uneven": "resample", "frame": 2, "assume_hu": True}),
        ("5", {"uneven": "resample", "frame": None, "assume_hu": True}),
    ]
