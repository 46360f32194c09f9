"""Cases of every transfer syntax that the installed codecs decode, and of compressed data that is damaged.

Syntaxes that pydicom can write are written here. For the others `tests/data/dicom_frames.npz` holds eight slices of the phantom
(`hu`) and their frames as imagecodecs 2026.3.6 encoded them, one entry `<codec>_<slice>` each.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from napari_ct_grounding.core.errors import VolumeError
from tests.readers.case import Case, Opens, Refused, Written
from tests.readers.dicom_writing import Series, axial_images, dataset_of, save, truth_of

_GROUP = "DICOM: transfer syntaxes"
_LOSS = "The images were compressed with loss: values differ a little from the scanner's."
_FRAMES = Path(__file__).resolve().parents[1] / "data" / "dicom_frames.npz"


def plain(folder: Path, syntax: UID) -> Written:
    images, series = axial_images(), Series()
    for image in images:
        dataset = dataset_of(image, series)
        if syntax == ExplicitVRBigEndian:
            dataset.PixelData = (image.hu.astype(int) + 1024).astype(">u2").tobytes()
        save(dataset, folder / f"{image.number}", syntax)
    return Written(folder, truth_of(images))


def compressed(folder: Path, syntax: UID, is_signed: bool = False, bits: int = 16, **elements: object) -> Written:
    """Write with pydicom's encoders."""
    images, series = axial_images(), Series()
    for image in images:
        dataset = dataset_of(image.having(BitsStored=bits, HighBit=bits - 1, **elements), series)
        if is_signed:
            dataset.PixelRepresentation, dataset.RescaleIntercept = 1, 0
            dataset.PixelData = image.hu.astype("<i2").tobytes()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.compress(syntax, generate_instance_uid=False)
        save(dataset, folder / f"{image.number}")
    return Written(folder, truth_of(images))


def encoded(folder: Path, codec: str, syntax: UID, tolerance: float = 0.0, **elements: object) -> Written:
    """Write frames that another library encoded."""
    series = Series()
    with np.load(_FRAMES, allow_pickle=False) as frames:
        images = [replace(image, hu=hu) for image, hu in zip(axial_images(), frames["hu"], strict=True)]
        for place, image in enumerate(images):
            dataset = dataset_of(image.having(**elements), series)
            frame_into(dataset, frames[f"{codec}_{place}"].tobytes(), syntax)
            save(dataset, folder / f"{image.number}")
    return Written(folder, truth_of(images, hu_tolerance=tolerance))


def frame_into(dataset: pydicom.Dataset, frame: bytes, syntax: UID) -> None:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True


