"""A series is taken apart so that no stack mixes two scans, and no scan is torn apart."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_ct_grounding.readers.dicom.header import TRAITS, ImageHeader
from napari_ct_grounding.readers.dicom.split import alike, details_of, has_repeats, is_even, split

NAMES = [name for name, _ in TRAITS]
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def header(z: float, owner: str = "", frame: int | None = 0, **changes) -> ImageHeader:
    """Return the header of a frame at this height; its description names the scan to which it belongs."""
    traits = tuple(str(changes.pop(name, "")) for name in NAMES)
    facts = {
        **{"path": Path("scan"), "frame": frame, "sop_uid": "", "series_uid": "1", "study_uid": "1", "study_date": ""},
        **{"frame_of_reference_uid": "1", "modality": "CT", "series_number": 1, "instance_number": None},
        **{"description": owner, "traits": traits, "image_type": (), "rows": 4, "columns": 4},
        **{"position": (0.0, 0.0, z), "orientation": AXIAL, "pixel_spacing": (1.0, 1.0), "gantry_tilt_deg": 0.0},
        **{"slope": 1.0, "intercept": 0.0, "rescale": "given", "rescale_type": "", "padding": None},
        **{"is_colour": False, "is_secondary_capture": False},
    }
    return ImageHeader(**{**facts, **changes})


def scan(owner: str, num: int, step: float, start: float = 0.0, **traits) -> list[ImageHeader]:
    return [header(start + place * step, owner, **traits) for place in range(num)]


@settings(max_examples=150, deadline=None)
@given(
    trait=st.sampled_from([name for name in NAMES if name != "ImageType"]),
    num=st.tuples(st.integers(5, 30), st.integers(5, 30)),
    step=st.sampled_from([0.5, 1.0, 2.5, 5.0]),
    offset=st.floats(0, 1),
    data=st.data(),
)
def test_two_scans_of_one_region_are_never_mixed(trait, num, step, offset, data):
    shorter = min(num) * step
    first = scan("a", num[0], step, **{trait: "1"})
    second = scan("b", num[1], step, start=offset * 0.4 * shorter, **{trait: "2"})
    parts, num_copies = split(data.draw(st.permutations([*first, *second])))
    assert num_copies == 0
    assert sorted(len(part) for part in parts) == sorted(num)
    assert all(len({image.description for image in part}) == 1 for part in parts)
    assert len(set(details_of(parts))) == 2


@settings(max_examples=60, deadline=None)
@given(
    num=st.integers(4, 40),
    rotation=st.integers(1, 8),
    trait=st.sampled_from(["AcquisitionNumber", "AcquisitionTime", "ImageType"]),
)
def test_rotations_that_follow_each_other_stay_one_scan(num, rotation, trait):
    images = [header(5.0 * place, **{trait: str(place // rotation)}) for place in range(num)]
    assert split(images) == ([images], 0)


def test_several_phases_with_one_incomplete_leave_the_complete_ones():
    phases = [scan(name, 10, 2.0, TemporalPositionIdentifier=name) for name in "123"]
    repeated = header(4.0, "3", TemporalPositionIdentifier="3")
    parts, _ = split([image for phase in phases for image in phase] + [repeated])
    assert sorted(len(part) for part in parts) == [10, 10, 11]
    assert [has_repeats(part) for part in sorted(parts, key=len)] == [False, False, True]


def test_without_a_difference_repeats_stay_together_to_be_refused():
    images = scan("a", 10, 2.0) + scan("b", 10, 2.0)
    assert split(images) == ([images], 0)


def test_traits_by_chance_do_not_tear_a_scan_apart():
    # One odd image, or an odd image type that leaves gaps on either side, is no scan of its own.
    images = [header(2.0 * place, ImageType="KEY" if place in (3, 7, 8) else "AXIAL") for place in range(12)]
    assert split(images) == ([images], 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"rows": 8},
        {"modality": "PT"},
        {"series_number": 2},
        {"orientation": (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)},
        {"pixel_spacing": (0.9, 0.9)},
        {"orientation": None},
        {"frame": None},
        {"frame_of_reference_uid": "2"},
    ],
)
def test_unlike_images_never_share_a_stack(changes):
    images = scan("a", 4, 2.0) + [header(8.0 + 2 * place, "b", **changes) for place in range(4)]
    assert [{image.description for image in group} for group in alike(images)] == [{"a"}, {"b"}]


def test_directions_that_differ_by_rounding_are_alike():
    images = [header(2.0 * place, orientation=(1.0, 1e-4 * (place % 2), 0.0, 0.0, 1.0, 0.0)) for place in range(6)]
    assert len(alike(images)) == 1


@pytest.mark.parametrize(
    ("steps", "even"), [((1, 1, 1), True), ((1, 1.009, 1), True), ((1, 1.02, 1), False), ((0.1, 0.1, 0.13), False)]
)
def test_steps_are_even_within_a_hundredth(steps, even):
    heights = [sum(steps[:count]) for count in range(len(steps) + 1)]
    assert is_even([header(float(z)) for z in heights]) is even


def passes(num, offset, down) -> tuple[list[ImageHeader], list[ImageHeader]]:
    first = [header(2.0 * place, "a", instance_number=place) for place in range(num[0])]
    heights = sorted((2.0 * (place + offset) for place in range(num[1])), reverse=down)
    return first, [header(z, "b", instance_number=100 + place) for place, z in enumerate(heights)]


@settings(max_examples=60, deadline=None)
@given(num=st.tuples(st.integers(5, 30), st.integers(5, 30)), offset=st.sampled_from([0.0, 0.5, 0.25]))
def test_two_passes_of_the_table_are_told_apart_by_their_image_numbers(num, offset):
    first, second = passes(num, offset, down=False)
    parts, _ = split([*second, *first])
    assert sorted(len(part) for part in parts) == sorted(num)
    assert all(len({image.description for image in part}) == 1 for part in parts)


@settings(max_examples=60, deadline=None)
@given(num=st.tuples(st.integers(5, 30), st.integers(5, 30)), offset=st.sampled_from([0.0, 0.25]))
def test_a_pass_up_and_one_down_stay_together_to_be_refused(num, offset):
    first, second = passes(num, offset, down=True)
    parts, _ = split([*first, *second])
    assert len(parts) == 1
    assert has_repeats(parts[0]) or not is_even(parts[0])


@settings(max_examples=100, deadline=None)
@given(numbers=st.permutations(range(12)))
def test_numbers_in_disorder_do_not_tear_a_scan_apart(numbers):
    images = [header(2.0 * place, instance_number=number) for place, number in enumerate(numbers)]
    parts, _ = split(images)
    assert all(is_even(part) for part in parts)
    assert sum(map(len, parts)) == 12
