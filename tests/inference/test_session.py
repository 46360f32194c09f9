"""The session, with an oracle for a model: a scan once, sentences at will, depth turned into the right slice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest
import torch

from napari_ct_grounding.core.disease_reference import DiseaseReference
from napari_ct_grounding.core.diseases import CT_RATE_DISEASES, prompt_pairs
from napari_ct_grounding.core.errors import Cancelled, DeviceMemoryError, InputError, SentenceError, WeightsError
from napari_ct_grounding.core.geometry import canonicalise
from napari_ct_grounding.core.location import NUM_TERMS, LocationRule
from napari_ct_grounding.core.volume import CTVolume, SliceRecord
from napari_ct_grounding.inference.session import EncodedVolume, GroundingSession
from napari_ct_grounding.model.weights.card import WeightsCard
from napari_ct_grounding.model.weights.loading import LoadedWeights
from napari_ct_grounding.model.weights.probe import compute_probe
from tests.inference.oracle import DEPTH_WIDTH_MM, OracleModel, body_with_sphere, oracle_session

SENTENCE = "A bright ball."
ORIENTATIONS = list(product(permutations(range(3)), product((False, True), repeat=3)))


def stored_as(volume: CTVolume, axes: tuple[int, ...], flips: tuple[bool, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return array and affine of a file that stores `volume` with its axes permuted and flipped."""
    array = volume.hu.transpose(2, 1, 0)  # (x, y, z), as the affine names them
    affine = volume.geometry.affine.copy()
    array, affine[:, :3] = array.transpose(axes), affine[:, list(axes)]
    for axis, flip in enumerate(flips):
        if flip:
            affine[:3, 3] += affine[:3, axis] * (array.shape[axis] - 1)
            affine[:3, axis] *= -1
            array = np.flip(array, axis)
    return array, affine


@pytest.mark.parametrize(("axes", "flips"), ORIENTATIONS)
def test_the_sphere_is_found_however_the_file_stores_its_axes(axes: tuple[int, ...], flips: tuple[bool, ...]) -> None:
    truth = body_with_sphere()
    array, affine = stored_as(truth, axes, flips)
    canonical = canonicalise(affine, array.shape)
    table = tuple(SliceRecord(canonical.stored_slice_of(i)) for i in range(canonical.geometry.shape[0]))
    volume = CTVolume(canonical.apply(array), canonical.geometry, table)
    np.testing.assert_array_equal(volume.hu, truth.hu)
    session = oracle_session()
    session.encode(volume)
    (result,) = session.ground([SENTENCE])
    assert abs(result.z_mm - truth.geometry.z_of_slice(29)) <= DEPTH_WIDTH_MM
    assert abs(result.slice_index - 29) <= DEPTH_WIDTH_MM / 3.0
    assert result.interval_mm[0] <= truth.geometry.z_of_slice(29) <= result.interval_mm[1]
    # The slice as stored really is the slice shown.
    stored_axis = canonical.axes[0]
    np.testing.assert_array_equal(
        np.sort(np.take(array, result.file_index, axis=stored_axis), axis=None),
        np.sort(volume.hu[result.slice_index], axis=None),
    )


