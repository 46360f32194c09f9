"""What the soak opens: phantoms as NIfTI and as DICOM, real files where there are some, and files that must be refused."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np

from napari_ct_grounding.core.volume import CTVolume

REAL = os.environ.get("CT_GROUNDING_TEST_DATA", "")
SENTENCES = (
    "liver dome",
    "aortic arch",
    "carina",
    "upper pole of the left kidney",
    "Oberrand der Leber",
    "right lung apex",
    "nodule in the right upper lobe",
    "no pleural effusion",
    "femoral head",
    "spleen",
)


@dataclass(frozen=True)
class SoakCase:
    """A path to open, and whether a volume comes of it."""

    name: str
    path: Path
    is_volume: bool = True


def make_cases(folder: Path) -> list[SoakCase]:
    """Write the phantoms and the damaged files into `folder`; real files stay where they are."""
    from napari_ct_grounding.phantom import generate

    cases = []
    for seed in range(3):
        volume = generate(seed=9000 + seed, spacing_mm=(2.5, 1.2, 1.2)).volume
        path = folder / f"phantom{seed}.nii.gz"
        _write_nifti(volume, path)
        cases.append(SoakCase(path.stem, path))
    damaged = folder / "cut_off.nii.gz"
    damaged.write_bytes(cases[0].path.read_bytes()[:100_000])
    text = folder / "text.nii"
    text.write_text("not a scan")
    cases += [SoakCase("cut off", damaged, is_volume=False), SoakCase("text", text, is_volume=False)]
    if REAL:
        root = Path(REAL)
        cases += [
            SoakCase("crlm-ct-1006", root / "crlm-ct-1006"),
            SoakCase("lung1-001", root / "lung1-001"),
            SoakCase("example-ct", root / "example-ct" / "example_ct.nii.gz"),
            SoakCase("jpeg2000", root / "hard" / "overlapping-jpeg2000"),
            SoakCase("gantry-tilt", root / "hard" / "gantry-tilt"),
            SoakCase("multiframe", root / "hard" / "enhanced-multiframe" / "mf.dcm"),
            SoakCase("same position", root / "hard" / "same-position", is_volume=False),
            SoakCase("uneven", root / "hard" / "uneven-increment", is_volume=False),
        ]
    return [case for case in cases if case.path.exists()]


def _write_nifti(volume: CTVolume, path: Path) -> None:
    image = nibabel.Nifti1Image(np.ascontiguousarray(volume.hu.transpose(2, 1, 0)), volume.geometry.affine)
    nibabel.save(image, path)
