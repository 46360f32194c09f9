"""Memory for a very large scan: 1,500 slices of 512 x 512 voxels, from the file to the answer.

::

    python -m tests.benchmarks.big_scan write-nifti scan.nii.gz
    python -m tests.benchmarks.big_scan write-dicom folder
    python -m tests.benchmarks.big_scan ground SCAN     opens, encodes and grounds with the bundled weights
    python -m tests.benchmarks.big_scan windows SCAN    coverage "full" in windows of released size, through a tiny network

The last two report the peak of the whole process (MB, interpreter and torch included) and the seconds of each step.
"""

from __future__ import annotations

import gzip
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.measure import peak_mb, report

NUM_SLICES, NUM_ROWS, NUM_COLUMNS = 1500, 512, 512
#: Scanner (x, y, z), mm: the body from the skull to the knees.
SPACING_MM_XYZ = (0.7, 0.7, 0.8)
SENTENCES = ["Level of the carina.", "Cyst in the left kidney."]
#: What a scan of this size may take, MB.
AIM_MB = 6 * 1024


def planes() -> Iterator[NDArray[np.int16]]:
    """Yield the slices (y, x), lowest first: an elliptic body with lungs in its upper half, a spine, and noise."""
    rng = np.random.default_rng(0)
    x = (np.arange(NUM_COLUMNS, dtype=np.float32)[None, :] - NUM_COLUMNS / 2) * SPACING_MM_XYZ[0]
    y = (np.arange(NUM_ROWS, dtype=np.float32)[:, None] - NUM_ROWS / 2) * SPACING_MM_XYZ[1]
    body, spine = (x / 165) ** 2 + (y / 110) ** 2 < 1, x**2 + (y - 70) ** 2 < 18**2
    noise = rng.normal(0, 6, (NUM_ROWS, NUM_COLUMNS)).astype(np.float32)
    for k in range(NUM_SLICES):
        plane = np.where(body, np.float32(40), np.float32(-1000))
        if NUM_SLICES // 2 < k < 5 * NUM_SLICES // 6:
            plane[((np.abs(x) - 75) / (60 + 15 * np.sin(k / 40))) ** 2 + ((y + 5) / 75) ** 2 < 1] = -850
        plane[spine] = 350 + 150 * np.sin(k / 4)
        yield np.clip(plane + np.roll(noise, 37 * k, axis=k % 2), -1024, 3071).astype(np.int16)


def write_nifti(path: Path) -> None:
    """Write the scan as .nii.gz, slice by slice."""
    affine = np.diag([-SPACING_MM_XYZ[0], -SPACING_MM_XYZ[1], SPACING_MM_XYZ[2], 1.0])
    affine[:3, 3] = (180.0, 180.0, -900.0)
    header = nibabel.Nifti1Header()
    header.set_data_dtype(np.int16)
    header.set_data_shape((NUM_COLUMNS, NUM_ROWS, NUM_SLICES))
    header.set_sform(affine, 1)
    header.set_qform(affine, 1)
    header["vox_offset"] = 352
    header["magic"] = b"n+1"
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(header.binaryblock + bytes(4))
        for plane in planes():
            stream.write(plane.tobytes())


def write_dicom(folder: Path) -> None:
    """Write the scan as one uncompressed file a slice."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

    folder.mkdir(parents=True, exist_ok=True)
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    for k, plane in enumerate(planes()):
        image = Dataset()
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = CTImageStorage
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = generate_uid()
        image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = study, series, frame
        image.Modality, image.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
        image.PatientID, image.SeriesNumber, image.InstanceNumber = "phantom", 1, NUM_SLICES - k
        image.Rows, image.Columns, image.SamplesPerPixel = NUM_ROWS, NUM_COLUMNS, 1
        image.PhotometricInterpretation = "MONOCHROME2"
        image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 1
        image.RescaleSlope, image.RescaleIntercept = 1, 0
        image.PixelSpacing = [SPACING_MM_XYZ[1], SPACING_MM_XYZ[0]]
        image.SliceThickness = SPACING_MM_XYZ[2]
        image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        image.ImagePositionPatient = [-180, -180, round(-900 + k * SPACING_MM_XYZ[2], 3)]
        image.PixelData = plane.astype("<i2").tobytes()
        image.save_as(folder / f"{k:05}.dcm", enforce_file_format=True)


def tiny_config() -> dict[str, Any]:
    """Return a config.json of a network that reads windows of released size and is next to nothing itself."""
    return {
        "model_type": "radfinder",
        "radfinder_model_config": {
            "feature_comb_embed_dim": 24, "feature_comb_num_layers": 1, "feature_comb_num_heads": 2,
            "projection_dim": 8, "projection_hidden_dim": 16, "projection_bottleneck_dim": 12,
            "backbone_kwargs": {"patch_size": [16, 16, 8], "embed_dim": 24, "depth": 1, "num_heads": 2},
            "text_backbone_config": {
                "model_type": "qwen3", "vocab_size": 8, "hidden_size": 12, "num_hidden_layers": 1, "num_attention_heads": 1,
                "num_key_value_heads": 1, "head_dim": 12, "intermediate_size": 12, "rope_theta": 1e6,
            },
        },
    }  # fmt: skip


def measure(scan: Path, task: str) -> dict[str, Any]:
    """Return seconds and peak memory (MB of the whole process) after each step."""
    from napari_ct_grounding.inference.session import GroundingSession
    from napari_ct_grounding.model.radfinder.model import RadFinderModel
    from napari_ct_grounding.readers import read_volume

    figures: dict[str, Any] = {"imported_mb": peak_mb()}

    def step(name: str, since: float) -> float:
        figures[f"{name}_s"], figures[f"{name}_mb"] = time.perf_counter() - since, peak_mb()
        return time.perf_counter()

    now = time.perf_counter()
    if task == "ground":
        session = GroundingSession.from_pretrained("bundled", device="cpu", cache=None)
    else:
        model = RadFinderModel.from_config(tiny_config(), None).eval()
    now = step("loaded", now)
    volume = read_volume(scan)
    figures["shape"] = volume.hu.shape
    now = step("read", now)
    if task == "ground":
        figures["told_s"] = session.estimate(volume).seconds
        now = step("estimated", now)
        encoded = session.encode(volume)
        now = step("encoded", now)
        results = session.ground(SENTENCES, encoded)
        step("grounded", now)
        figures["z_mm"] = [result.z_mm for result in results]
    else:
        seen = model.encode_volume(volume, coverage="full")
        step("encoded", now)
        figures["num_windows"] = model.workload(volume, "full").num_windows
        figures["num_depths"] = len(seen.depths_mm)
    figures["peak_mb"] = peak_mb()
    return figures


def main() -> None:
    task, path = sys.argv[1], Path(sys.argv[2])
    if task == "write-nifti":
        write_nifti(path)
    elif task == "write-dicom":
        write_dicom(path)
    else:
        report(**measure(path, task))


if __name__ == "__main__":
    main()
