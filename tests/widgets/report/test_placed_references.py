"""References of a report as places in the scan that is open, or the reason why not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from napari_ct_grounding.core.references import ImageReference
from napari_ct_grounding.core.slice_table import ImageRecord, SeriesTable, table_of_volume
from napari_ct_grounding.core.volume import SliceRecord
from napari_ct_grounding.widgets.report.placed_references import ReferencePlacer
from napari_ct_grounding.widgets.report.study_tables import read_study_tables
from napari_ct_grounding.widgets.sources import LayerSource


def _source(volume):
    return LayerSource("a", volume.name, volume.geometry, volume=volume)


def _reference(*images, series=4, is_prior=False):
    return ImageReference(series, images, len(images) > 1, is_prior, 0, 1, "series then image")


def _place(placer, *images, **options):
    return placer.place_all([_reference(*images, **options)])[0]


def test_an_image_number_is_looked_up_in_the_slice_table(volume):
    placer = ReferencePlacer(_source(volume))
    # Image 1 is the highest of 48 slices.
    assert _place(placer, 1).z_mm == (volume.geometry.z_of_slice(47),)
    assert _place(placer, 40, 42, series=None).range_mm == (
        volume.geometry.z_of_slice(6),
        volume.geometry.z_of_slice(8),
    )


@pytest.mark.parametrize(
    ("options", "short", "reason"),
    [
        ({"series": 9}, "other series", "The volume that is open is series 4."),
        ({"is_prior": True}, "prior study", "earlier study"),
        ({"images": (99,)}, "no such image", "no image 99"),
    ],
)
def test_what_has_no_place_says_why(volume, options, short, reason):
    images = options.pop("images", (12,))
    place = _place(ReferencePlacer(_source(volume)), *images, **options)
    assert place.z_mm == ()
    assert place.short_reason == short
    assert reason in place.reason


def test_slices_without_image_numbers_are_not_guessed_at(volume):
    bare = replace(volume, slice_table=tuple(SliceRecord(i) for i in range(48)))
    for source in (_source(bare), LayerSource("a", "plain", volume.geometry)):
        assert _place(ReferencePlacer(source), 12).short_reason == "no image numbers"


def test_images_that_bear_one_number_are_named_and_none_is_chosen(volume):
    table = tuple(replace(record, image_number=max(record.image_number, 2)) for record in volume.slice_table)
    place = _place(ReferencePlacer(_source(replace(volume, slice_table=table))), 2)
    assert place.z_mm == ()
    assert place.short_reason == "not clear"
    assert "It may be image 2" in place.reason


def test_a_series_of_another_frame_of_reference_is_marked_as_approximate(volume):
    own = replace(table_of_volume(volume), frame_of_reference="1.2")
    other = SeriesTable("k", "", 9, "1.3", True, (ImageRecord(3, -390.0, -390.0),))
    place = _place(ReferencePlacer(_source(volume), (own, other)), 3, series=9)
    assert place.z_mm == (-390.0,)
    assert place.is_approximate
    assert "approximate" in place.reason


def test_without_a_volume_nothing_has_a_place():
    assert _place(ReferencePlacer(None), 3).z_mm == ()


def test_other_files_than_dicom_have_no_study(tmp_path, volume):
    import nibabel
    import numpy as np

    path = tmp_path / "scan.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 4, 4), dtype=np.int16), np.eye(4)), path)
    assert read_study_tables(path, None) == ()
