"""Coverage "full" of a released-type network: two passes, each of them the released one on a part of the scan."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_ct_grounding.core.coverage import full_plan
from napari_ct_grounding.core.errors import Cancelled
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.resampling import spaced_grid
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.inference.device import choose_device
from napari_ct_grounding.inference.session import GroundingSession
from napari_ct_grounding.model.base import ImageEmbeddings
from napari_ct_grounding.model.card import WeightsCard
from napari_ct_grounding.model.preprocessing import body_positions_mm
from napari_ct_grounding.model.radfinder import RadFinderModel

SPACING_MM = (3.0, 0.75, 0.75)
#: Voxels along z of the tiny network's window; a depth position takes four of them.
DEPTH = 8


@pytest.fixture
def model(tiny_config, tiny_tokenizer_folder) -> RadFinderModel:
    torch.manual_seed(0)
    return RadFinderModel.from_config(tiny_config, tiny_tokenizer_folder).eval()


def scan_of(num_slices: int, shape_yx: tuple[int, int] = (40, 70)) -> CTVolume:
    """A scan at the network's own spacing, so that cutting it and preparing it can change places."""
    hu = np.random.default_rng(num_slices).integers(-400, 1000, (num_slices, *shape_yx)).astype(np.int16)
    return CTVolume(hu, VolumeGeometry.from_spacing(hu.shape, SPACING_MM, (100.0, -20.0, 5.0)))


def cut(volume: CTVolume, start: int, num_slices: int) -> CTVolume:
    shape = (num_slices, *volume.hu.shape[1:])
    return CTVolume(volume.hu[start : start + num_slices], volume.geometry.cropped((start, 0, 0), shape))


def assert_same(found: ImageEmbeddings, expected: ImageEmbeddings) -> None:
    for name in ("depth", "depths_mm", "is_valid", "retrieval", "disease"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)
    assert found.covered_mm == expected.covered_mm
    assert found.covered_body_fraction == expected.covered_body_fraction


@pytest.mark.parametrize("num_slices", [5, 7, 8, 11, 16, 19])
def test_where_one_pass_suffices_full_is_paper_to_the_last_bit(model, num_slices):
    # The body of a scan of noise fills it, but leaves the crop in plane by 2.25 mm only.
    volume = scan_of(num_slices)
    assert_same(model.encode_volume(volume, coverage="full"), model.encode_volume(volume, coverage="paper"))


@pytest.mark.parametrize("num_slices", [12, 15, 20, 22, 23, 28])
def test_full_is_the_mix_of_paper_on_the_two_parts_of_the_scan(model, num_slices):
    volume = scan_of(num_slices)
    whole = num_slices // DEPTH * DEPTH
    lower = model.encode_volume(cut(volume, 0, whole), coverage="paper")
    upper = model.encode_volume(cut(volume, num_slices - whole, whole), coverage="paper")
    full = model.encode_volume(volume, coverage="full")

    # Written anew in mm: voxels of 3 mm, centred on 100, 103 ...; both passes hold [n - whole, whole).
    begin, end = 100 + 3 * (num_slices - whole - 0.5), 100 + 3 * (whole - 0.5)
    share = np.clip((end - full.depths_mm) / (end - begin), 0, 1)
    expected = np.empty_like(full.depth)
    for channel in range(full.depth.shape[1]):
        below = np.interp(full.depths_mm, lower.depths_mm, lower.depth[:, channel])
        above = np.interp(full.depths_mm, upper.depths_mm, upper.depth[:, channel])
        expected[:, channel] = share * below + (1 - share) * above
    np.testing.assert_allclose(full.depth, expected, atol=1e-6)
    assert not np.allclose(lower.retrieval, upper.retrieval, atol=1e-6)
    np.testing.assert_allclose(full.retrieval, (lower.retrieval + upper.retrieval) / 2, atol=1e-6)
    np.testing.assert_allclose(full.disease, (lower.disease + upper.disease) / 2, atol=1e-6)

    assert full.depths_mm[0] == lower.depths_mm[0]
    assert full.depths_mm[-1] == pytest.approx(upper.depths_mm[-1])
    assert full.depth_width_mm == pytest.approx(12.0)
    assert full.is_valid.all()
    assert {array.dtype for array in (full.depth, full.retrieval, full.disease)} == {np.dtype(np.float32)}


@pytest.mark.parametrize("num_slices", [12, 15, 21])
def test_the_vectors_of_each_pass_are_those_of_paper_bit_for_bit(model, num_slices, monkeypatch):
    volume = scan_of(num_slices)
    whole = num_slices // DEPTH * DEPTH
    parts = [cut(volume, start, whole) for start in (0, num_slices - whole)]
    papers = [model.encode_volume(part, coverage="paper") for part in parts]
    passes = []
    original = model._pass_vectors
    monkeypatch.setattr(model, "_pass_vectors", lambda *args: passes.append(original(*args)) or passes[-1])
    model.encode_volume(volume, coverage="full")
    assert len(passes) == 2
    for (depth, retrieval, disease), paper in zip(passes, papers, strict=True):
        np.testing.assert_array_equal(depth, paper.depth)
        np.testing.assert_array_equal(retrieval, paper.retrieval)
        np.testing.assert_array_equal(disease, paper.disease)


