"""Whether the bundled weights read tilted scans better as they are or resampled upright.

::

    python -m train.tilt_study --phantoms 24

Held-out phantoms are scanned again as a tilted gantry would (sheared) and as an oblique reformat would be, and every
landmark and finding well inside is asked for in held-out wordings: once with the slices as they are, once after
`model.upright.upright_volume`. Both answers come from the same voxels. Prints mean errors (mm) and, for resampled minus as it
is, 95 % intervals bootstrapped over phantoms. `SlabModel` resamples because of what this showed (`LOG.md`).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.inference.session import GroundingSession
from napari_ct_grounding.model.radfinder.preprocessing import body_positions_mm
from napari_ct_grounding.model.slab.model import SlabModel
from napari_ct_grounding.model.slab.preprocessing import AIR_HU, MAX_HU
from napari_ct_grounding.model.upright import upright_volume
from napari_ct_grounding.phantom.scan import generate_scan
from napari_ct_grounding.phantom.sentences import sentence_about

__all__ = ["TiltError", "measure_tilts", "tilted_scan", "tilted_table"]

SPACING_MM = (2.5, 2.0, 2.0)
ANGLES_DEG = (5.0, 10.0, 20.0, -15.0)
PROTOCOLS = ("chest", "chest-abdomen-pelvis", "abdomen-pelvis")
#: Targets this near (mm) to an end are left out: a tilted scan of the same size may not hold them.
END_MM = 60.0
HELD_OUT_SEED = 6_500_000


@dataclass(frozen=True)
class TiltError:
    """Mean error (mm) over the sentences of one phantom; `upright_mm` after resampling, `own_mm` without."""

    phantom: int
    kind: str
    angle_deg: float
    num_sentences: int
    own_mm: float
    upright_mm: float


def tilted_scan(volume: CTVolume, angle_deg: float, is_sheared: bool) -> CTVolume:
    """Return an upright scan as another scanner would give it: slices turned about the left-right axis through the middle,
    stacked along the patient (sheared) or along their normal.
    """
    angle, (step_z, step_y, step_x) = np.radians(angle_deg), volume.geometry.spacing_mm
    affine = np.eye(4)
    affine[0, 0] = step_x
    affine[:3, 1] = step_y * np.array([0, np.cos(angle), np.sin(angle)])
    affine[:3, 2] = [0, 0, step_z] if is_sheared else step_z * np.array([0, -np.sin(angle), np.cos(angle)])
    middle = (np.array(volume.hu.shape) - 1) / 2
    affine[:3, 3] = volume.geometry.world_of_voxel(middle) - affine[:3, :3] @ middle[::-1]
    to_source = (np.linalg.inv(volume.geometry.affine) @ affine)[[2, 1, 0, 3]][:, [2, 1, 0, 3]]
    hu = ndimage.affine_transform(
        volume.hu.astype(np.float32), to_source[:3, :3], to_source[:3, 3], order=1, mode="constant", cval=-1000
    )
    return CTVolume(np.rint(hu).astype(np.int16), VolumeGeometry(affine, volume.hu.shape), name=volume.name)


def measure_tilts(session: GroundingSession, seeds: Sequence[int], angles_deg: Sequence[float]) -> list[TiltError]:
    """Ask `session`, which holds a slab model, about the phantoms of `seeds`, tilted; angle 0 is the phantom as it is."""
    model = session.model
    if not isinstance(model, SlabModel):
        raise TypeError("This study is about slab weights; those of other kinds resample by definition.")
    errors = []
    for seed in seeds:
        scan = generate_scan(seed, spacing_mm=SPACING_MM, z_range=PROTOCOLS[seed % len(PROTOCOLS)])
        lo, hi = scan.volume.geometry.z_extent_mm
        targets = [t for t in scan.targets if t.visible_fraction > 0.9 and lo + END_MM < t.z_mm < hi - END_MM]
        rng = np.random.default_rng(seed)
        sentences = [sentence_about(t, family="test", rng=rng) for t in targets]
        truth = np.array([t.z_mm for t in targets])

        def error(volume: CTVolume, sentences: list[str] = sentences, truth: np.ndarray = truth) -> float:
            answers = session.ground(sentences, session.encode(volume))
            return float(np.abs(np.array([answer.z_mm for answer in answers]) - truth).mean())

        upright_mm = error(scan.volume)
        errors.append(TiltError(seed, "upright", 0.0, len(targets), upright_mm, upright_mm))
        for angle_deg in angles_deg:
            for kind in ("oblique", "sheared"):
                volume = tilted_scan(scan.volume, angle_deg, kind == "sheared")
                upright = upright_volume(volume, SPACING_MM, body_positions_mm(volume), (AIR_HU, MAX_HU))
                resamples = model.resamples_upright
                try:
                    model.resamples_upright = lambda *_: False  # type: ignore[method-assign]
                    own_mm = error(volume)
                finally:
                    model.resamples_upright = resamples  # type: ignore[method-assign]
                errors.append(TiltError(seed, kind, angle_deg, len(targets), own_mm, error(upright)))
    return errors


def tilted_table(errors: Sequence[TiltError], num_resamples: int = 2000) -> str:
    """Return a Markdown table, one row for each kind and angle."""
    lines = ["| slices | as they are, mm | resampled, mm | difference (95 % CI) |", "|---|---|---|---|"]
    rng = np.random.default_rng(42)
    for kind, angle_deg in dict.fromkeys((e.kind, e.angle_deg) for e in errors):
        group = [e for e in errors if (e.kind, e.angle_deg) == (kind, angle_deg)]
        weight = np.array([e.num_sentences for e in group], dtype=float)
        own, upright = np.array([e.own_mm for e in group]), np.array([e.upright_mm for e in group])
        draws = rng.integers(len(group), size=(num_resamples, len(group)))
        means = ((upright - own) * weight)[draws].sum(axis=1) / weight[draws].sum(axis=1)
        low, high = np.quantile(means, [0.025, 0.975])
        difference = np.average(upright - own, weights=weight)
        lines.append(
            f"| {kind}, {angle_deg:g} degrees | {np.average(own, weights=weight):.1f} | "
            f"{np.average(upright, weights=weight):.1f} | {difference:+.1f} ({low:+.1f} to {high:+.1f}) |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m train.tilt_study", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--weights", default="bundled", help="name or folder (default bundled)")
    parser.add_argument("--phantoms", type=int, default=24, help="number of held-out phantoms (default 24)")
    options = parser.parse_args()
    session = GroundingSession.from_pretrained(options.weights, cache=None)
    print(tilted_table(measure_tilts(session, range(HELD_OUT_SEED, HELD_OUT_SEED + options.phantoms), ANGLES_DEG)))


if __name__ == "__main__":
    main()
