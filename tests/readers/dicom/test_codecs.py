"""Each compression has one decoder; without it, or on damaged data, the answer is a sentence."""

from __future__ import annotations

import sys

import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from napari_ct_grounding import read_volume
from napari_ct_grounding.core.errors import VolumeError
from napari_ct_grounding.readers.dicom.codecs import CODECS, decoded_jpeg, missing_package
from tests.readers.cases_dicom_5_compression import compressed, encoded
from tests.readers.dicom_writing import Series, axial_images, dataset_of


def test_every_codec_is_installed():
    assert {missing_package(syntax) for syntax in CODECS} == {""}


def test_a_syntax_that_nobody_decodes_misses_no_package():
    assert missing_package(pydicom.uid.MPEG2MPML) == ""


@pytest.mark.parametrize(
    ("codec", "syntax", "module", "package"),
    [
        ("jpeg_baseline", JPEGBaseline8Bit, "imagecodecs", "imagecodecs"),
        ("jpeg_extended", JPEGExtended12Bit, "imagecodecs", "imagecodecs"),
        ("jpeg_lossless_predictor4", JPEGLossless, "imagecodecs", "imagecodecs"),
        ("jpeg_lossless_sv1", JPEGLosslessSV1, "imagecodecs", "imagecodecs"),
        ("", JPEGLSLossless, "jpeg_ls", "pyjpegls"),
        ("jpeg2000_lossless", JPEG2000Lossless, "openjpeg", "pylibjpeg-openjpeg"),
        ("htj2k_lossless", HTJ2KLossless, "openjpeg", "pylibjpeg-openjpeg"),
        ("", RLELossless, "rle", "pylibjpeg-rle"),
    ],
)
def test_without_its_codec_a_series_is_refused_with_the_package_to_install(
    codec, syntax, module, package, tmp_path, monkeypatch
):
    elements = (
        {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "RescaleSlope": 8} if codec == "jpeg_baseline" else {}
    )
    written = encoded(tmp_path, codec, syntax, **elements) if codec else compressed(tmp_path, syntax)
    assert read_volume(written.path).hu.shape == (8, 18, 20)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(VolumeError) as caught:
        read_volume(written.path)
    assert str(caught.value) == (
        f"The pixels of 1 cannot be read: their compression ({syntax.name}) needs the package {package}, which is not "
        f"installed. Install it (pip install {package}), or export the series uncompressed."
    )


def test_no_other_decoder_steps_in(tmp_path, monkeypatch):
    """The same file must give the same values on every machine, whatever else is installed there."""
    asked = []

    def pixel_array(*_, **options):
        asked.append(options["decoding_plugin"])
        raise ValueError

    monkeypatch.setattr("pydicom.pixels.pixel_array", pixel_array)
    for name, syntax in (("jls", JPEGLSLossless), ("rle", RLELossless)):
        (tmp_path / name).mkdir()
        with pytest.raises(VolumeError):
            read_volume(compressed(tmp_path / name, syntax).path)
    (tmp_path / "jpeg").mkdir()
    read_volume(encoded(tmp_path / "jpeg", "jpeg_lossless_sv1", JPEGLosslessSV1).path)
    assert asked == ["pyjpegls", "pylibjpeg"]


@pytest.mark.parametrize("prediction", range(1, 8))
@pytest.mark.parametrize("bits", [8, 10, 12, 15, 16])
def test_jpeg_lossless_of_every_depth_and_predictor_is_exact(prediction, bits):
    import imagecodecs

    values = np.random.default_rng(prediction).integers(0, 1 << bits, (9, 7))
    values = values.astype(np.uint8 if bits == 8 else np.uint16)
    codestream = imagecodecs.jpeg8_encode(values, lossless=True, predictor=prediction, bitspersample=bits)
    header = dataset_of(axial_images(1)[0].having(BitsStored=bits, HighBit=bits - 1), Series())
    plane = decoded_jpeg(codestream, header)
    assert plane.dtype == np.uint16
    np.testing.assert_array_equal(plane, values)


def test_a_codestream_deeper_than_the_header_is_refused():
    import imagecodecs

    codestream = imagecodecs.jpeg8_encode(np.full((18, 20), 3000, np.uint16), lossless=True, bitspersample=12)
    header = dataset_of(axial_images(1)[0].having(BitsAllocated=8, BitsStored=8, HighBit=7), Series())
    with pytest.raises(ValueError, match="uint16 where the header says 8 bits"):
        decoded_jpeg(codestream, header)


def test_an_rle_segment_longer_than_its_image_is_damage_and_no_panic(tmp_path):
    written = compressed(tmp_path, RLELossless)
    dataset = pydicom.dcmread(tmp_path / "3")
    frame = bytearray(next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1)))
    frame[4:8] = (64).to_bytes(4, "little")
    frame[64:] = bytes([127, *range(128)]) * 9  # nine literal runs of 128: more than 18 x 20 pixels
    dataset.PixelData = pydicom.encaps.encapsulate([bytes(frame)])
    dataset.save_as(tmp_path / "3", enforce_file_format=True)
    with pytest.raises(
        VolumeError, match=r"The pixels of 3 cannot be read: the compressed data \(RLE Lossless\) is dam"
    ):
        read_volume(written.path)