def test_the_whole_scan_counts_as_seen(model):
    volume = scan_of(22)
    full = model.encode_volume(volume, coverage="full")
    paper = model.encode_volume(volume, coverage="paper")
    assert full.covered_mm == pytest.approx(volume.geometry.z_extent_mm)
    assert paper.covered_mm[1] - paper.covered_mm[0] < 22 * 3 - 3
    assert full.covered_body_fraction > paper.covered_body_fraction

    hu = volume.hu.copy()
    hu[:, :5] = hu[:, 36:] = hu[:, :, :4] = hu[:, :, 66:] = -1000
    inside = CTVolume(hu, volume.geometry)
    assert model.encode_volume(inside, coverage="full").covered_body_fraction == 1.0


def test_progress_counts_the_windows_of_both_passes(model):
    told = []
    model.encode_volume(scan_of(20), on_progress=lambda *call: told.append(call))
    # Two passes of 2 x 1 x 2 windows.
    assert told == [(done + 1, 8) for done in range(8)]


@pytest.mark.parametrize("num_wanted", [0, 3, 4, 6, 8])
def test_encoding_stops_between_windows_of_either_pass(model, num_wanted):
    done = []
    with pytest.raises(Cancelled, match=f"after {num_wanted} of 8 windows"):
        model.encode_volume(
            scan_of(20), on_progress=lambda n, _: done.append(n), cancel=lambda: len(done) == num_wanted
        )
    assert done == list(range(1, num_wanted + 1))


def test_an_axis_that_the_body_leaves_is_padded_with_air_in_both_passes(model):
    # 50 voxels of 0.75 mm along y: the crop keeps 32, from 9 on; the body reaches 6.75 mm and more beyond it.
    wide = scan_of(20, (50, 40))
    padded = np.full((20, 64, 40), -1000, dtype=np.int16)
    padded[:, 7:57] = wide.hu
    by_hand = CTVolume(padded, wide.geometry.cropped((0, -7, 0), padded.shape))
    told = []
    full = model.encode_volume(wide, coverage="full", on_progress=lambda *call: told.append(call))
    assert told[-1] == (2 * 2 * 2, 2 * 2 * 2)
    expected = model.encode_volume(by_hand, coverage="full")
    np.testing.assert_array_equal(full.depth, expected.depth)
    np.testing.assert_array_equal(full.disease, expected.disease)


@pytest.mark.parametrize("is_sheared", [False, True])
def test_oblique_and_tilted_scans_are_encoded(model, is_sheared):
    angle = np.radians(12)
    affine = np.eye(4)
    affine[:3, 1] = 0.9 * np.array([0, np.cos(angle), np.sin(angle)])
    affine[:3, 2] = [0, 0, 2.0] if is_sheared else 2.0 * np.array([0, -np.sin(angle), np.cos(angle)])
    hu = np.random.default_rng(3).integers(-1000, 1000, (32, 40, 38)).astype(np.int16)
    volume = CTVolume(hu, VolumeGeometry(affine, hu.shape))
    plan = full_plan(spaced_grid(volume.geometry, SPACING_MM), (8, 32, 32), body_positions_mm(volume))
    assert len(plan.passes) == 2
    seen = model.encode_volume(volume)
    assert np.isfinite(seen.depth).all()
    assert np.diff(seen.depths_mm).min() > 0
    np.testing.assert_array_equal(seen.depths_mm, plan.depths_mm)


def session_of(model: RadFinderModel, coverage: str) -> GroundingSession:
    return GroundingSession(
        model,
        WeightsCard(name="tiny"),
        weights_name="tiny",
        weights_fingerprint="0" * 32,
        device=choose_device("cpu"),
        coverage=coverage,
    )


@pytest.mark.parametrize(("asked", "used"), [("auto", "full"), ("full", "full"), ("paper", "paper")])
def test_a_session_says_which_coverage_it_used(model, asked, used):
    encoded = session_of(model, asked).encode(scan_of(12))
    assert encoded.coverage == used
    assert len(encoded.embeddings.depths_mm) == {"full": 3, "paper": 2}[used]


def test_a_session_answers_with_the_mixed_cosines_as_they_are(model):
    volume = scan_of(23)
    session = session_of(model, "full")
    encoded = session.encode(volume)
    (result,) = session.ground(["left kidney"])
    sentence = model.embed_sentences(["left kidney"]).localization[0]
    lengths = np.linalg.norm(encoded.embeddings.depth, axis=1)
    assert lengths.min() < 1 - 1e-5
    np.testing.assert_allclose(result.profile, encoded.embeddings.depth @ sentence, atol=1e-6)
    assert result.covered_mm == pytest.approx(volume.geometry.z_extent_mm)
    assert result.interval_mm[1] - result.interval_mm[0] >= 12 - 1e-6
    assert len(session.score_diseases(["lung nodule"])) == 1
