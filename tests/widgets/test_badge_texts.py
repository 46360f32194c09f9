"""Few words for every note that the readers write."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_ct_grounding.core.coverage import frame_note
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.readers.notes import geometry_notes, left_out_note
from napari_ct_grounding.widgets.badge_texts import MAX_BADGE, badges_of, short_words
from napari_ct_grounding.widgets.sources import LayerSource
from napari_ct_grounding.widgets.wording import canvas_text


def _source(volume):
    return LayerSource("a", volume.name, volume.geometry, volume=volume, notes=volume.notes)


def _tilted(shape=(40, 30, 20), angle_deg=18.5):
    affine, angle = np.diag([1.0, 1, 5, 1]), np.radians(angle_deg)
    affine[:3, 1] = (0, np.cos(angle), np.sin(angle))
    return VolumeGeometry(affine, shape)


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
        (frame_note(_tilted(), True), "encoded upright"),
        (frame_note(_tilted(), False), "encoded tilted, as scanned"),
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


def test_short_scans_and_padding_have_badges_with_numbers_in_the_full_text(volume_maker):
    volume = replace(
        volume_maker(5, num_slices=20), modality_facts={"padding": "outside the field (-3024 HU) shown as air"}
    )
    badges = dict(badges_of(_source(volume), None))
    assert set(badges) == {"padding shown as air", "shorter than one window"}
    assert "60 mm long" in badges["shorter than one window"]
    assert badges["padding shown as air"].startswith("Outside the field")


def test_the_height_of_a_tilted_slice_is_that_of_its_centre(volume_maker):
    volume = volume_maker(num_slices=40)
    upright = canvas_text(_source(volume), 3, None)
    tilted = replace(volume, geometry=_tilted(volume.geometry.shape))
    assert "centre" not in upright
    assert canvas_text(_source(tilted), 3, None).endswith("mm at the centre")