@pytest.mark.parametrize("tilt_deg", [-14.0, 3.0, 20.0])
def test_the_sphere_is_found_in_an_oblique_scan(tilt_deg: float) -> None:
    upright = body_with_sphere()
    angle = np.radians(tilt_deg)
    rotation = np.eye(4)
    rotation[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    affine = rotation @ upright.geometry.affine
    volume = replace(upright, geometry=type(upright.geometry)(affine, upright.geometry.shape))
    session = oracle_session()
    session.encode(volume)
    (result,) = session.ground([SENTENCE])
    assert abs(result.z_mm - volume.geometry.z_of_slice(29)) <= DEPTH_WIDTH_MM
    assert abs(result.slice_index - 29) <= DEPTH_WIDTH_MM / 3.0


@pytest.mark.parametrize("sphere_slice", [0, 1, 20, 38, 39])
@pytest.mark.parametrize("decoding", ["argmax", "median"])
def test_the_first_and_the_last_slice_are_found_too(sphere_slice: int, decoding: str) -> None:
    card = WeightsCard(decoding=decoding, temperature=0.02, interval_temperature=0.05)
    session = oracle_session(card)
    volume = body_with_sphere(sphere_slice)
    session.encode(volume)
    (result,) = session.ground([SENTENCE])
    assert abs(result.z_mm - volume.geometry.z_of_slice(sphere_slice)) <= DEPTH_WIDTH_MM


def test_a_result_holds_what_the_reader_of_it_needs() -> None:
    volume = body_with_sphere()
    records = tuple(SliceRecord(39 - i, image_number=40 - i, series_number=4) for i in range(40))
    session = oracle_session()
    session.encode(replace(volume, slice_table=records))
    (result,) = session.ground(["  a bright \n ball "])
    assert result.sentence == "  a bright \n ball "
    assert result.image_number == 40 - result.slice_index
    assert result.file_index == 39 - result.slice_index
    assert result.score == pytest.approx(np.nanmax(result.profile))
    assert result.score == pytest.approx(1.0)
    assert result.depths_mm.shape == result.profile.shape == (10,)
    assert result.depth_width_mm == DEPTH_WIDTH_MM
    assert result.covered_mm == (-501.5, -381.5)
    assert abs(result.peaks_mm[0] - result.z_mm) <= DEPTH_WIDTH_MM
    assert result.has_location
    assert not result.is_calibrated


def test_the_image_side_runs_once_a_scan() -> None:
    session = oracle_session()
    first, second = body_with_sphere(10), body_with_sphere(29)
    session.encode(first)
    session.encode(second)
    again = session.encode(first)
    session.ground([SENTENCE])
    assert session.model.num_encoded == 2
    # The last one asked for answers, not the last one computed.
    (result,) = session.ground([SENTENCE])
    assert abs(result.slice_index - 10) <= 4
    assert again.volume_fingerprint == first.fingerprint


def test_the_same_voxels_under_another_name_keep_their_own_image_numbers() -> None:
    session = oracle_session()
    nifti = body_with_sphere()
    dicom = replace(nifti, name="series 4", slice_table=tuple(SliceRecord(i, image_number=i + 1) for i in range(40)))
    session.encode(nifti)
    assert session.ground([SENTENCE])[0].image_number is None
    encoded = session.encode(dicom)
    assert session.model.num_encoded == 1
    assert encoded.name == "series 4"
    (result,) = session.ground([SENTENCE])
    assert result.image_number == result.slice_index + 1


def test_a_sentence_met_before_is_not_embedded_again() -> None:
    session = oracle_session()
    session.encode(body_with_sphere())
    session.ground([SENTENCE, "another", SENTENCE])
    session.ground(["another"])
    assert session.model.embedded_sentences == [SENTENCE, "another"]


def test_progress_counts_to_the_end_and_cancel_stops_within_one_window() -> None:
    session = oracle_session()
    volume = body_with_sphere()
    seen: list[tuple[int, int]] = []
    with pytest.raises(Cancelled):
        session.encode(volume, on_progress=lambda *step: seen.append(step), cancel=lambda: len(seen) == 3)
    assert seen == [(1, 10), (2, 10), (3, 10)]
    with pytest.raises(InputError, match="encode"):
        session.ground([SENTENCE])  # nothing is kept of a cancelled scan
    seen.clear()
    session.encode(volume, on_progress=lambda *step: seen.append(step))
    assert seen[-1] == (10, 10)


def test_cancelling_one_scan_leaves_the_last_one_in_place() -> None:
    session = oracle_session()
    session.encode(body_with_sphere(29))
    with pytest.raises(Cancelled):
        session.encode(body_with_sphere(5), cancel=lambda: True)
    assert abs(session.ground([SENTENCE])[0].slice_index - 29) <= 4


def test_sentences_that_cannot_be_embedded_are_refused_in_plain_words() -> None:
    session = oracle_session()
    session.encode(body_with_sphere())
    with pytest.raises(SentenceError, match="empty"):
        session.ground(["fine", "  "])
    with pytest.raises(SentenceError, match="2000 words"):
        session.ground(["word " * 2000])
    with pytest.raises(SentenceError, match="75% of the sentence is unknown"):
        session.ground(["xxa xxb xxc bright"])
    with pytest.raises(SentenceError, match="brackets"):
        session.ground("one string")
    assert session.model.embedded_sentences == []
    assert session.ground(["xxa bright"])[0].has_location  # half of it known is enough


def test_no_sentences_give_no_results() -> None:
    session = oracle_session()
    session.encode(body_with_sphere())
    assert session.ground([]) == []
    assert session.score_diseases([]) == []


def test_a_coverage_that_the_weights_do_not_offer_is_refused_with_those_they_do() -> None:
    with pytest.raises(InputError, match=r"'everything'.*masked, paper"):
        oracle_session(coverage="everything")
    assert oracle_session().coverage == "masked"


def test_full_coverage_of_masked_weights_is_their_one_pass() -> None:
    assert oracle_session(coverage="full").coverage == "masked"


def test_the_coverage_asked_for_reaches_the_model_and_is_told() -> None:
    session = oracle_session(coverage="paper")
    assert session.encode(body_with_sphere()).coverage == "paper"
    assert session.model.coverages_used == ["paper"]


def test_a_scan_encoded_with_other_weights_is_refused() -> None:
    session = oracle_session()
    encoded = replace(session.encode(body_with_sphere()), weights_fingerprint="f" * 32)
    with pytest.raises(InputError, match="other weights"):
        session.ground([SENTENCE], encoded)
    with pytest.raises(InputError, match="other weights"):
        session.score_diseases(encoded=encoded)


def test_an_older_scan_can_be_asked_again() -> None:
    session = oracle_session()
    old: EncodedVolume = session.encode(body_with_sphere(8))
    session.encode(body_with_sphere(31))
    assert abs(session.ground([SENTENCE], old)[0].slice_index - 8) <= 4


def test_disease_scores_follow_the_formula_of_the_released_evaluation() -> None:
    session = oracle_session()
    encoded = session.encode(body_with_sphere())
    scores = session.score_diseases()
    assert sorted(entry.name for entry in scores) == sorted(CT_RATE_DISEASES)
    assert [entry.score for entry in scores] == sorted((entry.score for entry in scores), reverse=True)
    assert all(entry.probability is None for entry in scores)
    for entry in scores:
        cosines = []
        for sign in (0, 1):
            prompts = [pair[sign] for pair in prompt_pairs(entry.name)]
            vectors = [session.model.embed_sentences([prompt]).report[0].astype(np.float64) for prompt in prompts]
            mean = np.mean([v / np.linalg.norm(v) for v in vectors], axis=0)
            cosines.append(mean @ encoded.embeddings.disease / np.linalg.norm(mean))
        expected = np.exp(cosines[0]) / (np.exp(cosines[0]) + np.exp(cosines[1]))
        assert entry.score == pytest.approx(expected, abs=1e-6)
    assert len({entry.score for entry in scores}) > 5  # the oracle tells wordings apart, so a mix-up would show


def test_a_term_of_the_users_own_can_be_scored() -> None:
    session = oracle_session()
    session.encode(body_with_sphere())
    assert [entry.name for entry in session.score_diseases([" Gallstones "])] == ["Gallstones"]


def test_text_vectors_come_in_the_order_of_the_sentences() -> None:
    session = oracle_session()
    session.embed_text(["b"])
    vectors = session.embed_text(["a", "b", "a"])
    assert vectors.shape == (3, 2)
    np.testing.assert_array_equal(vectors[0], vectors[2])
    np.testing.assert_array_equal(vectors[1:2], session.embed_text(["b"]))
    assert not np.array_equal(vectors[0], vectors[1])


def test_a_flat_profile_names_no_location() -> None:
    session = oracle_session()
    session.encode(body_with_sphere(sphere_slice=-100))  # no sphere inside
    (result,) = session.ground([SENTENCE])
    assert not result.has_location
    assert result.interval_mm[1] - result.interval_mm[0] >= 0.75 * 120


def test_a_profile_below_the_cards_threshold_names_no_location() -> None:
    sharp = WeightsCard(interval_temperature=0.05, location_threshold=0.5)
    strict = WeightsCard(interval_temperature=0.05, location_threshold=1.5)  # more than a cosine can be
    for card, has_location in ((sharp, True), (strict, False)):
        session = oracle_session(card)
        session.encode(body_with_sphere())
        assert session.ground([SENTENCE])[0].has_location is has_location


def rule_on_the_best_cosine(threshold: float) -> LocationRule:
    """A rule that looks at the first figure alone."""
    weights = np.zeros(NUM_TERMS)
    weights[1] = 1.0
    levels = np.eye(2, dtype=np.float32)
    return LocationRule(0.05, 0.05, levels, levels[0], np.zeros(7), np.ones(7), weights, threshold)


@pytest.mark.parametrize(("threshold", "has_location"), [(0.9, True), (1.1, False)])
def test_a_learned_rule_decides_in_place_of_the_threshold(threshold: float, has_location: bool) -> None:
    session = oracle_session(
        WeightsCard(interval_temperature=0.05, location_threshold=1.5, location_rule=rule_on_the_best_cosine(threshold))
    )
    session.encode(body_with_sphere())
    assert session.ground([SENTENCE])[0].has_location is has_location


def test_the_conformal_radius_widens_the_interval_on_both_sides() -> None:
    intervals = []
    for radius_mm in (0.0, 7.0):
        session = oracle_session(WeightsCard(interval_temperature=0.05, interval_radius_mm=radius_mm))
        session.encode(body_with_sphere())
        intervals.append(session.ground([SENTENCE])[0].interval_mm)
    (low, high), widened = intervals
    assert widened == (low - 7.0, high + 7.0)


def test_a_score_is_placed_among_the_reference_scans_of_the_card() -> None:
    session = oracle_session()
    session.encode(body_with_sphere())
    (plain,) = session.score_diseases(["Emphysema"])
    assert (plain.probability, plain.percentile) == (None, None)
    quantiles = (plain.score - 0.2, plain.score - 0.1, plain.score + 0.3)
    reference = DiseaseReference(quantiles, 30, (plain.score - 0.1, plain.score + 0.1), (0.2, 0.4))
    session = oracle_session(WeightsCard(disease_reference={"Emphysema": reference}))
    session.encode(body_with_sphere())
    (placed,) = session.score_diseases(["Emphysema"])
    assert placed.score == plain.score
    assert placed.percentile == pytest.approx(50 + 50 * 0.1 / 0.4)
    assert placed.probability == pytest.approx(0.3)


def test_the_interval_grows_with_the_cards_mass_and_temperature() -> None:
    def width_mm(**fields: float) -> float:
        session = oracle_session(WeightsCard(**fields))
        session.encode(body_with_sphere())
        lo, hi = session.ground([SENTENCE])[0].interval_mm
        return hi - lo

    assert width_mm(interval_temperature=0.05) == DEPTH_WIDTH_MM
    assert width_mm(interval_temperature=0.5) > width_mm(interval_temperature=0.3) > DEPTH_WIDTH_MM
    assert width_mm(interval_temperature=0.3, interval_mass=0.95) > width_mm(
        interval_temperature=0.3, interval_mass=0.5
    )


def test_a_position_outside_the_scan_is_never_the_answer_and_shows_as_nan() -> None:
    session = oracle_session()
    encoded = session.encode(body_with_sphere())
    seen = encoded.embeddings
    best = int((seen.depth @ [1, 0]).argmax())
    valid = np.arange(len(seen.depths_mm)) != best
    (result,) = session.ground([SENTENCE], replace(encoded, embeddings=replace(seen, is_valid=valid)))
    assert np.isnan(result.profile[best])
    assert np.isfinite(result.profile[valid]).all()
    assert result.z_mm != seen.depths_mm[best]
    assert result.score == pytest.approx(float((seen.depth[valid] @ [1, 0]).max()))


def test_a_scan_of_one_depth_position_is_answered_without_a_location() -> None:
    session = oracle_session()
    session.encode(body_with_sphere(sphere_slice=1, shape=(3, 24, 28)))
    (result,) = session.ground([SENTENCE])
    assert result.depths_mm.shape == (1,)
    assert result.interval_mm[1] - result.interval_mm[0] == DEPTH_WIDTH_MM
    assert not result.has_location


def test_a_scan_without_lung_holds_no_chest() -> None:
    session = oracle_session()
    volume = body_with_sphere()
    assert not session.encode(volume).holds_chest
    hu = volume.hu.copy()
    hu[5:30, 8:16, 6:12] = hu[5:30, 8:16, 16:22] = -800
    chest = session.encode(replace(volume, hu=hu))
    assert chest.holds_chest
    # 2 lungs of 25 x 8 x 6 voxels of 3 x 12 x 11 mm; the mask's coarse grid and its opening take some off.
    assert chest.lung_ml == pytest.approx(2 * 25 * 8 * 6 * 3 * 12 * 11 / 1000, rel=0.2)


# From weights to a session ---------------------------------------------------------------------------------------


@pytest.fixture
def weights_on_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict | None], list[tuple]]:
    """Return a function that lets weights with this probe be found, and gives the list of what was asked for."""

    def provide(probe: dict | None) -> list[tuple]:
        asked: list[tuple] = []

        def load(name: object, device: object, **options: object) -> LoadedWeights:
            asked.append((name, str(device), options))
            return LoadedWeights(OracleModel().eval(), WeightsCard(name="oracle", probe=probe), "ab" * 8, "oracle")

        monkeypatch.setattr("napari_ct_grounding.inference.session.load_weights", load)
        return asked

    return provide


