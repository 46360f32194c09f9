"""The phantom scans: anatomy in order, truth exact, everything in the catalogue drawn."""

import itertools
from functools import cache

import numpy as np
import pytest

from napari_ct_grounding.core.diseases import CT_RATE_DISEASES
from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.phantom.body import make_person
from napari_ct_grounding.phantom.catalogue import FINDINGS, LANDMARKS, finding_target, split_target
from napari_ct_grounding.phantom.choice import fits, reach_of
from napari_ct_grounding.phantom.scan import PhantomScan, generate_scan

COARSE = (5.0, 6.0, 6.0)
_ENDS = {finding_target(kind.name, kind.places[k]) for kind in FINDINGS.values() for k in (0, -1)}
# A woman with contrast, and a man for what she cannot have.
PERSON, MAN = 10, 12
WHOLE = (-640.0, 330.0)


@cache
def whole_body(seed: int, findings: tuple[str, ...] = (), z_range: tuple[float, float] = WHOLE) -> PhantomScan:
    return generate_scan(seed, spacing_mm=COARSE, z_range=z_range, findings=findings, noise=False, fov_mm=480.0)


def place_of(scan: PhantomScan, name: str) -> tuple[float, float]:
    target = next(t for t in scan.targets if t.name == name)
    return target.z_lo_mm - scan.carina_z_mm, target.z_hi_mm - scan.carina_z_mm


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not():
    first, second, other = (generate_scan(seed, spacing_mm=(10.0, 8.0, 8.0)) for seed in (3, 3, 4))
    assert first.volume.fingerprint == second.volume.fingerprint
    assert first.targets == second.targets
    assert first.volume.fingerprint != other.volume.fingerprint


def test_the_volume_is_an_upright_int16_ct():
    volume = generate_scan(1, spacing_mm=(5.0, 8.0, 6.0)).volume
    assert volume.hu.dtype == np.int16
    assert volume.geometry.spacing_mm == pytest.approx((5.0, 8.0, 6.0))
    assert volume.geometry.obliquity_deg == pytest.approx(0.0)


def test_every_landmark_of_the_catalogue_appears_in_a_few_whole_bodies_and_no_other():
    seen = {t.name for seed in (0, 3, 10) for t in whole_body(seed).targets}
    assert seen == set(LANDMARKS)


@pytest.mark.parametrize("seed", [0, 3, 10])
def test_levels_follow_each_other_from_feet_to_head(seed):
    scan = whole_body(seed)
    order = ["pubic_symphysis", "iliac_crest_right", "kidney_right", "diaphragm_dome_right", "carina", "lung_apex_right",
             "larynx", "skull_base"]  # fmt: skip
    middles = [sum(place_of(scan, name)) / 2 for name in order]
    assert middles == sorted(middles)
    spine = [f"vertebra_l{n}" for n in range(5, 0, -1)] + [f"vertebra_t{n}" for n in range(12, 0, -1)] + ["vertebra_c7"]
    levels = [place_of(scan, name) for name in spine]
    assert all(below[1] < above[0] for below, above in itertools.pairwise(levels))


def test_the_liver_is_dense_on_the_right_where_x_is_large():
    scan = whole_body(PERSON)
    low, high = place_of(scan, "liver")
    k = scan.volume.geometry.slice_of_z(scan.carina_z_mm + low + 0.75 * (high - low))
    plane = scan.volume.hu[k]
    half = plane.shape[1] // 2
    dense = (plane > 20) & (plane < 250)
    assert dense[:, half:].sum() > 1.5 * dense[:, :half].sum()


@pytest.mark.parametrize(("target", "right"), [("kidney_cyst@right", True), ("kidney_cyst@left", False)])
def test_a_right_finding_lies_where_x_is_large(target, right):
    changed = np.abs(whole_body(PERSON, (target,)).volume.hu.astype(int) - whole_body(PERSON).volume.hu) > 25
    assert (np.nonzero(changed)[2].mean() > changed.shape[2] / 2) == right


