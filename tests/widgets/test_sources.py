from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image

from napari_ct_grounding.core.errors import GeometryError, VolumeError
from napari_ct_grounding.widgets.sources import Orientation, source_of_layer, why_not_a_volume


def _layer(shape=(6, 4, 5), **kwargs):
    return Image(np.arange(np.prod(shape), dtype=np.int16).reshape(shape), rgb=False, name="plain", **kwargs)


@pytest.mark.parametrize(
    ("shape", "words"), [((5, 5), "2 axes"), ((2, 5, 5, 5), "4 axes"), ((1, 5, 5), "single slice")]
)
def test_a_layer_that_is_no_volume_says_why(shape, words):
    layer = _layer(shape)
    assert words in why_not_a_volume(layer)
    with pytest.raises(VolumeError, match=words):
        source_of_layer(layer)


def test_a_plain_layer_is_not_guessed():
    with pytest.raises(GeometryError, match="which way its axes run"):
        source_of_layer(_layer())


@pytest.mark.parametrize("is_head", [False, True])
@pytest.mark.parametrize("is_front", [False, True])
@pytest.mark.parametrize("is_right", [False, True])
def test_stated_orientations_turn_the_axes_towards_superior_anterior_right(is_head, is_front, is_right):
    layer = _layer()
    volume = source_of_layer(layer, Orientation(is_head, is_front, is_right)).load()
    step = [-1 if flip else 1 for flip in (is_head, is_front, is_right)]
    np.testing.assert_array_equal(volume.hu, layer.data[:: step[0], :: step[1], :: step[2]])
    assert volume.slice_table[0].file_index == (5 if is_head else 0)


def test_voxel_sizes_follow_the_units_and_unknown_ones_are_noted():
    known = source_of_layer(_layer(scale=(3000, 500, 500), units=("um",) * 3), Orientation())
    assert known.geometry.spacing_mm == pytest.approx((3.0, 0.5, 0.5))
    assert not any("Voxel size unknown" in note for note in known.notes)
    unknown = source_of_layer(_layer(scale=(3, 0.5, 0.5)), Orientation())
    assert unknown.geometry.spacing_mm == pytest.approx((3.0, 0.5, 0.5))
    assert any("Voxel size unknown" in note for note in unknown.notes)


def test_a_stated_voxel_size_replaces_an_unknown_one_and_is_noted():
    source = source_of_layer(_layer(scale=(1, 1, 1)), Orientation(spacing_mm=(5.0, 0.7, 0.8)))
    assert source.geometry.spacing_mm == pytest.approx((5.0, 0.7, 0.8))
    assert any(note.startswith("Voxel size as you stated it: 5 x 0.7 x 0.8 mm") for note in source.notes)
    assert not any("unknown" in note for note in source.notes)


def test_a_turned_plain_layer_is_refused_with_the_remedy_and_a_merely_scaled_one_is_not():
    turned, scaled = np.eye(4), np.diag([2.0, 1, -1, 1])
    turned[1:3, 1:3] = [[0.99, -0.14], [0.14, 0.99]]
    reason = why_not_a_volume(_layer(affine=turned))
    assert "turned or sheared" in reason
    assert "button Open" in reason
    assert why_not_a_volume(_layer(affine=scaled)) is None
    source = source_of_layer(_layer(affine=scaled, scale=(1.5, 1, 1), units=("mm",) * 3), Orientation())
    assert source.geometry.spacing_mm == pytest.approx((3.0, 1.0, 1.0))


@pytest.mark.parametrize("flips", [(False, True, True), (True, False, False), (False, False, False)])
@pytest.mark.parametrize("scale", [(3, 1, 1), (3, -1, 1), (-3, 1, -1)])
def test_it_is_known_how_the_screen_shows_a_plain_layer_whatever_its_scale_and_orientation(flips, scale):
    source = source_of_layer(_layer(scale=scale), Orientation(*flips))
    # Where the canonical axis grows: along the data unless flipped, and the data along the viewer unless the scale is negative.
    grows = [int(np.sign(step)) * (-1 if flip else 1) for step, flip in zip(scale, flips, strict=True)]
    assert list(source.screen_signs) == grows


def test_replaced_data_of_a_ct_layer_are_not_taken_for_the_old_volume(volume):
    from napari_ct_grounding.readers.napari_reader import layer_of_volume

    data, meta, _ = layer_of_volume(volume)
    layer = Image(data, **meta)
    assert source_of_layer(layer).volume is volume
    layer.data = data.copy()  # as a duplicated layer
    assert source_of_layer(layer).volume is volume
    smoothed = np.roll(data, 1, axis=0)
    layer.data = smoothed
    changed = source_of_layer(layer)
    assert changed.volume is None
    assert changed.geometry == volume.geometry
    assert changed.notes[-1].startswith("Values changed")
    np.testing.assert_array_equal(changed.load().hu, smoothed)
    assert changed.record(3) == volume.slice_table[3]
    layer.data = np.zeros((5, 5, 5), np.int16)
    with pytest.raises(GeometryError):
        source_of_layer(layer)
