"""All forms by one door: whatever the form, the patient stays out unless asked for, and the file is whole or not there."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.export.formats import FORMATS, TakeAway, write_take_away
from napari_ct_grounding.export.walk_file import read_walk
from napari_ct_grounding.phantom.dicom_export import export_study
from napari_ct_grounding.readers import read_volume
from tests.export.walks import FINDINGS, SECRET, a_volume, a_walk

EXTRAS = {"mp4": "imageio_ffmpeg", "kos": "highdicom", "sr": "highdicom"}


@pytest.fixture(scope="module")
def take_away(tmp_path_factory: pytest.TempPathFactory) -> TakeAway:
    """A walk through a DICOM scan that knows its patient, in a folder that names him."""
    folder = tmp_path_factory.mktemp("study") / SECRET
    export_study(SimpleNamespace(volume=a_volume()), folder, thick_mm=100, has_lung_series=False)  # type: ignore[arg-type]
    volume = read_volume(folder)
    return TakeAway(a_walk(volume=volume), lambda: volume, folder)


@pytest.mark.parametrize("key", FORMATS)
def test_no_form_names_patient_folder_or_scan_unless_asked(key: str, take_away: TakeAway, tmp_path: Path) -> None:
    if key in EXTRAS:
        pytest.importorskip(EXTRAS[key])
    path = tmp_path / FORMATS[key].file_name
    walk = a_walk(*FINDINGS[:1], volume=take_away.load_volume())  # one finding: a short film
    write_take_away(path, key, TakeAway(walk, take_away.load_volume, take_away.source))
    content = path.read_bytes()
    for secret in (SECRET, "PHANTOM", str(take_away.source), walk.scan.name):
        assert secret.encode() not in content
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("key", ["json", "html"])
def test_the_patient_is_read_from_the_headers_when_asked_for(key: str, take_away: TakeAway, tmp_path: Path) -> None:
    path = tmp_path / FORMATS[key].file_name
    write_take_away(path, key, TakeAway(take_away.walk, take_away.load_volume, take_away.source, with_patient=True))
    assert "PHANTOM" in path.read_text(encoding="utf-8")
    if key == "json":
        patient = read_walk(path).patient
        assert patient is not None
        assert patient.patient_id.startswith("PHANTOM-")


def test_a_patient_who_is_asked_for_and_unknown_is_left_out(tmp_path: Path) -> None:
    write_take_away(tmp_path / "walk.json", "json", TakeAway(a_walk(), a_volume, None, with_patient=True))
    assert read_walk(tmp_path / "walk.json").patient is None


def test_names_of_files_say_nothing_of_the_scan_and_every_form_explains_itself() -> None:
    assert len({form.file_name for form in FORMATS.values()}) == len(FORMATS)
    for key, form in FORMATS.items():
        assert form.key == key
        assert form.suffix in (".html", ".json", ".csv", ".png", ".gif", ".mp4", ".dcm")
        assert form.title
        assert form.tool_tip


def test_voxels_are_not_asked_for_where_no_picture_is_made(tmp_path: Path) -> None:
    def no_volume() -> None:
        raise AssertionError("the voxels were loaded")

    for key in ("json", "csv"):
        write_take_away(tmp_path / FORMATS[key].file_name, key, TakeAway(a_walk(), no_volume))  # type: ignore[arg-type]
        assert (tmp_path / FORMATS[key].file_name).exists()


@pytest.mark.parametrize("key", ["json", "csv", "html", "png", "gif"])
def test_a_place_that_cannot_be_written_to_is_told_without_its_folder(key: str, tmp_path: Path) -> None:
    path = tmp_path / "not there" / FORMATS[key].file_name
    with pytest.raises(InputError, match=f"^{FORMATS[key].file_name} cannot be written") as told:
        write_take_away(path, key, TakeAway(a_walk(*FINDINGS[:1]), a_volume))
    assert "not there" not in str(told.value)
