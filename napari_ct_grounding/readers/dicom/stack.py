"""From the headers of one stack to a CT volume.

Positions come from ImagePositionPatient along the slice normal, never from file names, InstanceNumber or SliceThickness. DICOM's
LPS turns into RAS here, once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.errors import GeometryError, NotHounsfieldError, UnevenSpacingError, VolumeError
from napari_ct_grounding.core.geometry import VolumeGeometry, canonicalise
from napari_ct_grounding.core.volume import CTVolume, SliceRecord
from napari_ct_grounding.readers.cancelling import stop_if_cancelled
from napari_ct_grounding.readers.canonical_buffer import CanonicalBuffer
from napari_ct_grounding.readers.dicom.header import MAX_SIDE, ImageHeader
from napari_ct_grounding.readers.dicom.index import DicomStack
from napari_ct_grounding.readers.dicom.pixels import PixelReader
from napari_ct_grounding.readers.dicom.split import EVEN_MM, EVEN_SHARE, SAME_POSITION_MM, has_repeats
from napari_ct_grounding.readers.notes import NOTICEABLE_DEG, check_plausible, geometry_notes, left_out_note

__all__ = ["StackPlan", "load_stack", "plan_stack"]

#: Resampling to an even grid may make this many slices of one; more would be invention (and memory).
MAX_SLICES_PER_IMAGE = 8
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
#: Values of RescaleType under which a CT holds Hounsfield units ("US" is DICOM's "unspecified").
_HU_TYPES = ("", "HU", "US", "HU_MOD")


@dataclass(frozen=True, eq=False)
class StackPlan:
    """Where every voxel of a stack lies, before any pixel is read.

    Parameters
    ----------
    headers : tuple of ImageHeader
        Sorted along the slice normal.
    source_index : NDArray[float64], (n,)
        For each slice of the volume its place among `headers`; a fraction means interpolation between two neighbours.
    geometry : VolumeGeometry
        Of the images as stored (z = slice along the normal, y = row, x = column), RAS+ mm; not yet canonical.
    notes : tuple of str
    """

    headers: tuple[ImageHeader, ...]
    source_index: NDArray[np.float64]
    geometry: VolumeGeometry
    notes: tuple[str, ...] = ()


def plan_stack(stack: DicomStack, uneven: str = "refuse") -> StackPlan:
    """Return the grid of a stack, or raise what is wrong with it.

    Parameters
    ----------
    stack : DicomStack
    uneven : {"refuse", "resample"}
        What to do with slices that are not evenly spaced: refuse and name the gaps, or interpolate along the normal onto an
        even grid of the median step (and say so in a note).

    Raises
    ------
    VolumeError
        When the images are no CT or cannot form a volume.
    GeometryError
        When positions are missing, repeat, or leave gaps.
    """
    _check_is_ct(stack)
    headers = stack.headers
    row, column, pixel_spacing = _common_plane(headers)
    normal = headers[0].normal
    positions = np.array([header.position for header in headers])
    order = np.argsort(positions @ normal, kind="stable")
    headers, positions = tuple(headers[index] for index in order), positions[order]
    along = positions @ normal
    _check_no_repeats(headers, along)
    tilt = _tilt_deg(positions, normal)
    step = float(np.median(np.diff(along)))
    source_index = np.arange(len(headers), dtype=np.float64)
    notes: list[str] = []
    tolerance = max(EVEN_MM, EVEN_SHARE * step)
    if (np.abs(np.diff(along) - step) > tolerance).any():
        problem = _describe_unevenness(headers, along, step, tolerance, tilt)
        if uneven != "resample":
            raise UnevenSpacingError(
                f"{problem} Export the series without gaps, or ask for an even grid, which interpolates "
                '(uneven="resample", in the shell --uneven resample).',
                problem,
            )
        num_even = int((along[-1] - along[0]) / step + 1e-6) + 1
        if num_even > MAX_SLICES_PER_IMAGE * len(headers):
            raise GeometryError(
                f"{problem} An even grid would have {num_even:,} slices made of {len(headers)} images; that is invention. "
                "Open the parts separately."
            )
        even = along[0] + step * np.arange(num_even)
        source_index = np.interp(even, along, source_index)
        notes.append(f"{problem} Resampled to an even grid of {step:.3g} mm; slices in between are interpolated.")
        vector = (positions[-1] - positions[0]) * step / (along[-1] - along[0])
    else:
        vector = (positions[-1] - positions[0]) / (len(headers) - 1)
    # All images must lie on one straight line; sideways jumps would be lost in an affine.
    sideways = positions - positions[0] - np.outer((along - along[0]) / (vector @ normal), vector)
    if np.abs(sideways).max() > max(0.05, tolerance):
        raise GeometryError(
            f"The images are shifted sideways against each other by up to {np.abs(sideways).max():.2f} mm, so they do "
            "not form one grid. Export the series again, or open the parts separately."
        )
    affine = np.eye(4)
    affine[:3, 0] = row * pixel_spacing[1]
    affine[:3, 1] = column * pixel_spacing[0]
    affine[:3, 2] = vector
    affine[:3, 3] = positions[0]
    shape = (len(source_index), headers[0].rows, headers[0].columns)
    geometry = VolumeGeometry(_LPS_TO_RAS @ affine, shape)
    check_plausible(canonicalise(geometry.affine, geometry.shape[::-1]).geometry)
    lost_tilt = abs(headers[0].gantry_tilt_deg)
    if lost_tilt > NOTICEABLE_DEG and tilt <= NOTICEABLE_DEG and geometry.obliquity_deg <= NOTICEABLE_DEG:
        notes.append(
            f"The header names a gantry tilt of {lost_tilt:.1f} degrees, but the positions are upright: either the scanner "
            "straightened the slices, or an export lost the tilt."
        )
    return StackPlan(headers, source_index, geometry, tuple(notes))


def load_stack(stack: DicomStack, plan: StackPlan, assume_hu: bool = False) -> CTVolume:
    """Read the pixels of a planned stack into a canonical CT volume.

    Raises
    ------
    NotHounsfieldError
        When RescaleType names another quantity and `assume_hu` is False.
    VolumeError
        When pixels are missing, damaged, or compressed in a way that no installed decoder reads.
    """
    first = plan.headers[0]
    rescale_note = _check_rescale(plan.headers, assume_hu)
    how = canonicalise(plan.geometry.affine, plan.geometry.shape[::-1])
    buffer = CanonicalBuffer(how)
    pixels = PixelReader(plan.headers)
    for index, source in enumerate(plan.source_index):
        stop_if_cancelled()
        below = int(source + 1e-9)
        weight = float(source - below)
        plane = pixels.hu(below)
        if weight > 1e-6:
            above = pixels.hu(below + 1)
            mixed = plane * (1 - weight) + above * weight
            # Whole numbers stay whole: half a HU means nothing in an interpolated slice.
            plane = np.rint(mixed) if plane.dtype.kind != "f" and above.dtype.kind != "f" else mixed
        buffer.put(index, plane)
    is_axial = how.axes[0] == 2
    notes = [*plan.notes, *geometry_notes(how.geometry)]
    if not is_axial:
        notes.append("The images are not axial: slices are cut across them and have no image number.")
    notes += [rescale_note] if rescale_note else []
    notes += pixels.notes()
    if stack.num_siblings > 1:
        notes.append(f"The series holds {stack.num_siblings} stacks of images; this is one of them: {stack.detail}.")
    if text := left_out_note(stack.left_out):
        notes.append(text)
    num_slices = how.geometry.shape[0]
    if is_axial:
        records = _slice_records(plan)
        table = tuple(records[how.stored_slice_of(index)] for index in range(num_slices))
    else:
        table = tuple(SliceRecord(how.stored_slice_of(index), None, first.series_number) for index in range(num_slices))
    facts = {"series description": first.description, "kernel": first.kernel, "padding": pixels.padding_fact()}
    return CTVolume(
        hu=buffer.finish(),
        geometry=how.geometry,
        slice_table=table,
        name=_name(first),
        notes=tuple(notes),
        stored_affine=plan.geometry.affine,
        modality_facts={name: text for name, text in facts.items() if text},
    )


def _check_rescale(headers: tuple[ImageHeader, ...], assume_hu: bool) -> str:
    """Raise when the way from stored values to HU is unclear; return a note (or nothing) otherwise."""
    if not assume_hu and (types := {header.rescale_type for header in headers} - set(_HU_TYPES)):
        raise NotHounsfieldError(
            f"The images hold {min(types)} (RescaleType), not Hounsfield units: a material or energy map. "
            "Open the series in HU, or say that the values are HU."
        )
    if table := sum(header.rescale == "table" for header in headers):
        raise VolumeError(
            f"{table} of {len(headers)} images turn stored values into HU by a look-up table (ModalityLUTSequence); only "
            "slope and intercept are read. Export the series again as CT images."
        )
    missing = sum(header.rescale == "missing" for header in headers)
    if 0 < missing < len(headers):
        raise VolumeError(
            f"The rescale slope or intercept is missing in {missing} of {len(headers)} images, so their values cannot be brought "
            "together with the others. Export the series again."
        )
    for header in headers:
        if not (np.isfinite([header.slope, header.intercept]).all() and header.slope > 0):
            raise VolumeError(
                f"{header.path.name} has the rescale slope {header.slope:g} and intercept {header.intercept:g}; a slope is "
                "above 0 and both are finite. Repair the header."
            )
    return "The header has no rescale slope and intercept: stored values were taken for HU." if missing else ""


def _name(header: ImageHeader) -> str:
    number = "CT series" if header.series_number is None else f"CT series {header.series_number}"
    return f"{number} ({header.description})" if header.description else number


def _slice_records(plan: StackPlan) -> list[SliceRecord]:
    """Return the names of every stored slice; an interpolated slice bears those of the nearer image."""
    numbers = [(header.instance_number is None, header.instance_number or 0) for header in plan.headers]
    rank = np.empty(len(numbers), dtype=int)
    rank[sorted(range(len(numbers)), key=numbers.__getitem__)] = np.arange(len(numbers))
    records = []
    for source in plan.source_index:
        nearest = int(np.floor(source + 0.5))
        header = plan.headers[nearest]
        uid = header.sop_uid or None
        records.append(SliceRecord(int(rank[nearest]), header.instance_number, header.series_number, uid))
    return records


def _check_is_ct(stack: DicomStack) -> None:
    headers = stack.headers
    first = headers[0]
    if first.modality != "CT":
        raise VolumeError(
            f"The series is {first.modality or 'of unknown modality'}, not CT; "
            "the model reads Hounsfield units only. Open a CT series."
        )
    if first.other_than_ct:
        raise VolumeError(f"The series holds no CT slices ({left_out_note(stack.left_out)[:-1].lower()}).")
    if max(first.rows, first.columns) > MAX_SIDE:
        raise VolumeError(
            f"The header claims slices of {first.rows} x {first.columns} pixels; a CT has at most {MAX_SIDE} x {MAX_SIDE}. "
            "The header is damaged; export the series again."
        )
    if len(headers) < 2:
        raise VolumeError("The series holds a single image; a volume needs at least two slices. Open the whole series.")


def _common_plane(headers: tuple[ImageHeader, ...]) -> tuple[NDArray, NDArray, tuple[float, ...]]:
    for name, needed in (
        ("position (ImagePositionPatient)", [header.position for header in headers]),
        ("orientation (ImageOrientationPatient)", [header.orientation for header in headers]),
        ("pixel size (PixelSpacing)", [header.pixel_spacing for header in headers]),
    ):
        if missing := sum(value is None for value in needed):
            raise GeometryError(
                f"A readable {name} is missing in {missing} of {len(headers)} images, "
                "so their place in the patient is unknown. Export the series again."
            )
    first = headers[0]
    assert first.orientation is not None  # checked above; these two lines are for the type checker
    assert first.pixel_spacing is not None
    row, column = np.array(first.orientation[:3]), np.array(first.orientation[3:])
    if not (abs(row @ row - 1) < 0.01 and abs(column @ column - 1) < 0.01 and abs(row @ column) < 0.01):
        raise GeometryError(
            "The image orientation (ImageOrientationPatient) is not a pair of perpendicular unit vectors. Repair the header."
        )
    if min(first.pixel_spacing) <= 0:
        raise GeometryError(f"The pixel size is {first.pixel_spacing} mm; it must be above 0. Repair the header.")
    # Rounded direction cosines must not change the size of a pixel.
    return row / np.linalg.norm(row), column / np.linalg.norm(column), first.pixel_spacing


def _check_no_repeats(headers: tuple[ImageHeader, ...], along: NDArray) -> None:
    if not has_repeats(headers):
        return
    if along[-1] - along[0] < SAME_POSITION_MM:
        raise GeometryError(
            f"All {len(headers)} images lie at one position (bolus tracking or a perfusion series?): that is not a volume."
        )
    repeats = int((np.diff(along) < SAME_POSITION_MM).sum())
    raise GeometryError(
        f"{repeats} of {len(headers)} images lie at a position where another image already lies, and nothing in the headers "
        "tells which belong together. Export one phase or reconstruction of the series alone."
    )


def _tilt_deg(positions: NDArray, normal: NDArray) -> float:
    line = positions[-1] - positions[0]
    return float(np.degrees(np.arccos(np.clip(line @ normal / np.linalg.norm(line), -1, 1))))


def _describe_unevenness(
    headers: tuple[ImageHeader, ...], along: NDArray, step: float, tolerance: float, tilt: float
) -> str:
    steps = np.diff(along)
    gaps = []
    num_missing = 0
    for index in np.flatnonzero(np.abs(steps - step) > tolerance):
        share = steps[index] / step
        if round(share) < 2 or abs(share - round(share)) * step > 2 * tolerance:
            break  # not a whole number of steps: the spacing itself changes, nothing is missing
        num_missing += round(share) - 1
        place = _place_between(headers, int(index))
        gaps.append(f"{round(share) - 1} between {place} ({steps[index]:.4g} mm instead of {step:.4g} mm)")
    else:
        shown = "; ".join(gaps[:5]) + (f"; and {len(gaps) - 5} more gaps" if len(gaps) > 5 else "")
        text = f"The series has gaps, {num_missing} slice{'s' * (num_missing > 1)} missing: {shown}."
        return text + _tilt_text(tilt)
    worst = int(np.argmax(np.abs(steps - step)))
    return (
        f"The slices are not evenly spaced: steps run from {steps.min():.4g} to {steps.max():.4g} mm, most are {step:.4g} mm; "
        f"the widest departure is {steps[worst]:.4g} mm between {_place_between(headers, worst)}." + _tilt_text(tilt)
    )


def _place_between(headers: tuple[ImageHeader, ...], index: int) -> str:
    """Name two neighbouring slices, by their image numbers where these tell them apart."""
    below, above = (header.instance_number for header in headers[index : index + 2])
    if below is None or above is None or below == above:
        return f"slices {index} and {index + 1}"
    return f"images {below} and {above}"


def _tilt_text(tilt: float) -> str:
    return f" The gantry is tilted by {tilt:.1f} degrees as well." if tilt > NOTICEABLE_DEG else ""
