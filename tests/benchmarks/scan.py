"""The scan that is measured: 512 x 512 x 300 voxels of a noisy body with lungs, written as scanners' converters do."""

from __future__ import annotations

import sys
from pathlib import Path

import nibabel
import numpy as np

SHAPE_XYZ = (512, 512, 300)
SPACING_MM_XYZ = (0.7, 0.7, 1.0)


def write_scan(path: Path) -> None:
    """Write the scan as int16 NIfTI (.nii or .nii.gz) with axes towards Left, Posterior, Superior."""
    nx, ny, nz = SHAPE_XYZ
    rng = np.random.default_rng(0)
    x = (np.arange(nx, dtype=np.float32)[:, None] - nx / 2) * SPACING_MM_XYZ[0]
    y = (np.arange(ny, dtype=np.float32)[None, :] - ny / 2) * SPACING_MM_XYZ[1]
    body = (x / 165) ** 2 + (y / 110) ** 2 < 1
    spine = x**2 + (y - 70) ** 2 < 18**2
    noise = rng.normal(0, 12, (nx, ny)).astype(np.float32)
    voxels = np.empty((nx, ny, nz), dtype=np.int16, order="F")
    for k in range(nz):
        plane = np.where(body, np.float32(40), np.float32(-1000))
        if k > nz // 3:
            size = 60 + 15 * np.sin(k / 40)
            plane[((np.abs(x) - 75) / size) ** 2 + ((y + 5) / 75) ** 2 < 1] = -850
        plane[spine] = 350 + 150 * np.sin(k / 4)
        voxels[:, :, k] = np.clip(plane + np.roll(noise, 37 * k, axis=k % 2), -1024, 3071)
    affine = np.diag([-SPACING_MM_XYZ[0], -SPACING_MM_XYZ[1], SPACING_MM_XYZ[2], 1.0])
    affine[:3, 3] = (180.0, 190.0, -600.0)
    nibabel.openers.Opener.default_compresslevel = 1
    nibabel.save(nibabel.Nifti1Image(voxels, affine), path)


if __name__ == "__main__":
    write_scan(Path(sys.argv[1]))
