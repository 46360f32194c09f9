"""A phantom as a DICOM study: localizer, thin and thick soft-tissue series, thin lung series, as a scanner sends them.

The same scan and seed give the same files, UIDs included. Nothing in a header resembles a person.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.phantom.report import reference_phrase

if TYPE_CHECKING:
    import pydicom

    from napari_ct_grounding.core.geometry import VolumeGeometry
    from napari_ct_grounding.phantom.lexicon import Language
    from napari_ct_grounding.phantom.scan import PhantomScan

__all__ = ["ExportedSeries", "ExportedStudy", "export_study"]

_INTERCEPT = -1024
_AXIAL = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
_CORONAL = [1.0, 0.0, 0.0, 0.0, 0.0, -1.0]
#: No examination was made; a date must stand there.
_DATE = "20000101"


class _Placed(Protocol):
    """What a reference must know of a target; `phantom.scan.Target` has it."""

    @property
    def z_lo_mm(self) -> float:
        """Lower end."""

    @property
    def z_hi_mm(self) -> float:
        """Upper end."""


@dataclass(frozen=True)
class ExportedSeries:
    """One axial series as written.

    Parameters
    ----------
    number : int
        SeriesNumber.
    uid, description, kernel : str
    z_mm : tuple of float
        World z of the slices, from the feet up.
    image_numbers : tuple of int
        InstanceNumber of each of these slices.
    hu : NDArray, (z, y, x)
        What was written.
    """

    number: int
    uid: str
    description: str
    kernel: str
    z_mm: tuple[float, ...]
    image_numbers: tuple[int, ...]
    hu: NDArray[np.int16]

    def image_at(self, z_mm: float) -> int:
        """Return the InstanceNumber of the slice nearest to a height."""
        return self.image_numbers[int(np.argmin(np.abs(np.array(self.z_mm) - z_mm)))]


@dataclass(frozen=True)
class ExportedStudy:
    """A study as written: its folder, its UID and its axial series (the localizer holds no slice that a report names)."""

    folder: Path
    uid: str
    series: tuple[ExportedSeries, ...]

    def reference(self, target: _Placed, language: Language, rng: np.random.Generator) -> str:
        """Return "(series 3, image 41)" in one of the forms that reports use, for a slice that holds the target."""
        series = self.series[int(rng.integers(len(self.series)))]
        image = series.image_at((target.z_lo_mm + target.z_hi_mm) / 2)
        return reference_phrase(series.number, image, language, rng)


@dataclass(frozen=True)
class _Writer:
    """Headers that all images of the study share."""

    folder: Path
    entropy: str

    @property
    def study_uid(self) -> str:
        return self.uid("study")

    @property
    def name(self) -> str:
        return f"{crc32(self.entropy.encode()) % 100000:05d}"

    def uid(self, *parts: object) -> str:
        from pydicom.uid import generate_uid

        return str(generate_uid(entropy_srcs=[self.entropy, *map(str, parts)]))

    def image(self, hu: NDArray, series: int, image: int, **elements: object) -> pydicom.Dataset:
        import pydicom
        from pydicom.uid import CTImageStorage

        dataset = pydicom.Dataset()
        dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, self.uid(series, image)
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = self.study_uid, self.uid("series", series)
        dataset.FrameOfReferenceUID = self.uid("frame")
        dataset.PatientName, dataset.PatientID = f"PHANTOM^{self.name}", f"PHANTOM-{self.name}"
        dataset.PatientBirthDate, dataset.PatientSex = "", "O"
        dataset.PatientIdentityRemoved, dataset.DeidentificationMethod = "YES", "Generated from formulas: no patient"
        dataset.StudyDate = dataset.SeriesDate = dataset.ContentDate = _DATE
        dataset.StudyTime = dataset.SeriesTime = dataset.ContentTime = "120000"
        dataset.AccessionNumber, dataset.ReferringPhysicianName, dataset.StudyID = "", "", "1"
        dataset.PositionReferenceIndicator = ""
        dataset.Manufacturer, dataset.StudyDescription = "napari-ct-grounding phantom", "CT phantom"
        dataset.Modality, dataset.PatientPosition, dataset.KVP = "CT", "HFS", 120
        dataset.SeriesNumber, dataset.InstanceNumber, dataset.AcquisitionNumber = series, image, 1
        dataset.Rows, dataset.Columns = hu.shape
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated = dataset.BitsStored = 16
        dataset.HighBit, dataset.PixelRepresentation = 15, 0
        dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = 1, _INTERCEPT, "HU"
        dataset.WindowCenter, dataset.WindowWidth = 40, 400
        dataset.PixelData = (np.clip(hu, _INTERCEPT, 32767).astype(np.int32) - _INTERCEPT).astype("<u2").tobytes()
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)
        return dataset

    def save(self, dataset: pydicom.Dataset, place: int) -> None:
        from pydicom.dataset import FileMetaDataset
        from pydicom.uid import ExplicitVRLittleEndian

        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        folder = self.folder / f"S{dataset.SeriesNumber:04d}"
        folder.mkdir(parents=True, exist_ok=True)
        dataset.save_as(folder / f"I{place:05d}", enforce_file_format=True)


def _decimal(value: float) -> str:
    """Return a number as a DICOM decimal string: at most 16 characters."""
    return f"{value:.8f}"[:16].rstrip("0").rstrip(".")


def _numbering(num: int, rng: np.random.Generator) -> tuple[int, ...]:
    """Return InstanceNumbers of slices from the feet up: most scanners count from the head, from one."""
    draw = rng.random()
    first = 1 if draw < 0.75 else int(rng.integers(2, 60))
    numbers = range(first, first + num)
    return tuple(numbers) if rng.random() < 0.25 else tuple(reversed(numbers))


def _thick(hu: NDArray, every: int) -> NDArray[np.int16]:
    num = len(hu) // every
    return np.rint(hu[: num * every].reshape(num, every, *hu.shape[1:]).mean(1)).astype(np.int16)


def _sharp(hu: NDArray, rng: np.random.Generator) -> NDArray[np.int16]:
    """Return slices as a lung kernel gives them: sharper edges, more noise."""
    from scipy.ndimage import gaussian_filter

    values = hu.astype(np.float32)
    values += 1.2 * (values - gaussian_filter(values, (0, 1.0, 1.0)))
    values += rng.normal(0, 25, values.shape).astype(np.float32)
    return np.clip(np.rint(values), _INTERCEPT, 3071).astype(np.int16)


def export_study(
    scan: PhantomScan, folder: Path, *, seed: int = 0, thick_mm: float = 5.0, has_lung_series: bool = True
) -> ExportedStudy:
    """Write a scan as a DICOM study into an empty or new folder.

    Parameters
    ----------
    scan : PhantomScan
        Best a thin one (1-2 mm); its voxels are the thin series, voxel for voxel from -1024 HU up.
    folder : Path
    seed : int
        Of the order and the first InstanceNumber, the noise of the lung series and the UIDs.
    thick_mm : float
        Slice thickness of the thick series; left out when the scan is not at least twice as thin.
    has_lung_series : bool

    Returns
    -------
    ExportedStudy
        What was written, with the InstanceNumber of every slice.

    Raises
    ------
    InputError
        When the folder is not empty, or the scan is not upright.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise InputError(
            f"The folder {folder.name!r} is not empty. Name a new one, so that no other images end up in the study."
        )
    geometry = scan.volume.geometry
    if geometry.obliquity_deg > 0.01:
        raise InputError(
            f"The scan is tilted by {geometry.obliquity_deg:.1f} degrees; only upright phantoms are exported."
        )
    rng = np.random.default_rng([seed, 0xD1C0])
    writer = _Writer(folder, f"{scan.volume.fingerprint}-{seed}")
    thin = np.clip(scan.volume.hu, _INTERCEPT, 32767).astype(np.int16)
    step = geometry.spacing_mm[0]
    every = round(thick_mm / step)
    kinds: list[tuple[str, str, int, Callable[[], NDArray]]] = [("Thin soft", "Br36", 1, lambda: thin)]
    if every >= 2 and len(thin) >= 2 * every:
        kinds.append(("Thick soft", "Br36", every, lambda: _thick(thin, every)))
    if has_lung_series:
        kinds.append(("Thin lung", "Bl57", 1, lambda: _sharp(thin, rng)))
    _write_localizer(writer, thin, geometry)
    series = []
    for number, (name, kernel, factor, made) in enumerate(kinds, start=2):
        hu = made()
        z = tuple(geometry.z_of_slice((k + 0.5) * factor - 0.5) for k in range(len(hu)))
        numbers = _numbering(len(hu), rng)
        description = f"{name} {step * factor:.1f} {kernel}"
        _write_axial(writer, hu, geometry, z, step * factor, number, numbers, description, kernel, rng)
        series.append(ExportedSeries(number, writer.uid("series", number), description, kernel, z, numbers, hu))
    return ExportedStudy(folder, writer.study_uid, tuple(series))


