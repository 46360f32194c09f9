"""References looked up in slice tables: settled, or every candidate with the reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.reference_resolution import Resolution, resolve_reference
from napari_ct_grounding.core.references import find_references
from napari_ct_grounding.core.slice_table import (
    ImageRecord,
    SeriesTable,
    read_slice_tables,
    table_of_volume,
    write_slice_tables,
)


def series(number: int, first: int = 1, num: int = 40, step_mm: float = 5.0, start_mm: float = 100.0) -> SeriesTable:
    """Images numbered from the head down."""
    images = tuple(
        ImageRecord(first + k, z := start_mm - k * step_mm, z, f"1.2.{number}.{first + k}") for k in range(num)
    )
    return SeriesTable(f"1.2.{number}", "1.2", number, "1.9", True, images)


def resolved(text: str, *tables: SeriesTable, volume: SeriesTable | None = None) -> Resolution:
    (reference,) = find_references(text, {table.number or 0: 999 for table in tables})
    return resolve_reference(reference, tables, volume)


def test_image_number_of_the_named_series_gives_the_height() -> None:
    found = resolved("(series 4, image 3)", series(3), series(4))
    assert found.is_settled
    assert found.range_mm == (90.0, 90.0)
    assert found.images[0].image.sop_instance_uid == "1.2.4.3"


def test_range_gives_every_image_and_the_whole_extent() -> None:
    found = resolved("(series 4, images 3-6)", series(4))
    assert [placed.image.image_number for placed in found.images] == [3, 4, 5, 6]
    assert found.range_mm == (75.0, 90.0)


def test_several_images_of_one_number_count_only_at_one_height() -> None:
    copy = series(4)
    shifted = replace(
        copy, key="1.2.4#2", images=tuple(replace(i, z_lo_mm=i.z_lo_mm + 2, z_hi_mm=i.z_hi_mm + 2) for i in copy.images)
    )
    assert resolved("(series 4, image 3)", copy, replace(copy, key="1.2.4#2")).is_settled
    found = resolved("(series 4, image 3)", copy, shifted)
    assert not found.is_settled
    assert found.cause == "several heights"
    assert len(found.candidates) == 2
    assert "2.0 mm apart" in found.reason


def test_displayed_position_and_image_number_are_both_offered_where_they_differ() -> None:
    offset = series(4, first=3, num=40)
    found = resolved("(series 4, image 12/40)", offset)
    assert found.cause == "displayed position"
    assert [placed.is_displayed for placed in found.candidates] == [False, True]
    assert resolved("(series 4, image 12/40)", series(4)).is_settled


def test_position_is_offered_but_not_taken_where_no_image_bears_the_number() -> None:
    found = resolved("(series 4, image 12)", series(4, first=29))
    assert not found.is_settled
    assert found.cause == "displayed position"
    assert found.candidates[0].image.image_number == 40


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("(series 9, image 3)", "no such series"),
        ("(series 4, image 300)", "no such image"),
        ("On the prior CT (series 4, image 3) it was smaller.", "prior study"),
    ],
)
def test_what_is_not_there_is_refused_with_its_reason(text: str, cause: str) -> None:
    found = resolved(text, series(4))
    assert not found.is_settled
    assert found.cause == cause
    assert found.reason.endswith(".")


def test_image_without_a_series_needs_all_axial_series_to_agree() -> None:
    assert resolved("on image 3", series(4)).range_mm == (90.0, 90.0)
    assert resolved("on image 3", series(4), series(5)).is_settled
    assert resolved("on image 3", series(4), series(5, step_mm=2.0)).cause == "several heights"


def test_series_of_two_studies_are_not_mixed() -> None:
    other = replace(series(4), study="1.3")
    assert resolved("(series 4, image 3)", series(4), other).cause == "several studies"


def test_another_frame_of_reference_makes_it_approximate() -> None:
    target = replace(series(2), frame_of_reference="1.8")
    assert resolved("(series 4, image 3)", series(4), target, volume=target).is_approximate
    assert not resolved("(series 4, image 3)", series(4), series(2), volume=series(2)).is_approximate


def test_coronal_image_gives_a_range() -> None:
    coronal = SeriesTable(
        "1.2.6", "1.2", 6, "1.9", False, (ImageRecord(1, -200.0, 150.0), ImageRecord(2, -200.0, 150.0))
    )
    assert resolved("(coronal series 6, image 2)", coronal).range_mm == (-200.0, 150.0)


def test_tables_survive_their_file(tmp_path) -> None:
    tables = [
        replace(series(4), volume="thorax.nii.gz"),
        SeriesTable("k", "", None, "", False, (ImageRecord(None, 0.5, 2.0),)),
    ]
    write_slice_tables(tmp_path / "study.slices.json", tables)
    assert read_slice_tables(tmp_path / "study.slices.json") == tables


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"schema_version": 2, "series": []}', '{"schema_version": 1, "series": [{"key": 3}]}']
)
def test_damaged_tables_are_refused_in_a_sentence(tmp_path, text: str) -> None:
    (tmp_path / "bad.slices.json").write_text(text)
    with pytest.raises(InputError, match=r"bad\.slices\.json"):
        read_slice_tables(tmp_path / "bad.slices.json")


def test_open_volume_has_a_table_with_its_image_numbers() -> None:
    import numpy as np

    from napari_ct_grounding.core.geometry import VolumeGeometry
    from napari_ct_grounding.core.volume import CTVolume, SliceRecord

    geometry = VolumeGeometry.from_spacing((3, 2, 2), (5.0, 1.0, 1.0))
    records = tuple(SliceRecord(k, 10 - k, 4) for k in range(3))
    table = table_of_volume(CTVolume(np.zeros((3, 2, 2), np.int16), geometry, records))
    assert table.number == 4
    assert [image.image_number for image in table.displayed] == [8, 9, 10]
    assert resolved("(series 4, image 8)", table).range_mm == (geometry.z_of_slice(2),) * 2
