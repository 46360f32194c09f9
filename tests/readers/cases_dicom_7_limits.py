"""Cases of headers that claim absurd sizes: refused before memory is asked for."""

from __future__ import annotations

import zlib
from pathlib import Path

from pydicom.uid import DeflatedExplicitVRLittleEndian

from napari_ct_grounding.core.errors import GeometryError, NotHounsfieldError, VolumeError
from tests.readers.case import Case, Refused, Written
from tests.readers.dicom_writing import Series, axial_images, dataset_of, save, written

_GROUP = "DICOM: damaged or hostile headers"


def with_long_element(folder: Path) -> Written:
    """The series description claims to be 4 GB long; what follows is lost."""
    written(folder, axial_images(), SeriesDescription="S" * 10)
    for path in folder.iterdir():
        raw = bytearray(path.read_bytes())
        place = raw.index(b"\x08\x00\x3e\x10LO")
        # A short length becomes the long one of a VR with four bytes of length.
        raw[place + 4 : place + 8] = b"UN\0\0"
        raw[place + 8 : place + 12] = (0xFFFFFFF0).to_bytes(4, "little")
        path.write_bytes(raw)
    return Written(folder)


def bomb(folder: Path) -> Written:
    """A deflated data set of 80 MB of zeros in 80 kB."""
    save(dataset_of(axial_images()[0], Series()), folder / "bomb", DeflatedExplicitVRLittleEndian)
    raw = (folder / "bomb").read_bytes()
    meta = 132 + 12 + int.from_bytes(raw[140:144], "little")
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = bytes(1 << 20)
    zeros = b"".join(deflater.compress(block) for _ in range(80)) + deflater.flush()
    (folder / "bomb").write_bytes(raw[:meta] + zeros)
    return Written(folder / "bomb")


def nested(folder: Path) -> Written:
    """Five thousand sequences within each other."""
    written(folder, axial_images())
    for path in folder.iterdir():
        raw = path.read_bytes()
        place = raw.index(b"\x10\x00\x10\x00PN")
        deep = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 5000
        path.write_bytes(raw[:place] + deep + raw[place:])
    return Written(folder)


CASES = [
    Case(
        _GROUP,
        "65,535 rows and columns",
        lambda folder: written(folder, axial_images(), Rows=65535, Columns=65535),
        Refused(
            VolumeError,
            "The header claims slices of 65535 x 65535 pixels; a CT has at most 8192 x 8192. The header is "
            "damaged; export the series again.",
        ),
    ),
    Case(
        _GROUP,
        "4,000 rows and columns in a file of 720 pixels",
        lambda folder: written(folder, axial_images(), Rows=4000, Columns=4000, PixelSpacing=[0.1, 0.1]),
        Refused(
            VolumeError, "The pixels of IM0011 cannot be read: the file is damaged or was cut short. Copy it again."
        ),
    ),
    Case(
        _GROUP,
        "a billion frames",
        lambda folder: written(folder, axial_images(), NumberOfFrames=1_000_000_000),
        Refused(
            VolumeError,
            "The folder holds 8 DICOM files but no images: 8 damaged (the header claims 1,000,000,000 frames, "
            "which do not fit into the file).",
        ),
    ),
    Case(
        _GROUP,
        "an element of 4 GB in a file of 2 kB",
        with_long_element,
        Refused(
            VolumeError,
            "The folder holds 8 DICOM files but no images: 8 damaged (the header ends before it names the kind "
            "and size of the image).",
        ),
    ),
    Case(
        _GROUP,
        "a deflated data set that grows a thousandfold",
        bomb,
        Refused(VolumeError, "bomb is damaged: the deflated data set grows beyond 64 MB. Copy or export it again."),
    ),
    Case(
        _GROUP,
        "five thousand nested sequences",
        nested,
        Refused(VolumeError, "The folder holds 8 DICOM files but no images: 8 damaged."),
    ),
    Case(
        _GROUP,
        "positions a thousand kilometres away",
        lambda folder: written(folder, axial_images(), ImagePositionPatient=[1e9, 1e9, 1e9]),
        Refused(
            GeometryError,
            "A readable position (ImagePositionPatient) is missing in 8 of 8 images, so their place in the "
            "patient is unknown. Export the series again.",
        ),
    ),
    Case(
        _GROUP,
        "a slope of 1e300",
        lambda folder: written(folder, axial_images(), RescaleSlope="1e300"),
        Refused(
            NotHounsfieldError,
            "Slice 0 of the file holds NaN or infinite values; every voxel of a CT has a number. Replace them "
            "(air is -1000 HU) and save it again.",
        ),
    ),
]
