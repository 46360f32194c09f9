"""What a weights folder says about itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from napari_ct_grounding.core.errors import WeightsError
from napari_ct_grounding.model.weights.card import CARD_FORMAT_VERSION, WeightsCard, read_card


def test_the_defaults_describe_released_weights() -> None:
    card = WeightsCard()
    assert card.decoding == "argmax"  # parity with the released evaluation
    assert card.temperature == card.interval_temperature == 0.1
    assert card.interval_mass == 0.8
    assert not card.is_calibrated
    assert card.location_threshold is None
    assert card.probe is None


def test_a_folder_without_a_card_gets_the_defaults_and_its_name(tmp_path: Path) -> None:
    assert read_card(tmp_path) == WeightsCard(name=tmp_path.name)


def test_a_card_is_read_and_fields_of_later_versions_are_left_aside(tmp_path: Path) -> None:
    record = {"name": "mine", "decoding": "median", "temperature": 0.02, "format_version": 1, "colour": "blue"}
    (tmp_path / "card.json").write_text(json.dumps(record), encoding="utf-8")
    assert read_card(tmp_path) == WeightsCard(name="mine", decoding="median", temperature=0.02)


def test_every_wrong_field_is_named_at_once() -> None:
    record = {
        "decoding": "mean",
        "temperature": 0,
        "interval_temperature": "warm",
        "interval_mass": 1.0,
        "is_calibrated": "yes",
        "interval_radius_mm": "wide",
        "location_threshold": True,
        "location_rule": {"levels": "?"},
        "disease_reference": {"Emphysema": 3},
        "metrics": [],
        "probe": {"text": []},
        "name": 3,
    }
    with pytest.raises(WeightsError) as caught:
        WeightsCard.from_dict(record)
    for field in record:
        assert f"{field} " in str(caught.value)


@pytest.mark.parametrize("temperature", [float("nan"), float("inf"), -0.1, None, [0.1]])
def test_a_temperature_that_is_no_positive_number_is_refused(temperature: object) -> None:
    with pytest.raises(WeightsError, match=r"temperature is .*above 0"):
        WeightsCard.from_dict({"temperature": temperature})


@pytest.mark.parametrize("version", [CARD_FORMAT_VERSION + 1, "1"])
def test_a_card_of_another_format_is_refused(version: object) -> None:
    with pytest.raises(WeightsError, match="format_version"):
        WeightsCard.from_dict({"format_version": version})


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"{", "not valid JSON"), (b"\xff\xfe{", "UTF-8"), (b"[]", "holds a list"), (b"3", "holds a int")],
)
def test_a_damaged_card_is_refused_in_plain_words(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "card.json").write_bytes(content)
    with pytest.raises(WeightsError, match=words):
        read_card(tmp_path)
