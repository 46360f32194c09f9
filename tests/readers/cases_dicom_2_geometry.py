"""Cases of where slices lie: orientation, tilt, gaps, and headers that do not say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_ct_grounding.core.errors import GeometryError, UnevenSpacingError, VolumeError
from tests.readers.case import Case, Opens, Refused, Truth, Written
from tests.readers.dicom_writing import Image, axial_images, truth_of, written

_GROUP = "DICOM: geometry"


def turned(orientation: Sequence[float], step: Sequence[float], numbers: Sequence[int] = range(1, 9)) -> list[Image]:
    """Return slices of any plane: the corner of the first at (-120, 40, -300) LPS, each `step` further."""
    return [
        replace(
            image,
            position=tuple(np.array((-120.0, 40.0, -300.0)) + place * np.array(step)),
            orientation=tuple(orientation),
            number=number,
        )
        for place, (image, number) in enumerate(zip(axial_images(), numbers, strict=True))
    ]


def tilted(degrees: float) -> list[Image]:
    """Return slices of a gantry tilted by so much: planes lean, the table moves along z."""
    lean = np.radians(degrees)
    return turned((1, 0, 0, 0, np.cos(lean), -np.sin(lean)), (0, 0, 12))


def at_heights(heights: Sequence[float], degrees: float = 0.0) -> list[Image]:
    """Return upright (or tilted) slices at these z, image numbers from 1 upwards."""
    return [
        replace(image, position=(*image.position[:2], float(z)), number=number)
        for number, (image, z) in enumerate(zip(tilted(degrees), heights, strict=False), start=1)
    ]


def missing_third(folder: Path, resampled: bool = False) -> Written:
    """Heights 0, 12, 36 ...: the image between numbers 2 and 3 is gone; interpolated, it is the mean of its neighbours."""
    images = axial_images()
    del images[2]
    images = [replace(image, number=number) for number, image in enumerate(images, start=1)]
    result = written(folder, images)
    if not resampled:
        return result
    mean = np.rint((images[1].hu.astype(float) + images[2].hu) / 2)
    between = replace(images[1], hu=mean, position=axial_images()[2].position)
    return Written(folder, truth_of([*images, between], hu_tolerance=0.0))


def hybrid(folder: Path) -> Written:
    """Thin slices below, thick ones above: resampled to the thin step of 6 mm, two of three of the upper ones are mixtures."""
    images = at_heights((0, 6, 12, 18, 36, 54))
    written(folder, images)
    points, values = [], []
    for z in range(0, 55, 6):
        above = next(place for place, image in enumerate(images) if image.position[2] >= z)
        upper, lower = images[above], images[max(0, above - 1)]
        gap = upper.position[2] - lower.position[2]
        weight = 1.0 if gap == 0 else (z - lower.position[2]) / gap
        mixed = np.rint(lower.hu * (1 - weight) + upper.hu * weight)
        truth = truth_of([replace(upper, hu=mixed, position=(*upper.position[:2], float(z)))])
        points.append(truth.points_mm)
        values.append(truth.hu)
    return Written(folder, Truth(np.concatenate(points), np.concatenate(values), hu_tolerance=1.0))


def jump(folder: Path) -> Written:
    images = axial_images()
    x, y, z = images[4].position
    images[4] = replace(images[4], position=(x + 3.0, y, z))
    return written(folder, images)


def without(keyword: str, places: Sequence[int]) -> list[Image]:
    return [image.having(**{keyword: None}) if place in places else image for place, image in enumerate(axial_images())]


def short_cosines(folder: Path) -> Written:
    """Direction cosines cut to two digits have the length 0.998; that must not shrink the pixels."""
    lean = np.radians(14.0)
    exact = (1.0, 0.0, 0.0, 0.0, float(np.cos(lean)), -float(np.sin(lean)))
    rounded = [round(value, 2) for value in exact]
    length = float(np.hypot(rounded[4], rounded[5]))
    images = turned((*rounded[:4], rounded[4] / length, rounded[5] / length), (0, 0, 12))
    return Written(written(folder, images, ImageOrientationPatient=rounded).path, truth_of(images))


CASES = [
    Case(
        _GROUP,
        "head first, lying on the back",
        lambda folder: written(folder, axial_images(), PatientPosition="HFS"),
        Opens(),
    ),
    Case(
        _GROUP,
        "feet first: image 1 at the feet end, numbers run upwards",
        lambda folder: written(folder, axial_images()[::-1], PatientPosition="FFS"),
        Opens(),
    ),
    Case(
        _GROUP,
        "lying on the belly: rows and columns run to the right and to the front",
        lambda folder: written(folder, turned((-1, 0, 0, 0, -1, 0), (0, 0, 12)), PatientPosition="HFP"),
        Opens(),
    ),
    Case(
        _GROUP,
        "lying on the side",
        lambda folder: written(folder, turned((0, 1, 0, -1, 0, 0), (0, 0, -12)), PatientPosition="HFDR"),
        Opens(),
    ),
    Case(
        _GROUP,
        "mirrored rows",
        lambda folder: written(folder, turned((-1, 0, 0, 0, 1, 0), (0, 0, 12))),
        Opens(),
    ),
    Case(
        _GROUP,
        "coronal slices",
        lambda folder: written(folder, turned((1, 0, 0, 0, 0, -1), (0, 12, 0))),
        Opens(("The images are not axial: slices are cut across them and have no image number.",)),
    ),
    Case(
        _GROUP,
        "sagittal slices",
        lambda folder: written(folder, turned((0, 1, 0, 0, 0, -1), (12, 0, 0))),
        Opens(("The images are not axial: slices are cut across them and have no image number.",)),
    ),
    Case(
        _GROUP,
        "oblique slices, 25 degrees off axial",
        lambda folder: written(
            folder,
            turned(
                (1, 0, 0, 0, np.cos(np.radians(25)), -np.sin(np.radians(25))),
                12 * np.array((0, np.sin(np.radians(25)), np.cos(np.radians(25)))),
            ),
        ),
        Opens(("The slices are 25.0 degrees off axial.",)),
    ),
    Case(
        _GROUP,
        "rows and columns of different pitch",
        lambda folder: written(folder, [replace(image, pixel_spacing=(15.0, 20.0)) for image in axial_images()]),
        Opens(),
    ),
    Case(
        _GROUP,
        "gantry tilted by 18 degrees",
        lambda folder: written(folder, tilted(18)),
        Opens(
            (
                "Gantry tilt: the stack of slices is sheared by 18.0 degrees.",
                "The slices are 18.0 degrees off axial.",
            )
        ),
    ),
    Case(
        _GROUP,
        "gantry tilted the other way",
        lambda folder: written(folder, tilted(-12.5)),
        Opens(
            (
                "Gantry tilt: the stack of slices is sheared by 12.5 degrees.",
                "The slices are 12.5 degrees off axial.",
            )
        ),
    ),
    Case(
        _GROUP,
        "direction cosines rounded to two digits",
        short_cosines,
        Opens(
            (
                "Gantry tilt: the stack of slices is sheared by 13.9 degrees.",
                "The slices are 13.9 degrees off axial.",
            )
        ),
    ),
    Case(
        _GROUP,
        "a tilt named in the header, upright positions",
        lambda folder: written(folder, axial_images(), GantryDetectorTilt=12.0),
        Opens(
            (
                "The header names a gantry tilt of 12.0 degrees, but the positions are upright: either the scanner "
                "straightened the slices, or an export lost the tilt.",
            )
        ),
    ),
    Case(
        _GROUP,
        "SliceThickness and SpacingBetweenSlices that lie",
        lambda folder: written(folder, axial_images(), SliceThickness=5.0, SpacingBetweenSlices=1.0),
        Opens(),
    ),
    Case(
        _GROUP,
        "positions rounded to a hundredth of a millimetre",
        lambda folder: Written(
            written(folder, at_heights((0, 12.01, 23.99, 36, 48.01, 60))).path, truth_of(at_heights(range(0, 61, 12)))
        ),
        Opens(),
    ),
    Case(
        _GROUP,
        "a slice is missing",
        missing_third,
        Refused(
            UnevenSpacingError,
            "The series has gaps, 1 slice missing: 1 between images 2 and 3 (24 mm instead of 12 mm). Export the "
            'series without gaps, or ask for an even grid, which interpolates (uneven="resample", in the shell '
            "--uneven resample).",
        ),
    ),
    Case(
        _GROUP,
        "a slice is missing",
        lambda folder: missing_third(folder, resampled=True),
        Opens(
            (
                "The series has gaps, 1 slice missing: 1 between images 2 and 3 (24 mm instead of 12 mm). Resampled "
                "to an even grid of 12 mm; slices in between are interpolated.",
            )
        ),
        {"uneven": "resample"},
    ),
    Case(
        _GROUP,
        "two gaps and a tilt",
        lambda folder: written(folder, at_heights((0, 12, 36, 48, 60, 96, 108), degrees=15)),
        Refused(
            UnevenSpacingError,
            "The series has gaps, 3 slices missing: 1 between images 2 and 3 (23.18 mm instead of 11.59 mm); 2 "
            "between images 5 and 6 (34.77 mm instead of 11.59 mm). The gantry is tilted by 15.0 degrees as "
            "well. Export the series without gaps, or ask for an even grid, which interpolates "
            '(uneven="resample", in the shell --uneven resample).',
        ),
    ),
    Case(
        _GROUP,
        "thin slices below, thick ones above",
        hybrid,
        Refused(
            UnevenSpacingError,
            "The series has gaps, 4 slices missing: 2 between images 4 and 5 (18 mm instead of 6 mm); 2 between "
            "images 5 and 6 (18 mm instead of 6 mm). Export the series without gaps, or ask for an even grid, "
            'which interpolates (uneven="resample", in the shell --uneven resample).',
        ),
    ),
    Case(
        _GROUP,
        "thin slices below, thick ones above",
        hybrid,
        Opens(
            (
                "The series has gaps, 4 slices missing: 2 between images 4 and 5 (18 mm instead of 6 mm); 2 between "
                "images 5 and 6 (18 mm instead of 6 mm). Resampled to an even grid of 6 mm; slices in between are "
                "interpolated.",
            )
        ),
        {"uneven": "resample"},
    ),
    Case(
        _GROUP,
        "a gap while all image numbers are equal",
        lambda folder: written(folder, [replace(image, number=1) for image in at_heights((0, 12, 36, 48))]),
        Refused(
            UnevenSpacingError,
            "The series has gaps, 1 slice missing: 1 between slices 1 and 2 (24 mm instead of 12 mm). Export the "
            'series without gaps, or ask for an even grid, which interpolates (uneven="resample", in the shell '
            "--uneven resample).",
        ),
    ),
    Case(
        _GROUP,
        "slices of one hundredth of a millimetre and one 40 cm away",
        lambda folder: written(folder, at_heights((0, 0.02, 0.04, 0.06, 400))),
        Refused(
            GeometryError,
            "The series has gaps, 19996 slices missing: 19996 between images 4 and 5 (399.9 mm instead of 0.02 "
            "mm). An even grid would have 20,001 slices made of 5 images; that is invention. Open the parts "
            "separately.",
        ),
        {"uneven": "resample"},
    ),
    Case(
        _GROUP,
        "one slice shifted sideways",
        jump,
        Refused(
            GeometryError,
            "The images are shifted sideways against each other by up to 3.00 mm, so they do not form one grid. "
            "Export the series again, or open the parts separately.",
        ),
    ),
    Case(
        _GROUP,
        "a single slice",
        lambda folder: written(folder, axial_images(1)),
        Refused(
            VolumeError, "The series holds a single image; a volume needs at least two slices. Open the whole series."
        ),
    ),
    Case(
        _GROUP,
        "all slices at one position (perfusion)",
        lambda folder: written(folder, at_heights((5, 5, 5, 5))),
        Refused(
            GeometryError,
            "All 4 images lie at one position (bolus tracking or a perfusion series?): that is not a volume.",
        ),
    ),
    Case(
        _GROUP,
        "no ImagePositionPatient",
        lambda folder: written(folder, without("ImagePositionPatient", range(8))),
        Refused(
            GeometryError,
            "A readable position (ImagePositionPatient) is missing in 8 of 8 images, so their place in the "
            "patient is unknown. Export the series again.",
        ),
    ),
    Case(
        _GROUP,
        "no ImagePositionPatient in one slice",
        lambda folder: written(folder, without("ImagePositionPatient", [7])),
        Refused(
            GeometryError,
            "A readable position (ImagePositionPatient) is missing in 1 of 8 images, so their place in the "
            "patient is unknown. Export the series again.",
        ),
    ),
    Case(
        _GROUP,
        "no ImageOrientationPatient",
        lambda folder: written(folder, without("ImageOrientationPatient", range(8))),
        Refused(
            GeometryError,
            "A readable orientation (ImageOrientationPatient) is missing in 8 of 8 images, so their place in the "
            "patient is unknown. Export the series again.",
        ),
    ),
    Case(
        _GROUP,
        "no ImageOrientationPatient in the two topmost slices",
        lambda folder: Written(
            written(folder, without("ImageOrientationPatient", [6, 7])).path, truth_of(axial_images()[:6])
        ),
        Opens(("The series holds 2 stacks of images; this is one of them: axial.",)),
    ),
    Case(
        _GROUP,
        "no PixelSpacing",
        lambda folder: written(folder, without("PixelSpacing", range(8))),
        Refused(
            GeometryError,
            "A readable pixel size (PixelSpacing) is missing in 8 of 8 images, so their place in the patient is "
            "unknown. Export the series again.",
        ),
    ),
    Case(
        _GROUP,
        "a PixelSpacing of 0",
        lambda folder: written(folder, axial_images(), PixelSpacing=[0, 20]),
        Refused(GeometryError, "The pixel size is (0.0, 20.0) mm; it must be above 0. Repair the header."),
    ),
    Case(
        _GROUP,
        "an orientation of two equal directions",
        lambda folder: written(folder, axial_images(), ImageOrientationPatient=[1, 0, 0, 1, 0, 0]),
        Refused(
            GeometryError,
            "The image orientation (ImageOrientationPatient) is not a pair of perpendicular unit vectors. Repair "
            "the header.",
        ),
    ),
]
