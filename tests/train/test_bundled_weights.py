"""The weights that ship: do they still do what their card says?"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from napari_ct_grounding import GroundingSession
from napari_ct_grounding.widgets.sample import demo_chest
from train.evaluate import Decoding
from train.evaluation.real_sentences import evaluate_real

ROOT = Path(__file__).parents[2]
WEIGHTS = ROOT / "napari_ct_grounding" / "weights" / "bundled"
SAMPLE = ROOT / "napari_ct_grounding" / "sample_data"


@pytest.fixture(scope="module")
def session() -> GroundingSession:
    return GroundingSession.from_pretrained("bundled", device="cpu")


def test_they_are_small_enough_to_ship() -> None:
    assert sum(path.stat().st_size for path in WEIGHTS.glob("*.safetensors")) <= 24e6
    assert (SAMPLE / "demo_chest.nii.gz").stat().st_size <= 6e6


def test_their_card_holds_the_figures_that_the_first_edition_had_to_reach(session) -> None:
    localization = session.card.metrics["phantoms"]["localization"]["all"]
    assert localization["ratio_to_prior"] <= 0.5
    assert localization["ratio_to_middle"] <= 0.25
    assert session.card.metrics["real"]["localization"]["real"]["ratio_to_middle"] <= 0.6


def test_each_sentence_of_the_demo_case_lands_in_or_next_to_what_it_names(session) -> None:
    volume = demo_chest()[0][1]["metadata"]["ct_volume"]
    truth = {f["label"]: f for f in json.loads((SAMPLE / "demo_chest.json").read_text(encoding="utf-8"))["findings"]}
    wanted = {
        "Mass in the left hilum.": "lung_mass@left_hilum",
        "Scarring at the right lung apex.": "apical_scarring@right_apex",
        "Enlarged subcarinal lymph nodes.": "lymphadenopathy@subcarinal",
        "Right pleural effusion.": "pleural_effusion@right",
        "Rechtsseitiger Pleuraerguss.": "pleural_effusion@right",
        "Calcified plaques in the aortic arch.": "aortic_calcification@aortic_arch",
        "Cyst in the right lobe of the liver.": "liver_cyst@right_lobe",
    }
    results = session.ground(list(wanted), session.encode(volume))
    for result, label in zip(results, wanted.values(), strict=True):
        margin_mm = 2 * result.depth_width_mm
        assert truth[label]["z_lo_mm"] - margin_mm <= result.z_mm <= truth[label]["z_hi_mm"] + margin_mm, (
            result.sentence
        )
        assert result.has_location


@pytest.mark.real
@pytest.mark.skipif(
    "CT_GROUNDING_TEST_DATA" not in os.environ, reason="CT_GROUNDING_TEST_DATA names no folder of real CT"
)
def test_on_real_scans_they_err_far_less_than_the_middle_slice(session) -> None:
    card = session.card
    how = Decoding.of(card)
    data = Path(os.environ["CT_GROUNDING_TEST_DATA"])
    figures = evaluate_real(session.model, ROOT / "tests" / "data" / "real_sentences.json", data, how)
    summary = figures["localization"]["real"]
    assert summary["ratio_to_middle"] <= 0.6
    recorded = card.metrics["real"]["localization"]["real"]["model"]["mean_mm"]
    assert summary["model"]["mean_mm"] == pytest.approx(recorded, abs=1.0)


def test_a_scan_of_the_pelvis_is_not_said_to_hold_a_chest(session) -> None:
    from napari_ct_grounding.phantom import generate

    pelvis = generate(3, z_range=(-560.0, -330.0), findings=[]).volume
    chest = generate(3, z_range=(-220.0, 90.0), findings=[]).volume
    assert not session.encode(pelvis).holds_chest
    assert session.encode(chest).holds_chest