def test_a_session_knows_its_weights_its_device_and_its_coverage(weights_on_disk) -> None:
    asked = weights_on_disk(compute_probe(OracleModel()))
    session = GroundingSession.from_pretrained("folder", device="cpu", coverage="paper", tokenizer="t")
    assert asked == [("folder", "cpu", {"tokenizer": "t", "accept_licence": False})]
    assert (session.weights_name, session.weights_fingerprint, session.coverage) == ("oracle", "ab" * 8, "paper")
    assert session.device.device.type == "cpu"
    assert session.encode(body_with_sphere()).weights_fingerprint == "ab" * 8


def test_weights_that_do_not_give_the_recorded_probe_are_refused(weights_on_disk) -> None:
    weights_on_disk(compute_probe(OracleModel()) | {"image": [0.0, 1.0]})
    with pytest.raises(WeightsError, match="image embedding"):
        GroundingSession.from_pretrained("folder", device="cpu")


def test_weights_without_a_recorded_probe_load(weights_on_disk) -> None:
    weights_on_disk(None)
    assert GroundingSession.from_pretrained("folder", device="cpu").card.probe is None


def test_a_device_that_cannot_be_had_is_told_before_weights_are_read(weights_on_disk) -> None:
    asked = weights_on_disk(None)
    with pytest.raises(InputError, match="unknown"):
        GroundingSession.from_pretrained("folder", device="gpu")
    assert asked == []


