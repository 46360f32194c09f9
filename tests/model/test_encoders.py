"""Models of other packages: found, made, and not believed before they are checked."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from napari_ct_grounding.core.errors import LicenceNeededError, SentenceError, WeightsError
from napari_ct_grounding.inference.session import GroundingSession
from napari_ct_grounding.model import encoders
from napari_ct_grounding.model.base import TextEmbeddings
from napari_ct_grounding.model.checked_encoder import CheckedEncoder
from napari_ct_grounding.model.encoders import ENTRY_POINT_GROUP, Encoder, list_encoders, make_encoder
from napari_ct_grounding.model.weights.card import WeightsCard
from napari_ct_grounding.model.weights.hub import list_known
from napari_ct_grounding.model.weights.loading import load_weights
from tests.inference.oracle import OracleModel, body_with_sphere

CPU = torch.device("cpu")
THIS = "tests.model.test_encoders"


class Plain:
    """An encoder with nothing but what the protocol asks for: the oracle's answers, and no torch module."""

    coverages = ("masked",)

    def __init__(self) -> None:
        self._oracle = OracleModel()

    def encode_volume(self, volume: Any, **options: Any) -> Any:
        return self._oracle.encode_volume(volume, **options)

    def embed_sentences(self, sentences: list[str]) -> TextEmbeddings:
        assert type(sentences) is list
        return self._oracle.embed_sentences(sentences)


class Generous(Plain):
    """An encoder with all that may be there."""

    card = WeightsCard(name="generous", description="knows best", decoding="median", temperature=0.02)
    fingerprint = "1234"
    preprocessing_version = "7"

    def unknown_share(self, sentence: str) -> float:
        return 0.75 if "gibberish" in sentence else 0.25


def make_plain(device: torch.device) -> Plain:
    assert device == CPU
    return Plain()


def make_generous(device: torch.device) -> Generous:
    return Generous()


def make_nothing(device: torch.device) -> None:
    return None


def make_trouble(device: torch.device) -> None:
    raise RuntimeError("no weights here")


