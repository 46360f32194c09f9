"""Cases of files and folders as hospitals hand them out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MediaStorageDirectoryStorage, generate_uid

from napari_ct_grounding.core.errors import VolumeError
from tests.readers.case import Case, Opens, Refused, Written
from tests.readers.dicom_writing import Series, axial_images, dataset_of, save, truth_of, written

_GROUP = "DICOM: files and folders"


def numbered_names(folder: Path) -> Written:
    """A name says image 8 where the header says image 1."""
    images = axial_images()
    series = Series()
    for image in images:
        save(dataset_of(image, series), folder / f"IM{9 - image.number}.dcm")
    return Written(folder, truth_of(images, image_numbers=range(1, 9)))


def one_file_of_it(folder: Path) -> Written:
    result = written(folder, axial_images())
    written(folder, axial_images(num=20), Series(9), prefix="OTHER")
    return Written(folder / "IM0011", result.truth)


def list_of_files(folder: Path) -> Written:
    result = written(folder, axial_images())
    return Written(sorted(folder.iterdir()), result.truth)


def without_preamble(folder: Path) -> Written:
    images, series = axial_images(), Series()
    for image in images:
        dataset = dataset_of(image, series)
        dataset.save_as(folder / f"{image.number}", implicit_vr=True, little_endian=True, enforce_file_format=False)
    return Written(folder, truth_of(images))


def without_preamble_explicit(folder: Path) -> Written:
    images, series = axial_images(), Series()
    for image in images:
        dataset = dataset_of(image, series)
        dataset.save_as(folder / f"{image.number}", implicit_vr=False, little_endian=True, enforce_file_format=False)
    return Written(folder, truth_of(images))


def beside_other_files(folder: Path) -> Written:
    result = written(folder / "DICOM" / "0000A", axial_images())
    (folder / "README.TXT").write_text("a viewer for Windows")
    (folder / "autorun.inf").write_bytes(b"\0" * 400)
    (folder / "DICOM" / "0000A" / ".DS_Store").write_bytes(b"\0" * 400)
    report = pydicom.Dataset()
    report.SOPClassUID, report.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.88.67", generate_uid()
    report.Modality, report.SeriesInstanceUID = "SR", generate_uid()
    save(report, folder / "DICOM" / "dose report")
    return Written(folder, result.truth)


def two_patients(folder: Path) -> Written:
    first = written(folder / "A" / "S4", axial_images(), Series(4), StudyDate="20240301", SeriesDescription="Thorax")
    written(folder / "B" / "S4", axial_images(num=7), Series(4), StudyDate="20190512", SeriesDescription="Thorax")
    return Written(folder, first.truth)


def two_patients_one_uid(folder: Path) -> Written:
    """A careless anonymiser gave both the same SeriesInstanceUID; their positions do not even overlap."""
    uid = generate_uid()
    images = axial_images(16)
    written(folder / "A", images[8:], Series(4, uid), StudyDate="20190512")
    first = written(folder / "B", images[:8], Series(4, uid), StudyDate="20240301")
    return Written(folder / "B" / "IM0011", first.truth)


def without_series_uid(folder: Path) -> Written:
    first = written(folder / "A", axial_images(), Series(study_uid="1.2.3"), SeriesInstanceUID=None)
    written(folder / "B", axial_images(7), Series(study_uid="1.2.3"), SeriesInstanceUID=None)
    return Written(folder, first.truth)


def dicomdir(folder: Path, missing: bool = False, hostile: bool = False) -> Written:
    images, series = axial_images(), Series()
    names = [("DICOM", f"IMG{image.number}") for image in images]
    for image, name in zip(images, names, strict=True):
        # Media are copied to systems that tell cases apart.
        save(dataset_of(image, series), folder.joinpath(*(part.lower() for part in name)))
    written(folder / "another scan", axial_images(20), Series(9))
    directory = pydicom.Dataset()
    directory.file_meta = FileMetaDataset()
    directory.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    directory.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    directory.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    directory.FileSetID = "DISC"
    directory.DirectoryRecordSequence = []
    if missing:
        names.append(("DICOM", "IMG9"))
    for name in names:
        record = pydicom.Dataset()
        record.DirectoryRecordType = "IMAGE"
        record.ReferencedFileID = list(name)
        if hostile:
            record.add_new("ReferencedFileID", "LO", ["..", "..", "etc", "passwd"])
        record.ReferencedSOPClassUIDInFile = CTImageStorage
        directory.DirectoryRecordSequence.append(record)
    directory.save_as(folder / "DICOMDIR", enforce_file_format=True)
    return Written(folder / "DICOMDIR", truth_of(axial_images(20) if hostile else images))


def dicomdir_alone(folder: Path) -> Written:
    dicomdir(folder)
    (folder / "DICOMDIR").rename(folder / "copied")
    alone = folder / "alone"
    alone.mkdir()
    (folder / "copied").rename(alone / "DICOMDIR")
    return Written(alone / "DICOMDIR")


def damaged_header(folder: Path) -> Written:
    images = axial_images(9)
    written(folder, images)
    last = folder / f"IM{(8 * 37 + 11) % 101:04d}"
    last.write_bytes(last.read_bytes()[:700])
    return Written(folder, truth_of(images[:8]))


def lost_in_copying(folder: Path) -> Written:
    images = axial_images(10)
    written(folder, images)
    for place in (8, 9):
        lost = folder / f"IM{(place * 37 + 11) % 101:04d}"
        lost.write_bytes(b"\0" * lost.stat().st_size if place == 8 else b"")
    return Written(folder, truth_of(images[:8]))


def cut_pixels(folder: Path) -> Written:
    written(folder, axial_images())
    path = folder / "IM0011"
    path.write_bytes(path.read_bytes()[:-100])
    return Written(folder)


def no_pixels(folder: Path) -> Written:
    images = axial_images()
    images[3] = images[3].having(PixelData=None)
    return written(folder, images)


def no_images(folder: Path) -> Written:
    plan = pydicom.Dataset()
    plan.SOPClassUID, plan.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.481.3", generate_uid()
    plan.Modality = "RTSTRUCT"
    save(plan, folder / "structures.dcm")
    return Written(folder)


def text_file(folder: Path) -> Written:
    path = folder / "scan.txt"
    path.write_text("no scan " * 40)
    return Written(path)


def mr_beside_ct(folder: Path) -> Written:
    magnetic, ct = Series(2), replace(Series(3), study_uid="1.2.3")
    magnetic = replace(magnetic, study_uid="1.2.3")
    written(folder, axial_images(20), magnetic, prefix="MR", Modality="MR", SOPClassUID="1.2.840.10008.5.1.4.1.1.4")
    return written(folder, axial_images(), ct)


CASES = [
    Case(_GROUP, "a plain series, names in no order", lambda folder: written(folder, axial_images()), Opens()),
    Case(_GROUP, "file names that count against the image numbers", numbered_names, Opens()),
    Case(_GROUP, "one file of a series, another series beside it", one_file_of_it, Opens()),
    Case(_GROUP, "a list of files", list_of_files, Opens()),
    Case(_GROUP, "no preamble, implicit VR", without_preamble, Opens()),
    Case(_GROUP, "no preamble, explicit VR", without_preamble_explicit, Opens()),
    Case(_GROUP, "a disk's tree with viewer, text files and a dose report", beside_other_files, Opens()),
    Case(
        _GROUP,
        "two patients, series of the same number",
        two_patients,
        Opens(("There are 2 studies here; this is study 2.",)),
        series=(
            "Study 2 (2024-03-01), series 4: Thorax, 8 images of 12 mm",
            "Study 1 (2019-05-12), series 4: Thorax, 7 images of 12 mm",
        ),
    ),
    Case(
        _GROUP,
        "two patients, series of the same number, asked for by that number",
        two_patients,
        Refused(VolumeError, "2 stacks have the series number 4. Choose one by its key (list_series)."),
        {"series": 4},
    ),
    Case(_GROUP, "two patients with one SeriesInstanceUID", two_patients_one_uid, Opens()),
    Case(_GROUP, "two series without SeriesInstanceUID in two folders", without_series_uid, Opens()),
    Case(_GROUP, "an MR series beside the CT", mr_beside_ct, Opens()),
    Case(_GROUP, "a DICOMDIR, names in other case", dicomdir, Opens()),
    Case(
        _GROUP,
        "a DICOMDIR that names an image too many",
        lambda folder: dicomdir(folder, missing=True),
        Opens(("The DICOMDIR names 1 image that is not there.",)),
    ),
    Case(
        _GROUP,
        "a DICOMDIR whose names lead out of the disk (ignored)",
        lambda folder: dicomdir(folder, hostile=True),
        Opens(("There are 2 studies here; this is study 1.",)),
    ),
    Case(
        _GROUP,
        "a DICOMDIR without its disk",
        dicomdir_alone,
        Refused(
            VolumeError, "The DICOMDIR names no images that are here. Copy the whole disk, not the DICOMDIR alone."
        ),
    ),
    Case(
        _GROUP, "the topmost file cut within its header", damaged_header, Opens(("1 damaged DICOM file was left out.",))
    ),
    Case(
        _GROUP,
        "two files emptied or zeroed in copying",
        lost_in_copying,
        Opens(("2 damaged DICOM files were left out.",)),
    ),
    Case(
        _GROUP,
        "a file cut within its pixels",
        cut_pixels,
        Refused(
            VolumeError, "The pixels of IM0011 cannot be read: the file is damaged or was cut short. Copy it again."
        ),
    ),
    Case(
        _GROUP,
        "a file without pixels",
        no_pixels,
        Refused(
            VolumeError,
            "The pixels of IM0021 cannot be read: the file holds no picture, or was cut short. Copy it again.",
        ),
    ),
    Case(
        _GROUP,
        "only a structure set",
        no_images,
        Refused(
            VolumeError,
            "The folder holds 1 DICOM file but no images: 1 of another kind (reports, plans, segmentations).",
        ),
    ),
    Case(
        _GROUP,
        "an empty folder",
        lambda folder: Written(folder),
        Refused(VolumeError, "The folder holds no DICOM images."),
    ),
    Case(
        _GROUP,
        "a text file",
        text_file,
        Refused(
            VolumeError,
            "scan.txt is neither DICOM nor NIfTI (.nii, .nii.gz), NRRD (.nrrd, .nhdr), MetaImage (.mha, .mhd) or "
            "a zip of one. Open one of these, or a DICOM folder.",
        ),
    ),
    Case(
        _GROUP,
        "a path that is not there",
        lambda folder: Written(folder / "scan.dcm"),
        Refused(VolumeError, "There is no file or folder named scan.dcm."),
    ),
]