def _write_axial(
    writer: _Writer, hu: NDArray, geometry: VolumeGeometry, z_mm: tuple[float, ...], thickness: float, number: int,
    numbers: tuple[int, ...], description: str, kernel: str, rng: np.random.Generator,
) -> None:  # fmt: skip
    _, dy, dx = geometry.spacing_mm
    # Columns run to the patient's left and rows to the back, against our axes; LPS turns x and y round.
    corner = geometry.world_of_voxel((0, hu.shape[1] - 1, hu.shape[2] - 1))
    order = rng.permutation(len(hu))  # file names say nothing about the order
    for k, (plane, z, image) in enumerate(zip(hu, z_mm, numbers, strict=True)):
        dataset = writer.image(
            plane[::-1, ::-1], number, image,
            SeriesDescription=description, ConvolutionKernel=kernel, ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
            ImageOrientationPatient=_AXIAL, PixelSpacing=[_decimal(dy), _decimal(dx)], SliceThickness=_decimal(thickness),
            ImagePositionPatient=[_decimal(-corner[0]), _decimal(-corner[1]), _decimal(z)], SliceLocation=_decimal(z),
        )  # fmt: skip
        writer.save(dataset, int(order[k]))


def _write_localizer(writer: _Writer, hu: NDArray, geometry: VolumeGeometry) -> None:
    """Write a frontal projection as series 1."""
    dz, _, dx = geometry.spacing_mm
    view = np.clip((hu.astype(np.float32) + 1000).mean(1) * 1.2 - 600, -1024, 1500)
    corner = geometry.world_of_voxel((hu.shape[0] - 1, hu.shape[1] // 2, hu.shape[2] - 1))
    dataset = writer.image(
        view[::-1, ::-1], 1, 1,
        SeriesDescription="Localizer", ConvolutionKernel="T20", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
        ImageOrientationPatient=_CORONAL, PixelSpacing=[_decimal(dz), _decimal(dx)], SliceThickness="1",
        ImagePositionPatient=[_decimal(-corner[0]), _decimal(-corner[1]), _decimal(corner[2])],
    )  # fmt: skip
    writer.save(dataset, 0)
