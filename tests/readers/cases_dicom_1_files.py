"""Cases of files and folders as hospitals hand them out."""

from __future__ import annotations

from tests.readers.case import Case, Opens
from tests.readers.dicom_writing import axial_images, written

_GROUP = "DICOM: files and folders"

CASES = [
    Case(_GROUP, "a plain series, names in no order", lambda folder: written(folder, axial_images()), Opens()),
]
