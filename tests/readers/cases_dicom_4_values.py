"""Cases of stored values: rescaling, padding, sign, spare bits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray

from napari_ct_grounding.core.errors import NotHounsfieldError, VolumeError
from tests.readers.case import Case, Opens, Refused, Written
from tests.readers.dicom_writing import Image, Series, axial_images, dataset_of, save, truth_of, written

_GROUP = "DICOM: values"


def stored_as(
    folder: Path,
    stored: Callable[[int, Image], NDArray],
    truth: Callable[[int, Image], NDArray] | None = None,
    per_image: Callable[[int], dict[str, Any]] | None = None,
    **elements: Any,
) -> Written:
    """Write the phantom with pixels of our own making; the truth is the phantom, or what `truth` says."""
    images, series = axial_images(), Series()
    for place, image in enumerate(images):
        pixels = stored(place, image)
        more = {**elements, **(per_image(place) if per_image else {})}
        more["PixelRepresentation"] = more.get("PixelRepresentation", int(pixels.dtype.kind == "i"))
        little = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
        dataset = dataset_of(image.having(**more, PixelData=little), series)
        save(dataset, folder / f"{place}")
    if truth is not None:
        images = [replace(image, hu=truth(place, image)) for place, image in enumerate(images)]
    return Written(folder, truth_of(images))


def corners(image: Image) -> NDArray[np.bool_]:
    """Where a round field of view leaves the corners of a square picture empty."""
    rows, columns = np.mgrid[: image.hu.shape[0], : image.hu.shape[1]]
    return np.hypot((rows - 8.5) / 8.5, (columns - 9.5) / 9.5) > 1.15


def padded(image: Image, value: int, values: NDArray) -> NDArray:
    return np.where(corners(image), np.array(value).astype(values.dtype), values)


def air_outside(place: int, image: Image) -> NDArray:
    return np.where(corners(image), -1000, image.hu)


def unsigned(place: int, image: Image) -> NDArray:
    return (image.hu.astype(np.int32) + 1024).astype(np.uint16)


def signed(place: int, image: Image) -> NDArray:
    return image.hu.astype(np.int16)


def rescale_of_some(folder: Path) -> Written:
    images = axial_images()
    images[2] = images[2].having(RescaleSlope=None, RescaleIntercept=None)
    return written(folder, images)


def look_up_table(folder: Path) -> Written:
    table = pydicom.Dataset()
    table.LUTDescriptor, table.ModalityLUTType, table.LUTData = [4, 0, 16], "HU", bytes(8)
    return written(folder, axial_images(), RescaleSlope=None, RescaleIntercept=None, ModalityLUTSequence=[table])


def bone_at_the_border(place: int, image: Image) -> NDArray:
    """Stored values where 0 is padding at the border, and water inside."""
    values = np.where(corners(image), 0, image.hu)
    values[9, 10] = 0
    return values.astype(np.int16)


def air_at_the_border(place: int, image: Image) -> NDArray:
    """0 becomes air where it touches the border, and stays water elsewhere."""
    values = bone_at_the_border(place, image)
    connected = np.zeros_like(corners(image))
    connected[[0, -1]], connected[:, [0, -1]] = True, True
    connected &= values == 0
    for _ in range(40):  # grow by one pixel at a time through zeros
        grown = connected.copy()
        grown[1:] |= connected[:-1]
        grown[:-1] |= connected[1:]
        grown[:, 1:] |= connected[:, :-1]
        grown[:, :-1] |= connected[:, 1:]
        connected = grown & (values == 0)
    return np.where(connected, -1000, values)


CASES = [
    Case(
        _GROUP,
        "slope and intercept of their own in each slice",
        lambda folder: stored_as(
            folder,
            lambda place, image: ((image.hu.astype(np.int32) + 2000 + 10 * place) // 1).astype(np.uint16),
            per_image=lambda place: {"RescaleIntercept": -2000 - 10 * place},
        ),
        Opens(),
    ),
    Case(
        _GROUP,
        "a slope of 0.5 (kept as fractions)",
        lambda folder: stored_as(
            folder,
            lambda place, image: (2 * image.hu.astype(np.int32) + 2049).astype(np.uint16),
            lambda place, image: image.hu + 0.5,
            RescaleSlope=0.5,
            RescaleIntercept=-1024,
        ),
        Opens(),
    ),
    Case(
        _GROUP,
        "no slope and intercept, signed values",
        lambda folder: stored_as(folder, signed, RescaleSlope=None, RescaleIntercept=None),
        Opens(("The header has no rescale slope and intercept: stored values were taken for HU.",)),
    ),
    Case(
        _GROUP,
        "no slope and intercept, unsigned values",
        lambda folder: stored_as(folder, unsigned, RescaleSlope=None, RescaleIntercept=None),
        Refused(
            NotHounsfieldError,
            "The values run from 22 to 1371; Hounsfield units of a body include air or fat below -50. This looks "
            "like a windowed export or another modality. Export the original CT in HU, or say that the values "
            "are HU (--assume-hu in the shell, the question in the dock).",
        ),
    ),
    Case(
        _GROUP,
        "no slope and intercept in one slice",
        rescale_of_some,
        Refused(
            VolumeError,
            "The rescale slope or intercept is missing in 1 of 8 images, so their values cannot be brought "
            "together with the others. Export the series again.",
        ),
    ),
    Case(
        _GROUP,
        "a look-up table instead of slope and intercept",
        look_up_table,
        Refused(
            VolumeError,
            "8 of 8 images turn stored values into HU by a look-up table (ModalityLUTSequence); only slope and "
            "intercept are read. Export the series again as CT images.",
        ),
    ),
    Case(
        _GROUP,
        "a slope of 0",
        lambda folder: written(folder, axial_images(), RescaleSlope=0),
        Refused(
            VolumeError,
            "IM0011 has the rescale slope 0 and intercept -1024; a slope is above 0 and both are finite. Repair "
            "the header.",
        ),
    ),
    Case(
        _GROUP,
        "an iodine map (RescaleType MGML)",
        lambda folder: written(folder, axial_images(), RescaleType="MGML"),
        Refused(
            NotHounsfieldError,
            "The images hold MGML (RescaleType), not Hounsfield units: a material or energy map. Open the series "
            "in HU, or say that the values are HU.",
        ),
    ),
    Case(
        _GROUP,
        "a windowed export, 0 to 255",
        lambda folder: stored_as(
            folder,
            lambda place, image: np.clip((image.hu.astype(int) + 160) * 255 // 400, 0, 255).astype(np.uint16),
            RescaleIntercept=0,
        ),
        Refused(
            NotHounsfieldError,
            "The values run from 0 to 255; Hounsfield units of a body include air or fat below -50. This looks "
            "like a windowed export or another modality. Export the original CT in HU, or say that the values "
            "are HU (--assume-hu in the shell, the question in the dock).",
        ),
    ),
    Case(
        _GROUP,
        "padding of -2000, named in the header",
        lambda folder: stored_as(
            folder,
            lambda place, image: padded(image, -2000, signed(place, image)),
            air_outside,
            RescaleIntercept=0,
            PixelPaddingValue=-2000,
        ),
        Opens(),
    ),
    Case(
        _GROUP,
        "padding of -3024 and of -2000 that nothing names",
        lambda folder: stored_as(
            folder,
            lambda place, image: padded(image, -3024 if place % 2 else -2000, signed(place, image)),
            air_outside,
            RescaleIntercept=0,
        ),
        Opens(),
    ),
    Case(
        _GROUP,
        "PixelPaddingValue written unsigned (63836) for signed values",
        lambda folder: stored_as(
            folder,
            lambda place, image: padded(image, -1700, (signed(place, image) - 500).astype(np.int16)),
            air_outside,
            RescaleIntercept=500,  # -1700 is -1200 HU: only the tag tells that it is padding
            PixelPaddingValue=pydicom.DataElement("PixelPaddingValue", "US", 63836),
        ),
        Opens(),
    ),
    Case(
        _GROUP,
        "PixelPaddingValue written signed (-2000) for unsigned values",
        lambda folder: stored_as(
            folder,
            lambda place, image: padded(image, 63536, unsigned(place, image)),
            air_outside,
            PixelPaddingValue=pydicom.DataElement("PixelPaddingValue", "SS", -2000),
        ),
        Opens(),
    ),
    Case(
        _GROUP,
        "a range of padding (PixelPaddingRangeLimit)",
        lambda folder: stored_as(
            folder,
            lambda place, image: np.where(
                corners(image), np.int16(-1400) + np.int16(place) * 10, signed(place, image)
            ).astype(np.int16),
            air_outside,
            RescaleIntercept=0,
            PixelPaddingValue=-1400,
            PixelPaddingRangeLimit=-1300,
        ),
        Opens(),
    ),
    Case(
        _GROUP,
        "padding of 0 HU: air where it touches the border, water elsewhere",
        lambda folder: stored_as(
            folder, bone_at_the_border, air_at_the_border, RescaleIntercept=0, PixelPaddingValue=0
        ),
        Opens(),
    ),
    Case(
        _GROUP,
        "padding beyond the stored 12 bits",
        lambda folder: stored_as(
            folder,
            lambda place, image: padded(image, 63536, unsigned(place, image)),
            air_outside,
            BitsStored=12,
            HighBit=11,
            PixelPaddingValue=63536,
        ),
        Opens(),
    ),
    Case(
        _GROUP,
        "signed values labelled unsigned",
        lambda folder: stored_as(folder, lambda place, image: signed(place, image).view(np.uint16), RescaleIntercept=0),
        Opens(("8 images call their values unsigned, but hold negative ones; they were read as signed.",)),
    ),
    Case(
        _GROUP,
        "overlays in the bits above 12 stored ones",
        lambda folder: stored_as(
            folder,
            lambda place, image: unsigned(place, image) | np.where(corners(image), 0x5000, 0).astype(np.uint16),
            BitsStored=12,
            HighBit=11,
        ),
        Opens(),
    ),
    Case(
        _GROUP,
        "12 signed bits, sign not carried on",
        lambda folder: stored_as(
            folder,
            lambda place, image: (signed(place, image) & 0x0FFF).astype(np.int16),
            RescaleIntercept=0,
            BitsStored=12,
            HighBit=11,
        ),
        Opens(),
    ),
    Case(
        _GROUP,
        "12 bits at the upper end of 16",
        lambda folder: stored_as(
            folder, lambda place, image: (unsigned(place, image) << 4).astype(np.uint16), BitsStored=12, HighBit=15
        ),
        Opens(),
    ),
    Case(
        _GROUP,
        "32 bits a pixel",
        lambda folder: stored_as(
            folder,
            lambda place, image: unsigned(place, image).astype(np.uint32),
            BitsAllocated=32,
            BitsStored=32,
            HighBit=31,
        ),
        Opens(),
    ),
    Case(
        _GROUP,
        "MONOCHROME1 (shown inverted, the values are the same)",
        lambda folder: written(folder, axial_images(), PhotometricInterpretation="MONOCHROME1"),
        Opens(),
    ),
]