def make_licensed(device: torch.device) -> None:
    raise LicenceNeededError("Accept it first.", "MIT", 7)


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let some installed package offer encoders: ``offered(name="module:object")``."""

    def offer(**values: str) -> None:
        found = [EntryPoint(name.replace("_", "-"), value, ENTRY_POINT_GROUP) for name, value in values.items()]
        monkeypatch.setattr(encoders, "entry_points", lambda *, group: found)

    return offer


def test_our_own_models_are_encoders() -> None:
    assert isinstance(OracleModel(), Encoder)


def test_an_encoder_is_listed_by_name_and_not_imported(offered: Callable[..., None]) -> None:
    offered(densest_level="a_module_that_is_not_there:make")
    assert [entry.name for entry in list_encoders()] == ["densest-level"]
    (known,) = [known for known in list_known() if known.origin == "encoder"]
    assert (known.name, known.num_bytes) == ("densest-level", 0)
    assert known.reason == "a_module_that_is_not_there, in which the encoder lies, is not installed"


def test_an_encoder_whose_module_is_there_is_listed_without_a_reason(offered: Callable[..., None]) -> None:
    offered(plain="json.decoder:JSONDecoder")
    assert [entry.reason for entry in list_encoders()] == [None]


def test_the_list_of_weights_loads_no_torch() -> None:
    code = "import sys; from napari_ct_grounding.model.weights.hub import list_known; list_known(); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


def test_an_encoder_answers_in_a_session_like_any_weights(offered: Callable[..., None]) -> None:
    offered(plain=f"{THIS}:make_plain")
    session = GroundingSession.from_pretrained("plain", device="cpu", coverage="full", cache=None)
    volume = body_with_sphere(sphere_slice=29)
    calls: list[tuple[int, int]] = []
    session.encode(volume, on_progress=lambda done, total: calls.append((done, total)))
    (result,) = session.ground(["A bright ball."])
    assert abs(result.slice_index - 29) <= 4
    assert calls[-1][0] == calls[-1][1]
    assert len(session.score_diseases()) == 18
    assert session.weights_name == session.card.name == "plain"
    assert session.coverage == "masked"


def test_what_an_encoder_says_about_itself_is_used(offered: Callable[..., None]) -> None:
    offered(generous=f"{THIS}:make_generous")
    loaded = load_weights("generous")
    assert loaded.card is Generous.card
    assert (loaded.fingerprint, loaded.model.preprocessing_version) == ("1234", "7")
    session = GroundingSession.from_pretrained("generous", device="cpu", cache=None)
    session.encode(body_with_sphere())
    with pytest.raises(SentenceError, match="75% of the sentence is unknown to the weights 'generous'"):
        session.ground(["gibberish"])


def test_encoders_without_a_fingerprint_are_never_taken_for_the_same(offered: Callable[..., None]) -> None:
    offered(plain=f"{THIS}:make_plain")
    first, second = load_weights("plain"), load_weights("plain")
    assert first.fingerprint != second.fingerprint
    assert first.model.preprocessing_version is None  # so nothing is kept on disk


def test_our_names_go_before_an_encoder_s(offered: Callable[..., None]) -> None:
    offered(bundled="a_module_that_is_not_there:make")
    assert [known.origin for known in list_known() if known.name == "bundled"] == ["package"]
    assert load_weights("bundled").card.name == "bundled"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("a_module_that_is_not_there:make", r"'mine'.*needs a_module_that_is_not_there, which cannot be imported"),
        (f"{THIS}:make_trouble", r"'mine'.*could not be made \(RuntimeError: no weights here\)"),
        (f"{THIS}:not_there", r"'mine'.*could not be made \(AttributeError"),
        (f"{THIS}:make_nothing", r"'mine'.*is a NoneType without coverages"),
    ],
)
def test_an_encoder_that_cannot_be_had_is_one_sentence(offered: Callable[..., None], value: str, words: str) -> None:
    offered(mine=value)
    with pytest.raises(WeightsError, match=words):
        load_weights("mine")


def test_an_encoder_s_own_plain_errors_come_through(offered: Callable[..., None]) -> None:
    offered(mine=f"{THIS}:make_licensed")
    with pytest.raises(LicenceNeededError, match=r"Accept it first\."):
        load_weights("mine")


@pytest.mark.parametrize("coverages", [(), ["full"], ("full", 3), "full"])
def test_coverages_must_be_names(offered: Callable[..., None], monkeypatch: pytest.MonkeyPatch, coverages: Any) -> None:
    monkeypatch.setattr(Plain, "coverages", coverages)
    offered(mine=f"{THIS}:make_plain")
    with pytest.raises(WeightsError, match="without coverages"):
        load_weights("mine")


def test_a_name_that_nobody_offers_says_which_there_are(offered: Callable[..., None]) -> None:
    offered(plain=f"{THIS}:make_plain")
    with pytest.raises(WeightsError, match=r"'other'; there are: 'plain'"):
        make_encoder("other", CPU)


UNIT = np.array([1, 0], dtype=np.float32)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda seen: None, "it gives a NoneType instead of ImageEmbeddings"),
        (lambda seen: replace(seen, depth=seen.depth[:, 0]), r"depth has the shape \(\d+,\), must be \(d, e\)"),
        (lambda seen: replace(seen, depth=seen.depth[:0]), "depth has the shape"),
        (lambda seen: replace(seen, depth=seen.depth * 2), "depth holds a vector of length 2, must be 1"),
        (lambda seen: replace(seen, depth=seen.depth * np.float32(np.nan)), "depth holds values that are not finite"),
        (
            lambda seen: replace(seen, depth=np.ones_like(seen.depth, dtype=np.int64)),
            "depth holds int64, must hold floats",
        ),
        (lambda seen: replace(seen, depths_mm=seen.depths_mm[:-1]), r"depths_mm has the shape .*, must be \(\d+,\)"),
        (
            lambda seen: replace(seen, depths_mm=seen.depths_mm[::-1]),
            r"depths_mm must be finite and grow \(most inferior",
        ),
        (lambda seen: replace(seen, depths_mm=seen.depths_mm * np.nan), "depths_mm must be finite"),
        (lambda seen: replace(seen, is_valid=~seen.is_valid), "at least one of them true"),
        (lambda seen: replace(seen, is_valid=seen.is_valid.astype(float)), "is_valid must be Booleans"),
        (
            lambda seen: replace(seen, retrieval=np.ones(3, np.float32)),
            r"retrieval has the shape \(3,\), must be \(2,\)",
        ),
        (lambda seen: replace(seen, disease=UNIT / 2), r"disease holds a vector of length 0\.5"),
        (lambda seen: replace(seen, depth_width_mm=0.0), r"depth_width_mm is 0\.0, must be above 0"),
        (lambda seen: replace(seen, covered_mm=(5.0, 5.0)), "covered_mm is"),
        (lambda seen: replace(seen, covered_body_fraction=1.5), r"covered_body_fraction is 1\.5"),
    ],
)
def test_embeddings_of_a_scan_that_break_the_protocol_are_refused(change: Callable, words: str) -> None:
    class Broken(Plain):
        def encode_volume(self, volume: Any, **options: Any) -> Any:
            return change(super().encode_volume(volume, **options))

    model = CheckedEncoder(Broken(), "mine", CPU)
    with pytest.raises(WeightsError, match=f"'mine' breaks the protocol in encode_volume: .*{words}"):
        model.encode_volume(body_with_sphere(), coverage="masked")


def test_positions_outside_of_the_scan_may_hold_anything() -> None:
    class Padded(Plain):
        def encode_volume(self, volume: Any, **options: Any) -> Any:
            seen = super().encode_volume(volume, **options)
            seen.is_valid[0] = False
            seen.depth[0] = 0
            return seen

    assert not CheckedEncoder(Padded(), "mine", CPU).encode_volume(body_with_sphere(), coverage="masked").is_valid[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "it gives a NoneType instead of TextEmbeddings"),
        (TextEmbeddings(np.ones((3, 1), np.float32), np.ones((3, 1), np.float32)), r"shape \(3, 1\), must be \(2, e\)"),
        (TextEmbeddings(np.ones((2, 1), np.float32), np.ones((2, 2), np.float32)), r"report has the shape \(2, 2\)"),
        (TextEmbeddings(np.ones((2, 2), np.float32), np.ones((2, 2), np.float32)), r"a vector of length 1\.41"),
    ],
)
def test_embeddings_of_sentences_that_break_the_protocol_are_refused(text: Any, words: str) -> None:
    class Broken(Plain):
        def embed_sentences(self, sentences: list[str]) -> TextEmbeddings:
            return text

    with pytest.raises(WeightsError, match=f"'mine' breaks the protocol in embed_sentences: .*{words}"):
        CheckedEncoder(Broken(), "mine", CPU).embed_sentences(("one", "two"))


def test_scan_and_sentence_must_live_in_one_space() -> None:
    class Broken(Plain):
        def embed_sentences(self, sentences: list[str]) -> TextEmbeddings:
            return TextEmbeddings(np.ones((1, 1), np.float32), np.ones((1, 1), np.float32))

    model = CheckedEncoder(Broken(), "mine", CPU)
    model.encode_volume(body_with_sphere(), coverage="masked")
    with pytest.raises(WeightsError, match="vectors have 1 numbers, and had 2 before"):
        model.embed_sentences(["one"])


def test_the_example_of_the_page_works_as_it_stands(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offered: Callable[..., None]
) -> None:
    page = (repository / "docs" / "own-encoder.md").read_text(encoding="utf-8")
    code, (name, target) = (
        re.search(r"```python\n(.*?)```", page, re.S)[1],
        re.search(r'^([\w-]+) = "([\w.:]+)"', page, re.M).groups(),
    )
    module, factory = target.split(":")
    (tmp_path / "your_package").mkdir()
    (tmp_path / "your_package" / f"{module.split('.')[1]}.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    offered(**{name.replace("-", "_"): f"{module}:{factory}"})
    assert f'from_pretrained("{name}")' in page
    session = GroundingSession.from_pretrained(name, device="cpu", cache=None)
    session.encode(body_with_sphere(sphere_slice=12))
    dense, empty = session.ground(["dense metal", "air"])
    assert abs(dense.slice_index - 12) <= 2  # three slices of the sphere hold as many bright voxels
    assert abs(empty.slice_index - 12) > 6
