"""Cases of enhanced CT: all slices as frames of one file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
from pydicom.uid import EnhancedCTImageStorage, generate_uid

from napari_ct_grounding.core.errors import GeometryError, UnevenSpacingError, VolumeError
from tests.readers.case import Case, Opens, Refused, Written
from tests.readers.dicom_writing import Image, Series, axial_images, dataset_of, save, truth_of, written

_GROUP = "DICOM: enhanced multi-frame"


def item(**elements: object) -> pydicom.Dataset:
    dataset = pydicom.Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def enhanced(
    images: Sequence[Image],
    per_frame: Callable[[int], dict[str, pydicom.Dataset]] = lambda place: {},
    shared_rescale: bool = True,
) -> pydicom.Dataset:
    """Return one enhanced object of the images, in the order given; `per_frame` adds functional groups."""
    first = images[0]
    dataset = dataset_of(first, Series())
    dataset.SOPClassUID = EnhancedCTImageStorage
    dataset.NumberOfFrames = len(images)
    dataset.PixelData = b"".join((image.hu.astype(int) + 1024).astype("<u2").tobytes() for image in images)
    for keyword in (
        *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"),
        *("RescaleSlope", "RescaleIntercept", "InstanceNumber"),
    ):
        delattr(dataset, keyword)
    rescale = item(RescaleSlope=1, RescaleIntercept=-1024, RescaleType="HU")
    shared = item(
        PixelMeasuresSequence=[item(PixelSpacing=list(first.pixel_spacing), SliceThickness=12)],
        PlaneOrientationSequence=[item(ImageOrientationPatient=list(first.orientation))],
    )
    if shared_rescale:
        shared.PixelValueTransformationSequence = [rescale]
    dataset.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for place, image in enumerate(images):
        position = [round(float(value), 6) for value in image.position]
        frame = item(PlanePositionSequence=[item(ImagePositionPatient=position)])
        for keyword, group in per_frame(place).items():
            setattr(frame, keyword, [group])
        frames.append(frame)
    dataset.PerFrameFunctionalGroupsSequence = frames
    return dataset


def one(
    folder: Path, images: Sequence[Image], dataset: pydicom.Dataset, truth: Sequence[Image] | None = None
) -> Written:
    save(dataset, folder / "enhanced.dcm")
    order = sorted(range(len(images)), key=lambda place: images[place].position[2])
    numbers = [place + 1 for place in order] if truth is None else None
    return Written(folder / "enhanced.dcm", truth_of(images if truth is None else truth, image_numbers=numbers))


def in_order(folder: Path) -> Written:
    return one(folder, axial_images(), enhanced(axial_images()))


def out_of_order(folder: Path) -> Written:
    images = [axial_images()[place] for place in (3, 0, 6, 1, 7, 5, 2, 4)]
    return one(folder, images, enhanced(images))


def rescale_per_frame(folder: Path) -> Written:
    images = axial_images()

    def group(place: int) -> dict[str, pydicom.Dataset]:
        # The stored values are HU + 1024 throughout: a frame's own intercept moves its HU.
        return {"PixelValueTransformationSequence": item(RescaleSlope=1, RescaleIntercept=-1024 + place)}

    moved = [replace(image, hu=image.hu + place) for place, image in enumerate(images)]
    result = one(folder, images, enhanced(images, group, shared_rescale=False))
    return Written(result.path, truth_of(moved))


def two_phases(folder: Path) -> Written:
    second = [replace(image, hu=np.clip(image.hu + 50, -1000, 3000)) for image in axial_images()]
    images = [image for pair in zip(axial_images(), second, strict=True) for image in pair]

    def group(place: int) -> dict[str, pydicom.Dataset]:
        content = item(TemporalPositionIndex=1 + place % 2, StackID="1", InStackPositionNumber=1 + place // 2)
        return {"FrameContentSequence": content}

    return one(folder, images, enhanced(images, group), truth=axial_images())


def two_stacks(folder: Path) -> Written:
    """A second reconstruction at half a step, told apart by its stack alone."""
    second = [replace(image, position=(*image.position[:2], image.position[2] + 6)) for image in axial_images(7)]
    images = [*axial_images(), *second]

    def group(place: int) -> dict[str, pydicom.Dataset]:
        return {"FrameContentSequence": item(StackID="1" if place < 8 else "2", InStackPositionNumber=1 + place % 8)}

    return one(folder, images, enhanced(images, group), truth=axial_images())


def localizer_frames(folder: Path) -> Written:
    images = [*axial_images(), replace(axial_images()[0], position=(0.0, 0.0, 999.0))]

    def group(place: int) -> dict[str, pydicom.Dataset]:
        words = ["ORIGINAL", "PRIMARY", "LOCALIZER" if place == 8 else "VOLUME", "NONE"]
        return {"CTImageFrameTypeSequence": item(FrameType=words)}

    return one(folder, images, enhanced(images, group), truth=axial_images())


def concatenation(folder: Path) -> Written:
    """One object in two files: frames 1 to 5, and 6 to 8."""
    images = axial_images()
    uid = generate_uid()
    for name, part in (("1.dcm", slice(0, 5)), ("2.dcm", slice(5, 8))):
        dataset = enhanced(images[part])
        dataset.SeriesInstanceUID, dataset.StudyInstanceUID = uid, "1.2.3"
        dataset.ConcatenationUID, dataset.ConcatenationFrameOffsetNumber = "1.2.3.4", part.start
        save(dataset, folder / name)
    return Written(folder, truth_of(images, image_numbers=range(1, 9)))


def gap(folder: Path) -> Written:
    images = axial_images()
    del images[4]
    return one(folder, images, enhanced(images))


def same_place(folder: Path) -> Written:
    images = [replace(image, position=axial_images()[0].position) for image in axial_images()]
    return one(folder, images, enhanced(images))


def fewer_described(folder: Path) -> Written:
    dataset = enhanced(axial_images())
    dataset.PerFrameFunctionalGroupsSequence = dataset.PerFrameFunctionalGroupsSequence[:6]
    return one(folder, axial_images(), dataset)


def without_groups(folder: Path) -> Written:
    """A classic CT object that claims frames: one position for all of them."""
    images = axial_images()
    dataset = dataset_of(images[0], Series())
    dataset.NumberOfFrames = len(images)
    dataset.PixelData = b"".join((image.hu.astype(int) + 1024).astype("<u2").tobytes() for image in images)
    return one(folder, images, dataset)


def beside_classic(folder: Path) -> Written:
    result = written(folder / "classic", axial_images(), Series(4, study_uid="1.2.3"))
    dataset = enhanced(axial_images(7))
    dataset.StudyInstanceUID = "1.2.3"
    save(dataset, folder / "enhanced.dcm")
    return Written(folder, result.truth)


CASES = [
    Case(_GROUP, "one object in two files (a concatenation)", concatenation, Opens()),
    Case(_GROUP, "frames in order", in_order, Opens()),
    Case(_GROUP, "frames in no order: the image number is the frame's", out_of_order, Opens()),
    Case(_GROUP, "a rescale intercept for each frame", rescale_per_frame, Opens()),
    Case(
        _GROUP,
        "two phases, frame by frame",
        two_phases,
        Opens(("The series holds 2 stacks of images; this is one of them: phase 1.",)),
    ),
    Case(
        _GROUP,
        "two stacks interleaved at half a step",
        two_stacks,
        Opens(("The series holds 2 stacks of images; this is one of them: stack 1.",)),
    ),
    Case(_GROUP, "a localizer among the frames", localizer_frames, Opens(("Left out: 1 x localizer.",))),
    Case(
        _GROUP,
        "the same scan as classic images beside it",
        beside_classic,
        Opens(),
        series=("Series 4: 8 images of 12 mm", "Series 4: 7 images of 12 mm"),
    ),
    Case(
        _GROUP,
        "a frame is missing",
        gap,
        Refused(
            UnevenSpacingError,
            "The series has gaps, 1 slice missing: 1 between images 4 and 5 (24 mm instead of 12 mm). Export the "
            'series without gaps, or ask for an even grid, which interpolates (uneven="resample", in the shell '
            "--uneven resample).",
        ),
    ),
    Case(
        _GROUP,
        "all frames at one position",
        same_place,
        Refused(
            GeometryError,
            "All 8 images lie at one position (bolus tracking or a perfusion series?): that is not a volume.",
        ),
    ),
    Case(
        _GROUP,
        "eight frames, six described",
        fewer_described,
        Refused(
            VolumeError, "enhanced.dcm is damaged: the header claims 8 frames and describes 6. Copy or export it again."
        ),
    ),
    Case(
        _GROUP,
        "a multi-frame file without positions of its frames",
        without_groups,
        Refused(
            GeometryError,
            "A readable position (ImagePositionPatient) is missing in 8 of 8 images, so their place in the "
            "patient is unknown. Export the series again.",
        ),
    ),
]
