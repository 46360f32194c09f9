"""Cases of series that hold more than one scan, the same image twice, or images that are no slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from pydicom.uid import generate_uid

from napari_ct_grounding.core.errors import GeometryError, UnevenSpacingError, VolumeError
from tests.readers.case import Case, Opens, Refused, Written
from tests.readers.dicom_writing import Image, Series, axial_images, truth_of, written

_GROUP = "DICOM: several scans in one series"
_EXTRAS = "DICOM: images that are no slices, and numbers that are none"


def other(images: Sequence[Image], shift_mm: float = 0.0, first_number: int = 101) -> list[Image]:
    """Return a second scan of the same region: other values, moved along z."""
    return [
        replace(
            image,
            hu=np.clip(image.hu + 40, -1000, 3000),
            position=(*image.position[:2], image.position[2] + shift_mm),
            number=first_number + place,
        )
        for place, image in enumerate(images)
    ]


def two(folder: Path, shift_mm: float, first: dict, second: dict, num_second: int = 7, **both: object) -> Written:
    """Write eight slices, and then some of another scan into the same series; the first is the truth."""
    series = Series()
    result = written(folder, axial_images(), series, prefix="A", **{**both, **first})
    written(folder, other(axial_images(num_second), shift_mm), series, prefix="B", **{**both, **second})
    return result


def sent_twice(folder: Path) -> Written:
    result = written(folder, axial_images())
    for path in sorted(folder.iterdir())[:5]:
        (folder / f"copy of {path.name}").write_bytes(path.read_bytes())
    return result


def one_copy_cut(folder: Path) -> Written:
    result = written(folder, axial_images())
    for path in sorted(folder.iterdir()):
        (folder / f"A{path.name}").write_bytes(path.read_bytes()[:-60])
    return result


def sent_twice_renamed(folder: Path) -> Written:
    """A second transfer gave every image a new SOPInstanceUID."""
    series = Series()
    result = written(folder, axial_images(), series)
    written(folder, axial_images(), series, prefix="AGAIN")
    return result


def one_uid_for_all(folder: Path) -> Written:
    """A broken exporter: all images bear one SOPInstanceUID, and yet they are different slices."""
    return written(folder, axial_images(), SOPInstanceUID=generate_uid())


def bolus_tracking(folder: Path) -> Written:
    series = Series()
    result = written(folder, axial_images(), series, AcquisitionNumber=2)
    monitor = [replace(image, position=axial_images()[4].position) for image in other(axial_images(5))]
    written(folder, monitor, series, prefix="MONITOR", AcquisitionNumber=1)
    return result


def repeated_slice(folder: Path) -> Written:
    series = Series()
    result = written(folder, axial_images(), series, AcquisitionNumber=1)
    written(folder, other(axial_images()[3:4]), series, prefix="AGAIN", AcquisitionNumber=2)
    return result


def step_and_shoot(folder: Path) -> Written:
    """Each rotation is an acquisition of its own: two slices, side by side with the next."""
    images = [image.having(AcquisitionNumber=1 + place // 2) for place, image in enumerate(axial_images())]
    return written(folder, images)


def odd_image_type(folder: Path) -> Written:
    """Two slices in the middle are flagged differently; they belong to the scan all the same."""
    images = axial_images()
    for place in (3, 5):
        images[place] = images[place].having(ImageType=["ORIGINAL", "PRIMARY", "AXIAL", "KEY"])
    return written(folder, images)


def two_sizes(folder: Path) -> Written:
    series = Series()
    result = written(folder, axial_images(), series)
    small = [replace(image, hu=image.hu[:9, :10], pixel_spacing=(10.0, 10.0)) for image in axial_images(6)]
    written(folder, small, series, prefix="S")
    return result


def two_references(folder: Path) -> Written:
    """The patient moved and was positioned anew: positions after it mean other places."""
    series = Series()
    images = axial_images(14)
    result = written(folder, images[:8], series, FrameOfReferenceUID="1.2.1")
    written(folder, images[8:], series, prefix="B", FrameOfReferenceUID="1.2.2")
    return result


def reference_each(folder: Path) -> Written:
    images = [image.having(FrameOfReferenceUID=generate_uid()) for image in axial_images()]
    return written(folder, images)


def with_extras(folder: Path) -> Written:
    series = Series()
    result = written(folder, axial_images(), series)
    scout = replace(axial_images()[0], orientation=(1, 0, 0, 0, 0, -1), number=0)
    written(folder, [scout], series, prefix="SCOUT", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    written(folder, [scout], series, prefix="SURVIEW", ImageType=["ORIGINAL", "PRIMARY", "REF_SURVIEW"])
    sheet = replace(axial_images()[7], number=999)
    written(folder, [sheet], series, prefix="DOSE", ImageType=["DERIVED", "SECONDARY", "DOSE_INFO"])
    written(folder, [sheet], series, prefix="SHOT", SOPClassUID="1.2.840.10008.5.1.4.1.1.7")
    return result


def unnamed_scout(folder: Path) -> Written:
    series = Series()
    result = written(folder, axial_images(), series)
    written(folder, [replace(axial_images()[0], orientation=(1, 0, 0, 0, 0, -1))], series, prefix="SCOUT")
    return result


def colour_picture(folder: Path) -> Written:
    series = Series()
    result = written(folder, axial_images(), series)
    picture = replace(axial_images()[2], number=77)
    elements = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0, "BitsAllocated": 8}
    written(folder, [picture], series, prefix="RGB", BitsStored=8, HighBit=7, PixelData=bytes(20 * 18 * 3), **elements)
    return result


def numbered(numbers: Sequence[int | None]) -> list[Image]:
    return [replace(image, number=number) for image, number in zip(axial_images(), numbers, strict=True)]


def truth_in_order(folder: Path, images: list[Image]) -> Written:
    return Written(written(folder, images).path, truth_of(images, image_numbers=[image.number for image in images]))


CASES = [
    Case(
        _GROUP,
        "two phases, told apart by AcquisitionNumber",
        lambda folder: two(folder, 0, {"AcquisitionNumber": 1}, {"AcquisitionNumber": 2}),
        Opens(("The series holds 2 stacks of images; this is one of them: acquisition 1.",)),
        series=("Series 4: 8 images of 12 mm, acquisition 1", "Series 4: 7 images of 12 mm, acquisition 2"),
    ),
    Case(
        _GROUP,
        "two kernels",
        lambda folder: two(folder, 0, {"ConvolutionKernel": "B30f"}, {"ConvolutionKernel": "B70f"}),
        Opens(("The series holds 2 stacks of images; this is one of them: kernel B30f.",)),
        series=("Series 4: 8 images of 12 mm, B30f", "Series 4: 7 images of 12 mm, B70f"),
    ),
    Case(
        _GROUP,
        "two tube voltages",
        lambda folder: two(folder, 0, {"KVP": 100}, {"KVP": 140}),
        Opens(("The series holds 2 stacks of images; this is one of them: kV 100.0.",)),
    ),
    Case(
        _GROUP,
        "two phases of the heart",
        lambda folder: two(
            folder, 0, {"NominalPercentageOfCardiacPhase": 40.0}, {"NominalPercentageOfCardiacPhase": 75.0}
        ),
        Opens(("The series holds 2 stacks of images; this is one of them: cardiac phase 40.0.",)),
    ),
    Case(
        _GROUP,
        "two phases interleaved at half a step (even: 6 mm)",
        lambda folder: two(folder, 6, {"AcquisitionNumber": 1}, {"AcquisitionNumber": 2}),
        Opens(("The series holds 2 stacks of images; this is one of them: acquisition 1.",)),
    ),
    Case(
        _GROUP,
        "two kernels interleaved at a third of a step",
        lambda folder: two(folder, 4, {"ConvolutionKernel": "B30f"}, {"ConvolutionKernel": "B70f"}),
        Opens(("The series holds 2 stacks of images; this is one of them: kernel B30f.",)),
    ),
    Case(
        _GROUP,
        "interleaved at half a step, told apart by their image numbers alone",
        lambda folder: two(folder, 6, {}, {}),
        Opens(("The series holds 2 stacks of images; this is one of them: images 1 to 8.",)),
    ),
    Case(
        _GROUP,
        "two scans of one region, told apart by their image numbers alone",
        lambda folder: two(folder, 0, {}, {}),
        Opens(("The series holds 2 stacks of images; this is one of them: images 1 to 8.",)),
    ),
    Case(
        _GROUP,
        "interleaved at a third of a step, nothing tells them apart",
        lambda folder: two(folder, 4, {}, {}, InstanceNumber=None),
        Refused(
            UnevenSpacingError,
            "The slices are not evenly spaced: steps run from 4 to 8 mm, most are 6 mm; the widest departure is "
            "4 mm between slices 0 and 1. Export the series without gaps, or ask for an even grid, which "
            'interpolates (uneven="resample", in the shell --uneven resample).',
        ),
    ),
    Case(
        _GROUP,
        "two scans of one region, nothing tells them apart",
        lambda folder: two(folder, 0, {}, {}, InstanceNumber=None),
        Refused(
            GeometryError,
            "7 of 15 images lie at a position where another image already lies, and nothing in the headers tells "
            "which belong together. Export one phase or reconstruction of the series alone.",
        ),
    ),
    Case(_GROUP, "rotations numbered as acquisitions (step and shoot)", step_and_shoot, Opens()),
    Case(_GROUP, "single slices of another image type", odd_image_type, Opens()),
    Case(
        _GROUP,
        "images of a bolus tracking in the same series",
        bolus_tracking,
        Opens(("The series holds 2 stacks of images; this is one of them: acquisition 2.",)),
    ),
    Case(
        _GROUP,
        "one slice scanned again",
        repeated_slice,
        Opens(("Left out: 1 x image of another orientation, size or acquisition.",)),
    ),
    Case(
        _GROUP,
        "two sizes of slices",
        two_sizes,
        Opens(("The series holds 2 stacks of images; this is one of them: 18 x 20 pixels.",)),
    ),
    Case(
        _GROUP,
        "two frames of reference",
        two_references,
        Opens(("The series holds 2 stacks of images; this is one of them: images 1 to 8.",)),
    ),
    Case(_GROUP, "a frame of reference of its own for each image (an anonymiser's slip)", reference_each, Opens()),
    Case(_GROUP, "five images sent twice", sent_twice, Opens(("Left out: 5 x copy of the same image.",))),
    Case(
        _GROUP,
        "every image twice, one copy of it cut short",
        one_copy_cut,
        Opens(("Left out: 8 x copy of the same image.",)),
    ),
    Case(
        _GROUP,
        "all images sent twice under new names",
        sent_twice_renamed,
        Opens(("Left out: 8 x copy of the same image.",)),
    ),
    Case(_GROUP, "one SOPInstanceUID for all images", one_uid_for_all, Opens()),
    Case(
        _EXTRAS,
        "localizer, survey view, dose sheet and screenshot",
        with_extras,
        Opens(("Left out: 1 x dose sheet, 2 x localizer, 1 x secondary capture.",)),
    ),
    Case(
        _EXTRAS,
        "a localizer that does not say so",
        unnamed_scout,
        Opens(("Left out: 1 x image of another orientation, size or acquisition.",)),
    ),
    Case(_EXTRAS, "a colour picture", colour_picture, Opens(("Left out: 1 x secondary capture.",))),
    Case(
        _EXTRAS,
        "pictures of a palette (PALETTE COLOR)",
        lambda folder: written(folder, axial_images(), PhotometricInterpretation="PALETTE COLOR"),
        Refused(VolumeError, "The series holds no CT slices (left out: 8 x secondary capture)."),
    ),
    Case(
        _EXTRAS,
        "only localizers",
        lambda folder: written(folder, axial_images(), ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]),
        Refused(VolumeError, "The series holds no CT slices (left out: 8 x localizer)."),
    ),
    Case(
        _EXTRAS,
        "only secondary captures of CT slices",
        lambda folder: written(folder, axial_images(), SOPClassUID="1.2.840.10008.5.1.4.1.1.7"),
        Refused(VolumeError, "The series holds no CT slices (left out: 8 x secondary capture)."),
    ),
    Case(
        _EXTRAS,
        "MR",
        lambda folder: written(folder, axial_images(), Modality="MR", SOPClassUID="1.2.840.10008.5.1.4.1.1.4"),
        Refused(VolumeError, "The series is MR, not CT; the model reads Hounsfield units only. Open a CT series."),
    ),
    Case(
        _EXTRAS,
        "PET",
        lambda folder: written(folder, axial_images(), Modality="PT", SOPClassUID="1.2.840.10008.5.1.4.1.1.128"),
        Refused(VolumeError, "The series is PT, not CT; the model reads Hounsfield units only. Open a CT series."),
    ),
    Case(
        _EXTRAS,
        "no Modality, but the class of CT images",
        lambda folder: written(folder, axial_images(), Modality=None),
        Opens(),
    ),
    Case(
        _EXTRAS,
        "image numbers that run downwards",
        lambda folder: truth_in_order(folder, numbered(range(80, 72, -1))),
        Opens(),
    ),
    Case(
        _EXTRAS,
        "image numbers that begin at 29",
        lambda folder: truth_in_order(folder, numbered(range(29, 37))),
        Opens(),
    ),
    Case(_EXTRAS, "image numbers all equal", lambda folder: truth_in_order(folder, numbered([1] * 8)), Opens()),
    Case(_EXTRAS, "image numbers missing", lambda folder: truth_in_order(folder, numbered([None] * 8)), Opens()),
    Case(
        _EXTRAS,
        "image numbers that have nothing to do with the order",
        lambda folder: truth_in_order(folder, numbered([5, 2, 8, 1, 7, 3, 6, 4])),
        Opens(),
    ),
]
