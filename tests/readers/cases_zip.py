"""Cases of zip archives: sound ones, and those that must not be unpacked."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np

from napari_ct_grounding.core.errors import UnevenSpacingError, VolumeError
from tests.readers.case import Case, Opens, Refused, Truth, Written, phantom_grid
from tests.readers.cases_dicom_2_geometry import missing_third
from tests.readers.dicom_writing import axial_images, written

_GROUP = "Zip archives"


def packed(folder: Path, write: Callable[[Path], Written], method: int = zipfile.ZIP_DEFLATED) -> Written:
    """Pack what a case wrote."""
    content = folder / "content"
    content.mkdir()
    result = write(content)
    with zipfile.ZipFile(folder / "study.zip", "w", method) as archive:
        for path in sorted(content.rglob("*")):
            archive.write(path, path.relative_to(content))
    return Written(folder / "study.zip", result.truth)


def series_in(folder: Path) -> Written:
    return written(folder / "PATIENT" / "STUDY" / "SERIES", axial_images())


def nifti_in(folder: Path) -> Written:
    array, affine = phantom_grid()
    nibabel.save(nibabel.Nifti1Image(array, affine), folder / "scan.nii.gz")
    return Written(folder, Truth.of_grid(array, affine))


def two_niftis_in(folder: Path) -> Written:
    array, affine = phantom_grid()
    for name in ("a.nii", "b.nii"):
        nibabel.save(nibabel.Nifti1Image(array, affine), folder / name)
    return Written(folder)


def text_in(folder: Path) -> Written:
    (folder / "read me.txt").write_text("nothing here")
    return Written(folder)


def with_clutter(folder: Path) -> Written:
    """File managers add their own: resource forks with the names of the images."""
    result = series_in(folder)
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / "._IM0011").write_bytes(b"\0" * 300)
    (folder / "PATIENT" / ".DS_Store").write_bytes(b"\0" * 300)
    return result


def members(folder: Path, add: Callable[[zipfile.ZipFile], None]) -> Written:
    """Pack a series, then more members by hand."""
    packed(folder, series_in)
    with zipfile.ZipFile(folder / "study.zip", "a") as archive:
        add(archive)
    return Written(folder / "study.zip")


def link(archive: zipfile.ZipFile) -> None:
    info = zipfile.ZipInfo("IM0000")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive.writestr(info, "/etc/passwd")


def bomb(folder: Path) -> Written:
    """100 MB of zeros in 100 kB."""
    with (
        zipfile.ZipFile(folder / "study.zip", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("IM1", "w") as member,
    ):
        for _ in range(100):
            member.write(bytes(1 << 20))
    return Written(folder / "study.zip")


def bomb_that_lies(folder: Path) -> Written:
    """The same, but the directory of the archive claims ten bytes."""
    bomb(folder)
    raw = bytearray((folder / "study.zip").read_bytes())
    directory = raw.rindex(b"PK\x01\x02")
    raw[directory + 24 : directory + 28] = (10).to_bytes(4, "little")
    (folder / "study.zip").write_bytes(raw)
    return Written(folder / "study.zip")


def encrypted(folder: Path) -> Written:
    """Set the flag of encryption, which comes before any password is asked for."""
    packed(folder, series_in)
    raw = bytearray((folder / "study.zip").read_bytes())
    place = 0
    while (place := raw.find(b"PK\x01\x02", place)) >= 0:
        raw[place + 8] |= 1
        place += 4
    (folder / "study.zip").write_bytes(raw)
    return Written(folder / "study.zip")


def cut(folder: Path) -> Written:
    packed(folder, series_in)
    path = folder / "study.zip"
    path.write_bytes(path.read_bytes()[:-200])
    return Written(path)


def wrong_bytes(folder: Path) -> Written:
    packed(folder, series_in)
    path = folder / "study.zip"
    raw = bytearray(path.read_bytes())
    raw[400:420] = bytes(np.arange(20, dtype=np.uint8))
    path.write_bytes(raw)
    return Written(path)


def archive_in(folder: Path) -> Written:
    packed(folder, series_in)
    (folder / "content").rename(folder.parent / "elsewhere")
    with zipfile.ZipFile(folder / "outer.zip", "w") as archive:
        archive.write(folder / "study.zip", "study.zip")
    return Written(folder / "outer.zip")


def empty(folder: Path) -> Written:
    with zipfile.ZipFile(folder / "study.zip", "w"):
        pass
    return Written(folder / "study.zip")


def same_names(folder: Path) -> Written:
    """Members whose names differ only in case, and some that repeat."""
    result = written(folder / "content", axial_images())
    with zipfile.ZipFile(folder / "study.zip", "w") as archive:
        for place, path in enumerate(sorted((folder / "content").iterdir())):
            archive.write(path, f"{'IM' if place % 2 else 'im'}/{place // 4}{'A' if place % 4 > 1 else 'a'}")
    return Written(folder / "study.zip", result.truth)


CASES = [
    Case(_GROUP, "a DICOM tree", lambda folder: packed(folder, series_in), Opens()),
    Case(
        _GROUP,
        "a DICOM tree, stored without compression",
        lambda folder: packed(folder, series_in, zipfile.ZIP_STORED),
        Opens(),
    ),
    Case(_GROUP, "a DICOM tree with clutter of a file manager", lambda folder: packed(folder, with_clutter), Opens()),
    Case(_GROUP, "names that differ only in case", same_names, Opens()),
    Case(_GROUP, "one NIfTI file", lambda folder: packed(folder, nifti_in), Opens()),
    Case(
        _GROUP,
        "two NIfTI files",
        lambda folder: packed(folder, two_niftis_in),
        Refused(
            VolumeError, "study.zip holds 2 volumes (a.nii, b.nii); one can be opened. Unpack it and open one of them."
        ),
    ),
    Case(
        _GROUP,
        "an uneven series",
        lambda folder: packed(folder, missing_third),
        Refused(
            UnevenSpacingError,
            "The series has gaps, 1 slice missing: 1 between images 2 and 3 (24 mm instead of 12 mm). Export the "
            'series without gaps, or ask for an even grid, which interpolates (uneven="resample", in the shell '
            "--uneven resample).",
        ),
    ),
    Case(
        _GROUP,
        "no scan at all",
        lambda folder: packed(folder, text_in),
        Refused(VolumeError, "study.zip holds no DICOM images and no file of NIfTI, NRRD or MetaImage."),
    ),
    Case(_GROUP, "an empty archive", empty, Refused(VolumeError, "study.zip is an empty archive.")),
    Case(
        _GROUP,
        "an archive in an archive",
        archive_in,
        Refused(VolumeError, "outer.zip holds no DICOM images and no file of NIfTI, NRRD or MetaImage."),
    ),
    Case(
        _GROUP,
        "encrypted",
        encrypted,
        Refused(VolumeError, "study.zip is encrypted. Unpack it with its password and open the folder."),
    ),
    Case(
        _GROUP,
        "cut short",
        cut,
        Refused(VolumeError, "study.zip is a damaged zip archive, or was cut short. Copy or download it again."),
    ),
    Case(
        _GROUP,
        "wrong bytes inside",
        wrong_bytes,
        Refused(VolumeError, "study.zip is a damaged zip archive, or was cut short. Copy or download it again."),
    ),
    Case(
        _GROUP,
        "a name that leads out (../)",
        lambda folder: members(folder, lambda archive: archive.writestr("../../evil", "x")),
        Refused(VolumeError, "study.zip holds a file whose name leads out of the archive; it is not opened."),
    ),
    Case(
        _GROUP,
        "a name from the root",
        lambda folder: members(folder, lambda archive: archive.writestr("/tmp/evil", "x")),
        Refused(VolumeError, "study.zip holds a file whose name leads out of the archive; it is not opened."),
    ),
    Case(
        _GROUP,
        "a name with a drive letter",
        lambda folder: members(folder, lambda archive: archive.writestr("C:\\evil", "x")),
        Refused(VolumeError, "study.zip holds a file whose name leads out of the archive; it is not opened."),
    ),
    Case(
        _GROUP,
        "a link to a file outside",
        lambda folder: members(folder, link),
        Refused(VolumeError, "study.zip holds a link instead of a file; it is not opened. Pack the files themselves."),
    ),
    Case(
        _GROUP,
        "a bomb: 100 MB in 100 kB",
        bomb,
        Refused(
            VolumeError,
            "study.zip unpacks to 0.1 GB or more; from an archive of this size at most 0.1 GB are unpacked. If "
            "you trust it, unpack it and open the folder.",
        ),
    ),
    Case(
        _GROUP,
        "a bomb whose directory claims ten bytes",
        bomb_that_lies,
        Refused(VolumeError, "study.zip is a damaged zip archive, or was cut short. Copy or download it again."),
    ),
]
