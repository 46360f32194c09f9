"""Procedural CT scans of random people, with the exact place of everything a sentence can name."""

# Tables of numbers stand in long rows, and `point + (x, y, z)` adds vectors.
# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.phantom import (
    bowel,
    breasts,
    great_vessels,
    head,
    heart,
    kidneys,
    liver,
    lung_tree,
    mediastinum,
    muscles,
    pelvic_organs,
    pelvis,
    shoulders,
    skeleton,
    spine,
    trunk,
    upper_organs,
)
from napari_ct_grounding.phantom import lungs as lung_room
from napari_ct_grounding.phantom.body import make_person
from napari_ct_grounding.phantom.catalogue import FINDINGS, LANDMARKS, finding_target, split_target
from napari_ct_grounding.phantom.choice import choose_findings, fits
from napari_ct_grounding.phantom.findings import paint_late_findings
from napari_ct_grounding.phantom.scanner import ScanPlan, finish, paint_couch, plan_scan, turn_slices
from napari_ct_grounding.phantom.scene import Scene
from napari_ct_grounding.phantom.shapes import Canvas
from napari_ct_grounding.phantom.tissue import tissue_hu
from napari_ct_grounding.phantom.truth import Target, targets_of

__all__ = ["MASKS", "PhantomScan", "Target", "generate_scan"]

