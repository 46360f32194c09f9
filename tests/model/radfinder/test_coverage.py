"""Coverage "full" of a released-type network: two passes, each of them the released one on a part of the scan."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_ct_grounding.core.coverage import full_plan, paper_plan
from napari_ct_grounding.core.errors import Cancelled
from napari_ct_grounding.core.geometry import VolumeGeometry
from napari_ct_grounding.core.resampling import spaced_grid
from napari_ct_grounding.core.volume import CTVolume
from napari_ct_grounding.inference.device import choose_device
from napari_ct_grounding.inference.session import GroundingSession
from napari_ct_grounding.model.base import ImageEmbeddings, TextEmbeddings
from napari_ct_grounding.model.radfinder.model import RadFinderModel, ScanVectors
from napari_ct_grounding.model.radfinder.preprocessing import body_positions_mm
from napari_ct_grounding.model.radfinder.window_encoder import WindowFeatures
from napari_ct_grounding.model.upright import upright_volume
from napari_ct_grounding.model.weights.card import WeightsCard

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


def test_in_a_scan_below_one_window_full_leaves_out_what_is_padding_and_paper_counts_it(tiny_config):
    tiny_config["image_preprocessing"]["sliding_window_size"] = [32, 32, 16]
    torch.manual_seed(0)
    model = RadFinderModel.from_config(tiny_config, None).eval()
    seen = {coverage: model.encode_volume(scan_of(5), coverage=coverage) for coverage in ("full", "paper")}
    np.testing.assert_array_equal(seen["full"].depth, seen["paper"].depth)
    # Five slices stand on voxels 5 to 9 of 16; the positions' middles lie at -10.5, 1.5, 13.5 and 25.5 mm above the first.
    np.testing.assert_allclose(seen["full"].depths_mm - 100, [-10.5, 1.5, 13.5, 25.5])
    assert seen["full"].is_valid.tolist() == [False, True, True, False]
    assert seen["paper"].is_valid.all()


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


def tilted(geometry: VolumeGeometry, angle_deg: float, is_sheared: bool) -> VolumeGeometry:
    """The grid turned about the left-right axis through its middle; sheared: stacked along z, as a tilted gantry does."""
    angle, (step_z, step_y, step_x) = np.radians(angle_deg), geometry.spacing_mm
    affine = np.eye(4)
    affine[0, 0] = step_x
    affine[:3, 1] = step_y * np.array([0, np.cos(angle), np.sin(angle)])
    affine[:3, 2] = [0, 0, step_z] if is_sheared else step_z * np.array([0, -np.sin(angle), np.cos(angle)])
    middle = (np.array(geometry.shape) - 1) / 2
    affine[:3, 3] = geometry.world_of_voxel(middle) - affine[:3, :3] @ middle[::-1]
    return VolumeGeometry(affine, geometry.shape)


def tilted_noise(is_sheared: bool, angle_deg: float = 12) -> CTVolume:
    hu = np.random.default_rng(3).integers(-1000, 1000, (32, 40, 38)).astype(np.int16)
    return CTVolume(hu, tilted(VolumeGeometry.from_spacing(hu.shape, (2.0, 0.9, 1.0)), angle_deg, is_sheared))


@pytest.mark.parametrize("is_sheared", [False, True])
def test_each_pass_over_a_tilted_scan_is_paper_on_the_upright_scan_cut_so_bit_for_bit(model, is_sheared, monkeypatch):
    volume = tilted_noise(is_sheared)
    body_mm = body_positions_mm(volume)
    upright = upright_volume(volume, SPACING_MM, body_mm)
    plan = full_plan(spaced_grid(upright.geometry, SPACING_MM), (DEPTH, 32, 32), body_mm)
    assert len(plan.passes) == 2
    # The body leaves the centred crop; what paper cuts is made as wide by hand, of air.
    starts, shapes = zip(*((grid.start, grid.shape) for grid in plan.passes), strict=True)
    papers = []
    for start, shape in zip(starts, shapes, strict=True):
        hu = np.full(shape, -1000, dtype=np.int16)
        kept = [slice(max(0, s), min(s + n, total)) for s, n, total in zip(start, shape, upright.hu.shape, strict=True)]
        inner = tuple(slice(k.start - s, k.stop - s) for k, s in zip(kept, start, strict=True))
        hu[inner] = upright.hu[tuple(kept)]
        papers.append(model.encode_volume(CTVolume(hu, upright.geometry.cropped(start, shape)), coverage="paper"))
    passes = []
    original = model._pass_vectors
    monkeypatch.setattr(model, "_pass_vectors", lambda *args: passes.append(original(*args)) or passes[-1])
    full = model.encode_volume(volume, coverage="full")
    for (depth, retrieval, disease), paper in zip(passes, papers, strict=True):
        np.testing.assert_array_equal(depth, paper.depth)
        np.testing.assert_array_equal(retrieval, paper.retrieval)
        np.testing.assert_array_equal(disease, paper.disease)
    np.testing.assert_array_equal(full.depths_mm, plan.depths_mm)
    assert full.depth_width_mm == 12.0
    assert full.covered_mm == pytest.approx(upright.geometry.z_extent_mm)


@pytest.mark.parametrize("is_sheared", [False, True])
def test_paper_reads_a_tilted_scan_in_its_own_frame(model, is_sheared):
    volume = tilted_noise(is_sheared)
    plan = paper_plan(spaced_grid(volume.geometry, SPACING_MM), (DEPTH, 32, 32))
    seen = model.encode_volume(volume, coverage="paper")
    np.testing.assert_array_equal(seen.depths_mm, plan.depths_mm)
    same = CTVolume(volume.hu, VolumeGeometry.from_spacing(volume.hu.shape, (2.0, 0.9, 1.0)))
    if not is_sheared:
        # The network sees the same voxels, whichever way the stack leans in the world.
        np.testing.assert_allclose(seen.depth, model.encode_volume(same, coverage="paper").depth, atol=1e-3)


def test_a_tilt_below_half_a_degree_is_read_as_it_is(model):
    volume = tilted_noise(False, 0.4)
    assert not model.resamples_upright(volume.geometry, "full")
    plan = full_plan(spaced_grid(volume.geometry, SPACING_MM), (DEPTH, 32, 32), body_positions_mm(volume))
    np.testing.assert_array_equal(model.encode_volume(volume, coverage="full").depths_mm, plan.depths_mm)


class BrightnessReader(torch.nn.Module):
    """Stands in for the window encoder: the share of bone-bright voxels at each depth position."""

    def __init__(self) -> None:
        super().__init__()
        self.cls_token = torch.nn.Parameter(torch.zeros(1, 1, 1))

    def count_flops(self, window: tuple[int, int, int]) -> float:
        return 1.0

    def forward(self, windows: torch.Tensor) -> WindowFeatures:
        bright = (windows > 0.8).float().mean(dim=(1, 2, 3)).unflatten(1, (-1, 4)).mean(dim=2)[..., None]
        return WindowFeatures(bright.mean(dim=1), bright.mean(dim=1), bright)


def as_angles(cls, patch_average, depth, grids) -> ScanVectors:
    """Stands in for combiner and heads: the brighter a position, the nearer to the first axis."""
    share = depth.mean(dim=(1, 2)).flatten(1, 2)[..., 0]
    angle = torch.pi / 2 * (1 - share / share.max())
    vectors = torch.stack([angle.cos(), angle.sin()], dim=-1)
    return ScanVectors(vectors[:, 0], vectors[:, 0], vectors, torch.ones_like(share, dtype=torch.bool))


def bright_level(geometry: VolumeGeometry, z_mm: float) -> CTVolume:
    """A column of water in air, 66 x 66 mm, in which one level of 12 mm is bone."""
    at = geometry.world_of_voxel(np.indices(geometry.shape).transpose(1, 2, 3, 0))
    hu = np.full(geometry.shape, -1000, dtype=np.int16)
    column = (np.abs(at[..., 0] - 35) < 33) & (np.abs(at[..., 1] - 35) < 33)
    hu[column] = 0
    hu[column & (np.abs(at[..., 2] - z_mm) < 6)] = 900
    return CTVolume(hu, geometry)


@pytest.mark.parametrize("z_mm", [130.0, 165.0, 189.0])
@pytest.mark.parametrize(("angle_deg", "is_sheared"), [(0, False), (20, False), (20, True), (-12, True)])
def test_a_tilted_scan_is_grounded_to_the_same_height_as_an_upright_one(
    model, z_mm, angle_deg, is_sheared, monkeypatch
):
    upright = VolumeGeometry.from_spacing((60, 80, 80), (2.0, 0.9, 0.9), (100.0, 0.0, 0.0))
    volume = bright_level(tilted(upright, angle_deg, is_sheared), z_mm)
    monkeypatch.setattr(model.model, "backbone_image", BrightnessReader())
    monkeypatch.setattr(model.model, "embed_scans", as_angles)
    bright = np.array([[1.0, 0.0]], dtype=np.float32)
    monkeypatch.setattr(model, "embed_sentences", lambda sentences: TextEmbeddings(bright, bright))
    session = session_of(model, "full")
    encoded = session.encode(volume)
    (result,) = session.ground(["left kidney"])
    assert abs(result.z_mm - z_mm) <= 6.5
    # The slice named is the one of the file whose middle lies nearest.
    middles = [volume.geometry.z_of_slice(k) for k in range(60)]
    assert result.slice_index == int(np.argmin(np.abs(np.array(middles) - result.z_mm)))
    assert abs(middles[result.slice_index] - result.z_mm) <= 1.0 + 1e-9
    assert encoded.embeddings.covered_body_fraction == 1.0
    assert bool(encoded.notes) == (angle_deg != 0)


def test_in_its_own_frame_a_sheared_scan_smears_a_level_over_many_positions(model, monkeypatch):
    """Why full coverage resamples: the mechanism of the test above fails without it."""
    upright = VolumeGeometry.from_spacing((60, 80, 80), (2.0, 0.9, 0.9), (100.0, 0.0, 0.0))
    volume = bright_level(tilted(upright, 20, True), 165.0)
    monkeypatch.setattr(model.model, "backbone_image", BrightnessReader())
    monkeypatch.setattr(model.model, "embed_scans", as_angles)
    seen = {coverage: model.encode_volume(volume, coverage=coverage) for coverage in ("full", "paper")}
    shares = {coverage: 1 - np.arccos(np.clip(s.depth[:, 0], -1, 1)) / (np.pi / 2) for coverage, s in seen.items()}
    assert (shares["full"] > 0.2).sum() <= 2 < (shares["paper"] > 0.2).sum()


@pytest.mark.parametrize(("coverage", "words"), [("full", "resampled upright"), ("paper", "without resampling")])
def test_a_badge_says_in_which_frame_a_tilted_scan_was_read(model, coverage, words):
    session = session_of(model, coverage)
    (note,) = session.encode(tilted_noise(True)).notes
    assert words in note
    assert "12.0 degrees" in note
    assert session.encode(scan_of(12)).notes == ()


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


@pytest.mark.parametrize("num_slices", [5, 8, 12, 20, 22])
@pytest.mark.parametrize("coverage", ["full", "paper"])
def test_the_workload_is_what_encoding_then_tells(model, num_slices, coverage):
    told = []
    volume = scan_of(num_slices, (50, 40))
    seen = model.encode_volume(volume, coverage=coverage, on_progress=lambda *call: told.append(call))
    work = model.workload(volume, coverage)
    assert told[-1] == (work.num_windows, work.num_windows)
    lo, hi = volume.geometry.z_extent_mm
    assert work.left_out_mm == pytest.approx(hi - lo - (seen.covered_mm[1] - seen.covered_mm[0]))
    assert work.flops == model.model.backbone_image.count_flops((32, 32, 8))


def test_a_window_is_as_long_as_its_voxels_at_the_network_s_spacing(model):
    assert model.window_length_mm == DEPTH * SPACING_MM[0]


def test_the_workload_of_a_geometry_takes_the_body_to_lie_within_the_crop(model):
    volume = scan_of(20, (50, 40))
    assert model.workload(volume.geometry, "full").num_windows == 4
    assert model.workload(volume, "full").num_windows == 8


def test_the_workload_of_a_tilted_scan_is_that_of_the_upright_one(model):
    volume, told = tilted_noise(True), []
    model.encode_volume(volume, coverage="full", on_progress=lambda *call: told.append(call))
    work = model.workload(volume, "full")
    assert told[-1][1] == work.num_windows
    assert work.left_out_mm == 0