def cut(folder: Path, codec: str, syntax: UID) -> Written:
    """Cut the frame of one slice in half; the file around it is whole."""
    encoded(folder, codec, syntax) if codec else compressed(folder, syntax)
    dataset = pydicom.dcmread(folder / "3")
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    frame_into(dataset, frame[: len(frame) // 2], syntax)
    dataset.save_as(folder / "3", enforce_file_format=True)
    return Written(folder)


def overlay_in_rle(folder: Path) -> Written:
    """Spare bits above twelve survive run-length coding."""
    images, series = axial_images(), Series()
    for image in images:
        dataset = dataset_of(image.having(BitsStored=12, HighBit=11), series)
        stored = (image.hu.astype(int) + 1024).astype("<u2")
        stored[5, 5:9] |= 0x3000
        dataset.PixelData = stored.tobytes()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.compress(RLELossless, generate_instance_uid=False)
        save(dataset, folder / f"{image.number}")
    return Written(folder, truth_of(images))


def other_size(folder: Path) -> Written:
    """The codestream is larger than the header says: 60,000 x 60,000, which a decoder would allocate."""
    encoded(folder, "jpeg_lossless_sv1", JPEGLosslessSV1)
    dataset = pydicom.dcmread(folder / "3")
    frame = bytearray(next(generate_frames(dataset.PixelData, number_of_frames=1)))
    start = frame.index(b"\xff\xc3") + 5
    frame[start : start + 4] = (60000).to_bytes(2, "big") * 2
    frame_into(dataset, bytes(frame), JPEGLosslessSV1)
    dataset.save_as(folder / "3", enforce_file_format=True)
    return Written(folder)


def unknown(folder: Path, syntax: str) -> Written:
    images, series = axial_images(), Series()
    for image in images:
        dataset = dataset_of(image, series)
        frame_into(dataset, b"\0" * 64, UID(syntax))
        dataset.save_as(folder / f"{image.number}", enforce_file_format=True, implicit_vr=False, little_endian=True)
    return Written(folder)


CASES = [
    Case(_GROUP, "implicit VR little endian", lambda folder: plain(folder, ImplicitVRLittleEndian), Opens()),
    Case(_GROUP, "explicit VR big endian", lambda folder: plain(folder, ExplicitVRBigEndian), Opens()),
    Case(_GROUP, "deflated", lambda folder: plain(folder, DeflatedExplicitVRLittleEndian), Opens()),
    Case(_GROUP, "RLE", lambda folder: compressed(folder, RLELossless), Opens()),
    Case(_GROUP, "RLE, signed", lambda folder: compressed(folder, RLELossless, is_signed=True), Opens()),
    Case(_GROUP, "RLE with overlays in the spare bits", overlay_in_rle, Opens()),
    Case(
        _GROUP,
        "JPEG baseline, 8 bits at 8 HU a step (lossy)",
        lambda folder: encoded(
            folder, "jpeg_baseline", JPEGBaseline8Bit, 32, BitsAllocated=8, BitsStored=8, HighBit=7, RescaleSlope=8
        ),
        Opens((_LOSS,)),
    ),
    Case(
        _GROUP,
        "JPEG extended, 12 bits (lossy)",
        lambda folder: encoded(folder, "jpeg_extended", JPEGExtended12Bit, 4, BitsStored=12, HighBit=11),
        Opens((_LOSS,)),
    ),
    Case(
        _GROUP,
        "JPEG lossless, first-order prediction",
        lambda folder: encoded(folder, "jpeg_lossless_sv1", JPEGLosslessSV1, BitsStored=12, HighBit=11),
        Opens(),
    ),
    Case(
        _GROUP,
        "JPEG lossless, 12 signed bits",
        lambda folder: encoded(
            folder,
            "jpeg_lossless_sv1_signed",
            JPEGLosslessSV1,
            BitsStored=12,
            HighBit=11,
            PixelRepresentation=1,
            RescaleIntercept=0,
        ),
        Opens(),
    ),
    Case(
        _GROUP,
        "JPEG lossless, another predictor",
        lambda folder: encoded(folder, "jpeg_lossless_predictor4", JPEGLossless),
        Opens(),
    ),
    Case(_GROUP, "JPEG-LS", lambda folder: compressed(folder, JPEGLSLossless), Opens()),
    Case(
        _GROUP,
        "JPEG-LS, 12 signed bits",
        lambda folder: compressed(folder, JPEGLSLossless, is_signed=True, bits=12),
        Opens(),
    ),
    Case(
        _GROUP,
        "JPEG-LS, near-lossless within 3 HU",
        lambda folder: encoded(folder, "jpeg_ls_near", JPEGLSNearLossless, 3),
        Opens((_LOSS,)),
    ),
    Case(_GROUP, "JPEG 2000 lossless", lambda folder: encoded(folder, "jpeg2000_lossless", JPEG2000Lossless), Opens()),
    Case(
        _GROUP,
        "JPEG 2000 lossless, signed",
        lambda folder: encoded(folder, "jpeg2000_signed", JPEG2000Lossless, PixelRepresentation=1, RescaleIntercept=0),
        Opens(),
    ),
    Case(
        _GROUP,
        "JPEG 2000 lossless, 12 signed bits that the codestream calls unsigned",
        lambda folder: encoded(
            folder,
            "jpeg2000_mislabelled",
            JPEG2000Lossless,
            BitsStored=12,
            HighBit=11,
            PixelRepresentation=1,
            RescaleIntercept=0,
        ),
        Opens(),
    ),
    Case(
        _GROUP,
        "JPEG 2000 (lossy)",
        lambda folder: encoded(
            folder, "jpeg2000_lossy", JPEG2000, 8, BitsStored=12, HighBit=11, LossyImageCompression="01"
        ),
        Opens((_LOSS,)),
    ),
    Case(
        _GROUP,
        "high-throughput JPEG 2000 lossless",
        lambda folder: encoded(folder, "htj2k_lossless", HTJ2KLossless),
        Opens(),
    ),
    Case(
        _GROUP,
        "high-throughput JPEG 2000 (lossy)",
        lambda folder: encoded(folder, "htj2k_lossy", HTJ2K, 8, LossyImageCompression="01"),
        Opens((_LOSS,)),
    ),
    Case(
        _GROUP,
        "MPEG-4 video",
        lambda folder: unknown(folder, "1.2.840.10008.1.2.4.102"),
        Refused(
            VolumeError,
            "The pixels of 1 cannot be read: no decoder reads their compression (MPEG-4 AVC/H.264 High Profile / "
            "Level 4.1). Export the series uncompressed.",
        ),
    ),
    Case(
        _GROUP,
        "a private transfer syntax",
        lambda folder: unknown(folder, "1.2.3.4.5.6"),
        Refused(
            VolumeError,
            "The pixels of 1 cannot be read: their transfer syntax is unknown. Export the series uncompressed.",
        ),
    ),
    Case(
        _GROUP,
        "a JPEG frame cut in half (libjpeg-turbo would fill it up with grey)",
        lambda folder: cut(folder, "jpeg_lossless_sv1", JPEGLosslessSV1),
        Refused(VolumeError, "The compressed picture of 3 was cut short. Copy the file again."),
    ),
    Case(
        _GROUP,
        "a JPEG-LS frame cut in half",
        lambda folder: cut(folder, "", JPEGLSLossless),
        Refused(VolumeError, "The compressed picture of 3 was cut short. Copy the file again."),
    ),
    Case(
        _GROUP,
        "a JPEG 2000 frame cut in half",
        lambda folder: cut(folder, "jpeg2000_lossless", JPEG2000Lossless),
        Refused(
            VolumeError,
            "The pixels of 3 cannot be read: the compressed data (JPEG 2000 Image Compression (Lossless Only)) "
            "is damaged or was cut short. Copy it again.",
        ),
    ),
    Case(
        _GROUP,
        "a high-throughput JPEG 2000 frame cut in half",
        lambda folder: cut(folder, "htj2k_lossless", HTJ2KLossless),
        Refused(
            VolumeError,
            "The pixels of 3 cannot be read: the compressed data (High-Throughput JPEG 2000 Image Compression "
            "(Lossless Only)) is damaged or was cut short. Copy it again.",
        ),
    ),
    Case(
        _GROUP,
        "an RLE frame cut in half",
        lambda folder: cut(folder, "", RLELossless),
        Refused(
            VolumeError,
            "The pixels of 3 cannot be read: the compressed data (RLE Lossless) is damaged or was cut short. "
            "Copy it again.",
        ),
    ),
    Case(
        _GROUP,
        "a compressed picture of 60,000 x 60,000 pixels behind a small header",
        other_size,
        Refused(
            VolumeError,
            "3 holds a compressed picture of 60000 x 60000 pixels where its header says 18 x 20. The file is damaged.",
        ),
    ),
]