@pytest.mark.parametrize("wish", ["float32", "bfloat16"])
def test_a_session_computes_in_the_precision_asked_for_and_keys_its_encodings_by_it(
    weights_on_disk, monkeypatch, wish
) -> None:
    weights_on_disk(None)
    monkeypatch.setattr("napari_ct_grounding.inference.session.check_first_probe", lambda *_: None)
    monkeypatch.setattr(OracleModel, "precisions", ("float32", "bfloat16"))
    chosen: list[str] = []
    monkeypatch.setattr(OracleModel, "set_precision", lambda self, precision: chosen.append(precision))
    session = GroundingSession.from_pretrained("folder", device="cpu", precision=wish, cache=None)
    assert (session.precision, chosen) == (wish, [wish])


@pytest.mark.parametrize("wish", ["bfloat16", "float16"])
def test_a_precision_that_the_weights_do_not_offer_is_refused(weights_on_disk, wish) -> None:
    asked = weights_on_disk(None)
    with pytest.raises(InputError, match="float32"):
        GroundingSession.from_pretrained("folder", device="cpu", precision=wish, cache=None)
    assert len(asked) == (wish == "bfloat16")  # what no weights offer is told before any are loaded


def test_a_device_without_memory_for_the_network_is_told_in_one_sentence(monkeypatch) -> None:
    session = oracle_session()

    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")

    monkeypatch.setattr(OracleModel, "encode_volume", full)
    with pytest.raises(DeviceMemoryError, match="too little free memory"):
        session.encode(body_with_sphere())
    monkeypatch.setattr(OracleModel, "embed_sentences", full)
    with pytest.raises(DeviceMemoryError, match="too little free memory"):
        session.embed_text([SENTENCE])