def _groups() -> list[tuple[int, tuple[str, ...]]]:
    """Return every kind at two of its places, in groups of one person whose members lie apart along z.

    So the change of each can be told from those of the others.
    """
    groups: list[tuple[int, list[str]]] = []
    for target in sorted(_ENDS, key=lambda name: (sum(reach_of(name)), name)):
        seed = PERSON if fits(FINDINGS[split_target(target)[0]], make_person(PERSON)) else MAN
        low, high = reach_of(target)
        for owner, group in groups:
            if owner == seed and all(high + 55 < reach_of(o)[0] or low - 55 > reach_of(o)[1] for o in group):
                group.append(target)
                break
        else:
            groups.append((seed, [target]))
    return [(seed, tuple(group)) for seed, group in groups]


@pytest.mark.parametrize(("seed", "group"), _groups())
def test_the_truth_of_a_finding_is_the_range_of_the_slices_it_changed(seed, group):
    plain, ill = whole_body(seed), whole_body(seed, group)
    assert {t.name for t in ill.findings} == set(group)
    # A finding that shapes its organ (a larger heart) shows little at its ends; so does one as dense as its neighbours.
    changed = (np.abs(ill.volume.hu.astype(int) - plain.volume.hu) > 20).any(axis=(1, 2))
    step = COARSE[0]
    z = np.array([ill.volume.geometry.z_of_slice(k) for k in range(len(changed))])
    explained = np.zeros(len(z), bool)
    for truth in ill.findings:
        inside = (z > truth.z_lo_mm - step / 2) & (z < truth.z_hi_mm + step / 2)
        assert changed[inside].any(), f"nothing was painted of {truth.name}"
        span = np.flatnonzero(changed & inside)
        covered = (span[-1] - span[0] + 1) * step
        assert covered > 0.7 * (truth.z_hi_mm - truth.z_lo_mm), truth.name
        # Above a stone the ureter and the renal pelvis are wide.
        above = 160 if truth.name.startswith("ureteral_stone") else 1.7 * step
        explained |= (z > truth.z_lo_mm - 1.7 * step) & (z < truth.z_hi_mm + above)
    assert not (changed & ~explained).any(), group


def test_a_target_cut_by_the_scan_says_how_much_is_seen():
    scan = generate_scan(PERSON, spacing_mm=COARSE, z_range=(-240.0, 0.0), findings=())
    cut = [t for t in scan.targets if t.visible_fraction < 0.99]
    low, high = scan.volume.geometry.z_extent_mm
    assert cut
    assert all(low - 3 <= t.z_lo_mm <= t.z_hi_mm <= high + 3 for t in scan.targets)
    assert "larynx" in scan.absent


def test_random_findings_lie_in_the_scan_and_their_diseases_are_ct_rate_names():
    names = set()
    for seed in range(12):
        scan = generate_scan(seed, spacing_mm=(8.0, 10.0, 10.0))
        assert len(scan.findings) >= 0.75 * len(scan.facts["findings"])
        assert scan.diseases <= set(CT_RATE_DISEASES)
        names |= {t.name for t in scan.findings}
    assert len(names) > 25


def test_one_person_scanned_again_keeps_anatomy_and_findings():
    wish = ("lung_mass@right_upper_lobe",)
    chest = generate_scan(5, spacing_mm=COARSE, z_range=(-215.0, 95.0), findings=wish)
    longer = generate_scan(5, spacing_mm=(3.0, 8.0, 8.0), z_range=(-400.0, 120.0), findings=wish)
    for name in ("carina", "vertebra_t8", "heart", *wish):
        assert place_of(chest, name) == pytest.approx(place_of(longer, name), abs=0.5)


def test_body_and_lung_areas_are_those_of_people():
    lungs, bodies = [], []
    for seed in range(8):
        scan = generate_scan(seed, spacing_mm=COARSE, z_range=(-200.0, 60.0), findings=(), noise=False, fov_mm=480.0)
        plane = scan.volume.hu[scan.volume.geometry.slice_of_z(scan.carina_z_mm - 75)]
        cm2 = COARSE[1] * COARSE[2] / 100
        bodies.append((plane > -300).sum() * cm2 + ((plane < -600) & (plane > -930)).sum() * cm2)
        lungs.append(((plane < -600) & (plane > -930)).sum() * cm2)
    # Measured in one man: body 776, lung 286 square centimetres.
    assert 500 < np.mean(bodies) < 1050
    assert 170 < np.mean(lungs) < 400


def test_an_unknown_finding_is_refused_by_name():
    with pytest.raises(InputError, match="lung_nodule@knee"):
        generate_scan(0, findings=("lung_nodule@knee",))
