"""File to windows, three ways: ours, the same steps by MONAI's transforms, and the slabs of the bundled model.

``python -m tests.benchmarks.file_to_windows {ours,monai,slabs} SCAN WINDOWS.npy``
"""

from __future__ import annotations

import importlib
import math
import sys
from dataclasses import asdict
from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.measure import measured, report

SPACING_MM_XYZ = (0.75, 0.75, 3.0)
WINDOW_XYZ = (128, 128, 32)


def ours(scan: Path) -> NDArray[np.float16]:
    from napari_ct_grounding.model.radfinder.preprocessing import prepare_windows
    from napari_ct_grounding.readers import read_volume

    return prepare_windows(read_volume(scan)).pixels


def by_monai(scan: Path) -> NDArray[np.float16]:
    """Return the windows (n, 1, h, w, d) by the transforms that a MONAI user would write down for the same steps."""
    import torch
    from monai.transforms import (
        CenterSpatialCrop,
        Compose,
        LoadImage,
        Orientation,
        ScaleIntensityRange,
        Spacing,
        SpatialPad,
    )

    load = Compose(
        [
            LoadImage(reader="NibabelReader", ensure_channel_first=True),
            ScaleIntensityRange(-1000, 1000, 0, 1, clip=True),
            Orientation(axcodes="RAS", labels=(("L", "R"), ("P", "A"), ("I", "S"))),
            Spacing(pixdim=SPACING_MM_XYZ, mode="bilinear", padding_mode="border"),
        ]
    )
    image = load(scan).to(torch.float16)
    kept = [n if n < w else n // w * w for n, w in zip(image.shape[1:], WINDOW_XYZ, strict=True)]
    whole = [max(n, w) for n, w in zip(kept, WINDOW_XYZ, strict=True)]
    image = SpatialPad(whole)(CenterSpatialCrop(kept)(image)).as_tensor()[0]
    (h, w, d), grid = WINDOW_XYZ, [n // size for n, size in zip(whole, WINDOW_XYZ, strict=True)]
    windows = image.reshape(grid[0], h, grid[1], w, grid[2], d).permute(0, 2, 4, 1, 3, 5)
    return windows.reshape(-1, 1, h, w, d).contiguous().numpy()


def slabs(scan: Path) -> NDArray[np.int16]:
    from napari_ct_grounding.model.slab.preprocessing import SlabFrame, prepare_slabs
    from napari_ct_grounding.readers import read_volume

    return prepare_slabs(read_volume(scan), SlabFrame()).hu


def load_libraries(way: str) -> None:
    """Import beforehand what a running program has imported: the figures are about the work."""
    ours = ("model.radfinder.preprocessing", "model.slab.preprocessing", "readers.reading")
    for name in ("torch", "monai.transforms") if way == "monai" else (f"napari_ct_grounding.{room}" for room in ours):
        importlib.import_module(name)


def main() -> None:
    way, scan, target = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    load_libraries(way)
    work = {"ours": ours, "monai": by_monai, "slabs": slabs}[way]
    with measured() as cost:
        windows = work(scan)
    np.save(target, windows)
    array_mb = math.prod(nibabel.load(scan).shape) * 2 / 2**20  # int16, as our reader holds it
    report(shape=list(windows.shape), array_mb=array_mb, **asdict(cost))


if __name__ == "__main__":
    main()
