"""What a list of series shows, and which of them a reader most likely wants."""

from __future__ import annotations

import re
from dataclasses import dataclass

from napari_ct_grounding.core.geometry import VolumeGeometry

__all__ = ["SeriesInfo", "is_soft_kernel", "sorted_by_likelihood"]

#: Slices up to this far apart count as thin; the model samples depth every 3 mm.
THIN_MM = 3.25
#: Stacks shorter than this are test runs, bolus tracking or biopsies rather than a scan of a body region.
SHORT_SCAN_MM = 60.0


@dataclass(frozen=True)
class SeriesInfo:
    """One stack of images that could be opened as a volume.

    Parameters
    ----------
    key : str
        What to give to ``read_volume(..., series=key)``: the SeriesInstanceUID, with "#2", "#3" ... where one series holds
        several stacks; for other formats the file name.
    description : str
        SeriesDescription; empty where unknown.
    number : int or None
        SeriesNumber.
    modality : str
        DICOM modality ("CT"); empty where unknown.
    num_images : int
        Images (frames) in the stack.
    spacing_mm : tuple of float or None
        Step between images, between rows, between columns: (z, y, x) of an axial scan. None where there is no even grid.
    kernel : str
        ConvolutionKernel; empty where unknown.
    is_axial : bool
        Whether the image planes run across the patient's long axis (within 35 degrees, so a tilted gantry still counts).
    length_mm : float
        Distance between the centres of the first and last slice; 0 where unknown.
    reason : str or None
        Why the stack cannot be opened; None when it can.
    is_uneven : bool
        Whether it can be opened after all, resampled to an even grid (``uneven="resample"``).
    study : str
        Which study it is of, where there are several ("Study 2 (2024-03-01)").
    detail : str
        What sets it apart from other stacks of its series ("acquisition 2").
    """

    key: str
    description: str
    number: int | None
    modality: str
    num_images: int
    spacing_mm: tuple[float, float, float] | None = None
    kernel: str = ""
    is_axial: bool = False
    length_mm: float = 0.0
    reason: str | None = None
    is_uneven: bool = False
    study: str = ""
    detail: str = ""

    @property
    def is_usable(self) -> bool:
        """Whether the stack can be opened."""
        return self.reason is None

    @property
    def label(self) -> str:
        """One line for a chooser, such as "Series 4: Thorax 3.0, 134 images of 3 mm, B19f"."""
        parts = [f"{self.num_images} images" + (f" of {self.spacing_mm[0]:.3g} mm" if self.spacing_mm else "")]
        parts += [self.kernel] if self.kernel else []
        parts += [self.detail] if self.detail and self.kernel not in self.detail.split() else []
        parts += [] if self.is_axial or not self.is_usable else ["not axial"]
        parts += [] if self.is_usable else ["uneven slices" if self.is_uneven else "cannot be opened"]
        number = "Series" if self.number is None else f"Series {self.number}"
        number = f"{self.study}, {number[0].lower()}{number[1:]}" if self.study else number
        return f"{number}: " + ", ".join([self.description] * bool(self.description) + parts)


def is_axial(geometry: VolumeGeometry) -> bool:
    """Whether the slices of a stored (not yet canonical) stack run across the long axis."""
    return geometry.obliquity_deg <= 35.0


def is_soft_kernel(kernel: str) -> bool | None:
    """Whether a ConvolutionKernel is a soft-tissue one; None when the name is not known.

    Names of the large makers: Siemens B19f, Br38, Bl57 (the number is the sharpness, 50 and above is
    sharp), GE STANDARD and LUNG, Toshiba/Canon FC08 and FC51, Philips A to E and Y.
    """
    name = kernel.strip().upper()
    if not name:
        return None
    if match := re.fullmatch(r"FC(\d+).*", name):
        return int(match[1]) % 100 < 30
    if match := re.match(r"(?:B|H|T|U|D|Q|I|J)[A-Z]?(\d{2})", name):
        return int(match[1]) < 50
    if any(word in name for word in ("LUNG", "BONE", "EDGE", "DETAIL", "SHARP", "CHST")):
        return False
    if any(word in name for word in ("STANDARD", "SOFT", "STD", "SMOOTH", "BODY")):
        return True
    if re.fullmatch(r"[ABC]", name):
        return True
    if re.fullmatch(r"[DEL]|Y[A-E]", name):
        return False
    return None


def sorted_by_likelihood(series: list[SeriesInfo]) -> list[SeriesInfo]:
    """Return the series with the likeliest first: usable, axial, long enough, thin, soft kernel, most images."""

    def rank(info: SeriesInfo) -> tuple:
        soft = is_soft_kernel(info.kernel)
        return (
            not info.is_usable,
            info.modality not in ("CT", ""),
            not info.is_axial,
            info.length_mm < SHORT_SCAN_MM,
            info.spacing_mm is None or info.spacing_mm[0] > THIN_MM,
            1 if soft is None else (0 if soft else 2),
            -info.num_images,
            info.number if info.number is not None else 1 << 30,
            info.key,
        )

    return sorted(series, key=rank)
