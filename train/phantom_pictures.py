"""Draw five phantoms as a reader looks at a scan: would a radiologist name the organs?

::

    python -m train.phantom_pictures --out docs/images

writes ``phantom_1.png`` to ``phantom_5.png``: eight axial slices from the neck to the hips in soft-tissue or lung windows, and
two coronal ones. Patient right is on the left, as radiologists look.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_ct_grounding.phantom.scan import PhantomScan, generate_scan

__all__ = ["picture"]

#: Men and women, thin and obese, with and without contrast medium, arms up and down.
SEEDS = (20, 8, 4, 31, 16)
SPACING_MM = (2.0, 1.2, 1.2)
RANGE_MM = (-520.0, 110.0)
FIELD_OF_VIEW_MM = 400.0

#: (level, width) in HU.
SOFT, LUNG = (40.0, 400.0), (-600.0, 1500.0)
#: Heights above the carina in mm, and window: upper and lower row.
LEVELS = (
    ((45.0, SOFT), (-20.0, LUNG), (-45.0, LUNG), (-75.0, SOFT)),
    ((-160.0, SOFT), (-215.0, SOFT), (-300.0, SOFT), (-475.0, SOFT)),
)
#: Share of the field of view from behind.
CORONALS = ((0.52, SOFT), (0.45, LUNG))

_TILE = (232, 182)
_CORONAL_WIDTH = 182
_MARGIN = 0.11
_NUM_GREYS = 26


def picture(scan: PhantomScan) -> Image.Image:
    """Return the slices of a scan that covers `RANGE_MM`, side by side, in a few greys (small files)."""
    hu, geometry = np.maximum(scan.volume.hu, -1000), scan.volume.geometry
    width, height = _TILE
    sheet = Image.new("L", (4 * width + 2 * _CORONAL_WIDTH, 2 * height))
    cut = round(hu.shape[1] * _MARGIN)
    for row, levels in enumerate(LEVELS):
        for column, (above_mm, window) in enumerate(levels):
            axial = hu[geometry.slice_of_z(scan.carina_z_mm + above_mm), cut : hu.shape[1] - cut]
            tile = Image.fromarray(_grey(axial, window)).resize(_TILE, Image.Resampling.LANCZOS)
            sheet.paste(tile, (column * width, row * height))
    for number, (share, window) in enumerate(CORONALS):
        coronal = Image.fromarray(_grey(hu[:, int(hu.shape[1] * share)], window))
        tall = round(hu.shape[0] * SPACING_MM[0])  # mm, so that pixels become square
        scale = 2 * height / tall
        whole = coronal.resize((round(hu.shape[2] * SPACING_MM[2] * scale), 2 * height), Image.Resampling.LANCZOS)
        left = (whole.width - _CORONAL_WIDTH) // 2
        sheet.paste(whole.crop((left, 0, left + _CORONAL_WIDTH, 2 * height)), (4 * width + number * _CORONAL_WIDTH, 0))
    return sheet.point(lambda grey: grey // 10 * 10).convert("P", palette=Image.Palette.ADAPTIVE, colors=_NUM_GREYS)


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="folder of the pictures")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS, start=1):
        scan = generate_scan(seed, spacing_mm=SPACING_MM, z_range=RANGE_MM, findings=(), fov_mm=FIELD_OF_VIEW_MM)
        path = arguments.out / f"phantom_{number}.png"
        picture(scan).save(path, optimize=True)
        print(f"{path.name}: {scan.facts}")


def _grey(plane: NDArray[np.int16], window: tuple[float, float]) -> NDArray[np.uint8]:
    """Grey values of a plane (rows towards superior or anterior, columns towards right) as it is looked at."""
    level, width = window
    grey = np.clip((plane.astype(np.float32) - (level - width / 2)) / width * 255, 0, 255)
    return grey.astype(np.uint8)[::-1, ::-1]


if __name__ == "__main__":
    main()
