"""Few words for every note that the readers write."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from napari_ct_grounding.core.coverage import frame_note
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.readers.notes import geometry_notes, left_out_note
from napari_ct_grounding.widgets.badge_texts import MAX_BADGE, badges_of, short_words
from napari_ct_grounding.widgets.sources import LayerSource
from napari_ct_grounding.widgets.wording import canvas_text
from napari_ct_grounding.widgets.work import EncodedScan


def _source(volume):
    return LayerSource("a", volume.name, volume.geometry, volume=volume, notes=volume.notes)


def _tilted(shape=(40, 30, 20), angle_deg=18.5):
    affine, angle = np.diag([1.0, 1, 5, 1]), np.radians(angle_deg)
    affine[:3, 1] = (0, np.cos(angle), np.sin(angle))
    return VolumeGeometry(affine, shape)


def _encoded(*, notes=(), window_length_mm=None):
    encoded = SimpleNamespace(notes=notes, embeddings=SimpleNamespace(covered_body_fraction=1.0))
    return EncodedScan(encoded, SimpleNamespace(is_calibrated=True, window_length_mm=window_length_mm))


@pytest.mark.parametrize(
    ("note", "words"),
    [
        ("Steps differ. Resampled to an even grid of 4 mm; slices in between are interpolated.", "resampled to 4 mm"),
        ("The images are not axial: slices are cut across them and have no image number.", "not axial"),
        (left_out_note({"localizer": 2}), "some images left out"),
        ("Volume 2 of 5 in the file.", "volume 2 of 5"),
        (
            "The header names no orientation (qform and sform codes are 0): left and right are assumed.",
            "orientation assumed",
        ),
        ("2 damaged DICOM files were left out.", "damaged files left out"),
        ("There are 7 studies here; this is study 3.", "one of 7 studies"),
        (frame_note(_tilted(), True), "tilted 18.5\u00b0, encoded upright"),
        (frame_note(_tilted(), False), "tilted 18.5\u00b0, read as scanned"),
    ],
)
def test_notes_become_a_few_words(note, words):
    assert short_words(note) == words


def test_angles_stand_in_the_badge():
    tilt, oblique = geometry_notes(_tilted())
    assert (short_words(tilt), short_words(oblique)) == ("tilted 18.5\u00b0", "oblique 18.5\u00b0")


def test_an_unknown_note_is_cut_at_a_word_and_fits():
    short = short_words("A sentence that no pattern knows, and which is far too long for a badge.")
    assert short == "A sentence that no pattern\u2026"
    assert len(short) <= MAX_BADGE


def test_hu_is_doubted_until_the_user_insists(volume):
    question = "The values run from 0 to 255."
    assert badges_of(_source(volume), None, question) == [("values may not be HU", question)]
    ((short, full),) = badges_of(_source(volume), None, question, is_hu_assumed=True)
    assert short == "HU assumed"
    assert question in full


def test_padding_has_a_badge_with_its_value_in_the_full_text(volume):
    volume = replace(volume, modality_facts={"padding": "outside the field (-3024 HU) shown as air"})
    assert badges_of(_source(volume), None) == [("padding shown as air", "Outside the field (-3024 HU) shown as air.")]


def test_a_scan_shorter_than_a_window_has_a_badge_where_the_model_has_windows(volume_maker):
    source = _source(volume_maker(5, num_slices=20))
    assert badges_of(source, None) == [], "nothing is known of the model yet"
    assert badges_of(source, _encoded(window_length_mm=None)) == []
    assert badges_of(source, _encoded(window_length_mm=60.0)) == []
    ((short, full),) = badges_of(source, _encoded(window_length_mm=96.0))
    assert short == "shorter than one window"
    assert "60 mm long" in full
    assert "(96 mm)" in full


def test_a_tilt_is_told_once_more_precisely_when_it_is_known_how_the_model_read_it(volume):
    geometry = _tilted(volume.geometry.shape)
    source = _source(replace(volume, geometry=geometry, notes=("There are 7 studies here.", *geometry_notes(geometry))))
    assert [short for short, _ in badges_of(source, None)] == [
        "one of 7 studies",
        "tilted 18.5\u00b0",
        "oblique 18.5\u00b0",
    ]
    badges = badges_of(source, _encoded(notes=(frame_note(geometry, True),)))
    assert badges[0][0] == "one of 7 studies"
    assert badges[1:] == [("tilted 18.5\u00b0, encoded upright", frame_note(geometry, True))]


def test_the_height_of_a_tilted_slice_is_that_of_its_centre(volume_maker):
    volume = volume_maker(num_slices=40)
    upright = canvas_text(_source(volume), 3, None)
    tilted = replace(volume, geometry=_tilted(volume.geometry.shape))
    assert "centre" not in upright
    assert canvas_text(_source(tilted), 3, None).endswith("mm at the centre")
