"""Layers of napari-nifti: imitated here, and made by the real plugin where it is installed."""

from __future__ import annotations

import itertools

import nibabel
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_ct_grounding import read_volume
from napari_ct_grounding.widgets.foreign_layers import placement_of_napari_nifti
from napari_ct_grounding.widgets.navigation import SliceFollower
from napari_ct_grounding.widgets.sources import source_of_layer, why_not_a_volume
from napari_ct_grounding.widgets.view import orientation_letters, radiological_view_of


def _oblique(angle_deg=7.0):
    angle, affine = np.radians(angle_deg), np.diag([0.7, 0.8, 3.0, 1.0])
    turn = np.eye(4)
    turn[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    affine[:3, 3] = (-100, -50, -400)
    return turn @ affine


def _as_napari_nifti(data, affine):
    """The layer tuple of napari-nifti 0.0.20 for canonical data (z, y, x)."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)[::-1]
    origin = affine[:3, 3][::-1]
    metadata = {
        "affine": affine,
        "spacing": spacing[::-1],
        "origin": affine[:3, 3],
        "direction": affine[:3, :3] / spacing[::-1],
        "header": None,
        "coordinate_system": "RAS+",
    }
    far = origin + (np.array(data.shape) - 1) * spacing
    return data, {"scale": -spacing, "translate": far, "metadata": metadata}


@pytest.fixture
def layer():
    data, meta = _as_napari_nifti(np.arange(6 * 4 * 5, dtype=np.int16).reshape(6, 4, 5), _oblique())
    return Image(data, name="nifti", **meta)


def test_the_true_affine_is_used_and_said(layer):
    source = source_of_layer(layer)
    np.testing.assert_allclose(source.geometry.affine, _oblique())
    assert source.flipped == (False, False, False)
    assert source.screen_signs == (-1, -1, -1)
    assert source.notes[0].startswith("Opened by napari-nifti")
    assert any("7.0 degrees off axial" in note for note in source.notes)
    np.testing.assert_array_equal(source.load().hu, layer.data)


def test_a_mirrored_layer_is_shown_as_on_a_workstation_and_its_slices_are_counted_from_the_feet(layer):
    viewer = ViewerModel()
    viewer.add_layer(layer)
    source = source_of_layer(layer)
    radiological_view_of(viewer, source.screen_signs)
    assert orientation_letters(viewer, source.screen_signs) == {"left": "R", "right": "L", "top": "A", "bottom": "P"}
    viewer.dims.order = (1, 0, 2)
    assert orientation_letters(viewer, source.screen_signs)["left"] == "R"
    follower = SliceFollower(viewer)
    follower.set_source(source)
    follower.go_to(1)
    assert follower.slice_index == 1
    assert viewer.dims.point[0] == pytest.approx(layer.translate[0] + layer.scale[0])


@pytest.mark.parametrize(
    "change",
    [
        {"affine": np.diag([2.0, 2.0, 2.0, 1.0])},
        {"affine": np.full((4, 4), np.nan)},
        {"affine": np.eye(3)},
    ],
)
def test_metadata_that_do_not_fit_the_layer_are_not_believed(layer, change):
    layer.metadata.update(change)
    assert placement_of_napari_nifti(layer) is None


def test_a_layer_whose_scale_was_changed_is_asked_about_again(layer):
    layer.scale = (3, 0.8, 0.7)
    assert placement_of_napari_nifti(layer) is None


@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1), (-1, -1, -1)])
def test_the_real_plugin_gives_the_same_volume_as_our_reader(tmp_path, axes, signs):
    reader = pytest.importorskip("napari_nifti._reader")
    affine = _oblique() @ np.eye(4)[[*axes, 3]] @ np.diag([*signs, 1])
    values = np.random.default_rng(1).integers(-1000, 1000, (4, 5, 6)).astype(np.int16)
    path = str(tmp_path / "case.nii")
    nibabel.save(nibabel.Nifti1Image(values, affine), path)
    ((data, meta, _),) = reader.reader_function(path)
    layer, ours = Image(data, **meta), read_volume(path)
    if why_not_a_volume(layer) is not None:  # axes in turn: refused, never wrong
        assert sorted(axes) != list(axes)
        return
    theirs = source_of_layer(layer).load()
    np.testing.assert_array_equal(theirs.hu, ours.hu)
    np.testing.assert_allclose(theirs.geometry.affine, ours.geometry.affine, atol=1e-3)


def test_data_that_napari_nifti_left_flipped_are_turned(layer):
    affine = _oblique()
    affine[:3, 1] *= -1
    layer.metadata["affine"] = affine
    source = source_of_layer(layer)
    assert source.flipped == (False, True, False)
    assert source.screen_signs == (-1, 1, -1)
    np.testing.assert_array_equal(source.load().hu, layer.data[:, ::-1])
    assert source.geometry.affine[1, 1] > 0


def test_data_whose_first_axis_is_not_that_of_the_slices_are_refused_with_the_remedy(layer):
    affine = _oblique()[:, [2, 0, 1, 3]]
    layer.metadata["affine"] = affine
    layer.scale = -np.linalg.norm(affine[:3, :3], axis=0)[::-1]
    assert "button Open" in why_not_a_volume(layer)