#: Organs of which a mask can be had.
MASKS = (
    "lungs", "trachea", "heart", "aorta", "thoracic_oesophagus", "thyroid", "liver", "gallbladder", "spleen", "stomach", "pancreas",
    "adrenal_right", "adrenal_left", "kidney_right", "kidney_left", "colon", "small_bowel", "bladder", "prostate", "uterus",
    *(name for name in LANDMARKS if name.startswith("vertebra_")),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class PhantomScan:
    """A procedural scan and its truth.

    Parameters
    ----------
    volume : CTVolume
        Upright, int16 HU.
    targets : tuple of Target
        Everything inside the scan, even in small part (see `Target.visible_fraction`).
    absent : tuple of str
        Catalogue landmarks that lie outside the scan or that this person lacks.
    facts : dict
        Sex, age, stature, contrast phase, arms, protocol, seed.
    carina_z_mm : float
        World z of the reference plane z = 0.
    masks : dict of str to NDArray, (z, y, x)
        Voxels of what `generate_scan` was asked to mask: more than half of each belongs to it.
    """

    volume: CTVolume
    targets: tuple[Target, ...]
    absent: tuple[str, ...]
    facts: dict[str, object] = field(default_factory=dict)
    carina_z_mm: float = 0.0
    masks: dict[str, NDArray[np.bool_]] = field(default_factory=dict)

    @property
    def findings(self) -> tuple[Target, ...]:
        """The findings among the targets."""
        return tuple(t for t in self.targets if t.kind == "finding")

    @property
    def diseases(self) -> frozenset[str]:
        """CT-RATE names that are true in this scan (at least half of one finding is visible)."""
        return frozenset(t.disease for t in self.targets if t.disease is not None and t.visible_fraction >= 0.5)


def generate_scan(
    seed: int,
    *,
    spacing_mm: tuple[float, float, float] = (5.0, 4.0, 4.0),
    z_range: str | tuple[float, float] = "random",
    findings: str | Sequence[str] = "random",
    fov_mm: float | None = None,
    noise: bool = True,
    masks: Sequence[str] = (),
) -> PhantomScan:
    """Return the scan of the person with this seed: same arguments, same bits.

    Parameters
    ----------
    seed : int
        Person, findings and scanner have streams of their own, so that one person can be scanned again otherwise.
    spacing_mm : tuple of float
        Voxel spacing (z, y, x).
    z_range : str or (float, float)
        "random", a name in `scanner.PROTOCOLS`, or lowest and highest z in real mm above the carina.
    findings : "random" or sequence of str
        Target names; see `catalogue.finding_target`.
    fov_mm : float, optional
        Width of the field of view; random by default.
    noise : bool
        Without it the picture is painted HU: no blur, noise, streaks or offset.
    masks : sequence of str
        Organs (`MASKS`) and wished findings whose voxels are wanted too, as `PhantomScan.masks`.

    Raises
    ------
    InputError
        When a finding is not in the catalogue, or something asked for has no mask.
    """
    person = make_person(seed)
    plan = plan_scan(person, np.random.default_rng([seed, 3]), z_range, fov_mm)
    dz, dy, dx = spacing_mm
    nz = max(2, round((plan.z_hi - plan.z_lo) / dz))
    n = max(2, round(plan.fov_mm / dy)), max(2, round(plan.fov_mm / dx))
    z = plan.z_lo + (np.arange(nz) + 0.5) * dz
    y = (np.arange(n[0]) - (n[0] - 1) / 2) * dy + 112 * person.scale_y + plan.centre_y
    x = (np.arange(n[1]) - (n[1] - 1) / 2) * dx + plan.centre_x
    edges = np.array([z[0] - dz / 2, z[-1] + dz / 2])
    if findings == "random":
        low, high = person.reference_z(edges)
        half_width = plan.fov_mm / 2 / person.scale_x
        wishes = choose_findings(np.random.default_rng([seed, 4]), float(low), float(high), person, half_width)
    else:
        wishes = frozenset(findings)
        known = {finding_target(k.name, place) for k in FINDINGS.values() for place in k.places}
        if unknown := sorted(wishes - known):
            raise InputError(
                f"The finding {unknown[0]!r} is not in the catalogue. Name it kind@place, e.g. 'lung_nodule@lingula'."
            )
        for name in sorted(wishes):
            if not fits(FINDINGS[split_target(name)[0]], person):
                raise InputError(
                    f"The person of seed {seed} ({person.sex}, contrast phase {person.phase}) cannot have the finding {name!r}. "
                    "Choose another seed or leave the finding out."
                )
    canvas = Canvas(person.reference_z(z), y / person.scale_y, x / person.scale_x)
    tissue = tissue_hu(person.phase, person.age, np.random.default_rng([seed, 5]))
    if unknown := [name for name in masks if name not in MASKS and name not in wishes]:
        raise InputError(
            f"There is no mask of {unknown[0]!r}. Ask for findings of this scan or organs of phantom.scan.MASKS."
        )
    canvas.masks = {name: np.zeros_like(canvas.hu) for name in masks}
    scene = Scene(canvas, person, tissue, wishes)
    _paint(scene, np.random.default_rng([seed, 6]))
    hu = finish(canvas.hu, spacing_mm, plan, np.random.default_rng([seed, 7]), noise)
    world = np.random.default_rng([seed, 8]).uniform((-900, -300, -300), (600, 100, 100))
    origin = (float(z[0] + world[0]), float(y[0] + world[1]), float(x[0] + world[2]))
    geometry = VolumeGeometry.from_spacing(hu.shape, spacing_mm, origin)
    targets = targets_of(scene, edges, (float(world[2]), float(world[1]), float(world[0])))
    seen = {t.name for t in targets}
    facts: dict[str, object] = {
        "seed": seed, "sex": person.sex, "age": round(person.age), "stature_mm": round(person.stature_mm), "phase": person.phase,
        "arms_up": person.arms_up, "protocol": plan.protocol, "fat_mm": round(person.fat_mm, 1), "findings": tuple(sorted(wishes)),
    }  # fmt: skip
    return PhantomScan(
        volume=CTVolume(hu, geometry, name=f"phantom-{seed}"),
        targets=targets,
        absent=tuple(n for n in LANDMARKS if n not in seen),
        facts=facts,
        carina_z_mm=float(world[0]),
        masks={name: _turned(canvas.masks[name], plan, spacing_mm) > 0.5 for name in masks},
    )


def _turned(cover: NDArray[np.float32], plan: ScanPlan, spacing_mm: tuple[float, float, float]) -> NDArray[np.float32]:
    if plan.turn_deg:
        turn_slices(cover, plan.turn_deg, spacing_mm)
    return cover


def _paint(scene: Scene, rng: np.random.Generator) -> None:
    """Paint everything in order; what comes later wins."""
    lungs = lung_room.lung_map(scene.person)
    trunk.outline_trunk(scene)
    paint_couch(scene.canvas, scene.person, rng)
    for painter in _PAINTERS_BEFORE_LUNGS:
        painter(scene)
    lung_room.paint_lungs(scene, lungs)
    lung_tree.paint_vessels(scene, lungs)
    for painter in _PAINTERS_AFTER_LUNGS:
        scene.now_drawing()
        painter(scene)
    scene.now_drawing()
    paint_late_findings(scene, lungs)


_PAINTERS_BEFORE_LUNGS = (
    shoulders.paint_arms, trunk.paint_skin, breasts.paint_breasts, trunk.paint_belly_wall, trunk.paint_chest_wall, muscles.paint_muscles,
    shoulders.paint_neck_muscles, mediastinum.paint_mediastinum,
)  # fmt: skip
_PAINTERS_AFTER_LUNGS = (
    skeleton.paint_ribs, skeleton.paint_sternum, spine.paint_spine, shoulders.paint_arm_bones, shoulders.paint_shoulders, head.paint_head,
    pelvis.paint_pelvis, heart.paint_heart, great_vessels.paint_veins, great_vessels.paint_aorta, lung_tree.paint_airways,
    liver.paint_liver, kidneys.paint_kidneys, bowel.paint_bowel, upper_organs.paint_spleen,
    upper_organs.paint_stomach, upper_organs.paint_pancreas, upper_organs.paint_adrenals, liver.paint_gallbladder, pelvic_organs.paint_pelvic_organs,
)  # fmt: skip
