from __future__ import annotations

import json
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest
from npe2 import PluginManifest

import napari_ct_grounding


@pytest.fixture(scope="module")
def manifest():
    return PluginManifest.from_file(Path(napari_ct_grounding.__file__).parent / "napari.yaml")


def test_the_manifest_is_valid_and_bears_the_name_of_the_distribution(manifest):
    manifest.validate_imports()
    assert manifest.name == "napari-ct-grounding"
    assert version(manifest.name) == napari_ct_grounding.__version__


def test_every_command_leads_to_something_that_can_be_called(manifest):
    for command in manifest.contributions.commands:
        module, name = command.python_name.split(":")
        assert callable(getattr(import_module(module), name)), command.id


def test_the_file_at_the_top_of_the_checkout_is_the_one_in_the_package(repository):
    top, inside = repository / "napari.yaml", repository / "napari_ct_grounding" / "napari.yaml"
    assert top.read_bytes() == inside.read_bytes()


def test_folders_are_accepted_and_other_files_are_left_to_other_readers(manifest, tmp_path):
    (reader,) = manifest.contributions.readers
    assert reader.accepts_directories
    picture = tmp_path / "photo.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    from napari_ct_grounding.readers.napari_reader import get_reader

    assert get_reader(str(picture)) is None
    assert get_reader(str(tmp_path)) is None


@pytest.mark.parametrize(
    "name", ["photo.png", "stack.tif", "table.csv", "notes.v2.txt", "film.1.mp4", "1.h5", "README.md"]
)
def test_napari_does_not_ask_which_reader_to_use_because_of_us(manifest, name):
    assert not _claimed(manifest, name)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "CASE.NII.GZ",
            "a.b.nrrd",
            "case.mha",
            "study.zip",
            "IM0001",
            "00000001",
            "DICOMDIR",
            "IMG-0001-00001",
            "x.DCM",
        ),
        *("1.2.840.113619.2.55.3.604688119", "CT.1.3.12.2.1107.5.1.4.60118", "scan.2.ima"),
    ],
)
def test_names_that_a_ct_may_have_come_to_our_reader(manifest, name):
    assert _claimed(manifest, name)


def _claimed(manifest, name):
    from npe2 import PluginManager

    plugins = PluginManager()
    plugins.register(manifest)
    return bool(list(plugins.iter_compatible_readers([name])))


def test_menus_are_ones_that_napari_lets_plugins_use(manifest):
    from napari._app_model.constants._menus import is_menu_contributable

    assert manifest.contributions.menus
    assert all(is_menu_contributable(menu) for menu in manifest.contributions.menus)


def test_the_demo_case_is_a_ct_with_sentences_to_try():
    folder = Path(napari_ct_grounding.__file__).parent / "sample_data"
    if not (folder / "demo_chest.nii.gz").is_file():
        pytest.skip("the demo case is not built in this checkout")
    from napari_ct_grounding.widgets.sample import demo_chest, demo_sentences

    ((data, meta, kind),) = demo_chest()
    assert kind == "image"
    assert data.ndim == 3
    assert meta["metadata"]["ct_volume"].hu is data
    assert meta["metadata"]["ct_examples"] == demo_sentences()
    assert len(json.loads((folder / "demo_chest.json").read_text())["sentences"]) >= 3
