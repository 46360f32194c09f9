"""How long an encoding will take: from the last runs, or from the device's speed; never from a run of its own."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from napari_ct_grounding.core.errors import InputError
from napari_ct_grounding.inference import session as session_module
from napari_ct_grounding.inference.cache import EmbeddingCache
from napari_ct_grounding.inference.estimate import (
    FILE_NAME,
    PROBE_SHAPE,
    EncodingTimes,
    matmul_rate,
    seconds_of,
    timing_key,
)
from napari_ct_grounding.model.base import Workload
from tests.inference.oracle import body_with_sphere, oracle_session

CPU = torch.device("cpu")


class FakeClock:
    """Seconds that grow by `step` at each look."""

    def __init__(self, step: float) -> None:
        self.step, self.now, self.num_looks = step, 100.0, 0

    def __call__(self) -> float:
        self.num_looks += 1
        self.now += self.step
        return self.now


def test_the_rate_is_operations_over_the_fastest_products_seconds():
    clock = FakeClock(0.02)
    assert matmul_rate(CPU, torch.float32, clock) == pytest.approx(2 * np.prod(PROBE_SHAPE) / 0.02)
    # A tenth of a second of 20 ms products and the looks between them: three products.
    assert clock.num_looks <= 8


def test_a_fast_device_is_not_probed_for_ever():
    clock = FakeClock(0.0)
    assert np.isfinite(matmul_rate(CPU, torch.float32, clock))
    assert clock.num_looks <= 110


def test_what_is_remembered_goes_before_what_is_computed():
    work = Workload(num_windows=30, flops=4e11)
    assert seconds_of(work, 1.5, lambda: pytest.fail("nothing has to be measured")) == 45.0
    assert seconds_of(work, None, lambda: 2e11) == pytest.approx(60.0)


def test_without_operations_nothing_is_guessed():
    assert seconds_of(Workload(200, 0.0), None, lambda: pytest.fail("nothing to divide")) == 0.0


def test_times_are_remembered_by_the_next_process(tmp_path):
    EncodingTimes(tmp_path).keep("a", 2.0)
    again = EncodingTimes(tmp_path)
    assert again.get("a") == 2.0
    assert again.get("b") is None
    again.keep("a", 4.0)
    assert EncodingTimes(tmp_path).get("a") == pytest.approx(3.0)
    assert os.listdir(tmp_path) == [FILE_NAME]


def test_two_processes_do_not_forget_each_others_times(tmp_path):
    one, other = EncodingTimes(tmp_path), EncodingTimes(tmp_path)
    one.keep("a", 2.0)
    other.keep("b", 3.0)
    both = EncodingTimes(tmp_path)
    assert (both.get("a"), both.get("b")) == (2.0, 3.0)


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"a": "x"}', '{"a": null}'])
def test_a_damaged_file_is_as_good_as_none(tmp_path, content):
    (tmp_path / FILE_NAME).write_text(content)
    times = EncodingTimes(tmp_path)
    assert times.get("a") is None
    times.keep("a", 2.0)
    assert json.loads((tmp_path / FILE_NAME).read_text()) == {"a": 2.0}


def test_impossible_times_are_not_believed(tmp_path):
    (tmp_path / FILE_NAME).write_text('{"a": -1, "b": 1e9, "c": 0.5}')
    times = EncodingTimes(tmp_path)
    assert (times.get("a"), times.get("b"), times.get("c")) == (None, None, 0.5)
    times.keep("d", 0.0)
    assert times.get("d") is None


def test_a_folder_that_cannot_be_written_costs_nothing_but_the_memory(tmp_path):
    (tmp_path / "file").write_text("in the way")
    times = EncodingTimes(tmp_path / "file")
    times.keep("a", 2.0)
    assert times.get("a") == 2.0


def test_a_failed_replacement_leaves_no_partial_file(tmp_path, monkeypatch):
    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full_disk)
    EncodingTimes(tmp_path).keep("a", 2.0)
    assert os.listdir(tmp_path) == []


def test_times_of_other_weights_devices_and_arithmetic_are_kept_apart():
    keys = {
        timing_key(weights, device, precision)
        for weights in ("w1", "w2")
        for device in (CPU, torch.device("mps"))
        for precision in ("float32", "bfloat16")
    }
    assert len(keys) == 8


@pytest.fixture
def timed(monkeypatch):
    """A session whose encodings take 10 s by its clock."""
    monkeypatch.setattr(session_module, "time", SimpleNamespace(perf_counter=FakeClock(10.0)))
    session = oracle_session()
    monkeypatch.setattr(session.model, "workload", lambda scan, coverage: Workload(20, 3e9, left_out_mm=7.0))
    monkeypatch.setattr(session_module, "matmul_rate", lambda device, dtype: 6e9)
    return session


def test_the_first_estimate_comes_from_the_devices_speed_and_the_next_from_the_run(timed):
    timed.model.matmul_share = 0.25
    first = timed.estimate(body_with_sphere())
    assert (first.seconds, first.num_windows, first.is_cached) == (pytest.approx(40.0), 20, False)
    assert first.coverage == "masked"
    assert first.left_out_mm == 7.0
    assert timed.model.num_encoded == 0
    timed.encode(body_with_sphere())
    # Encoding took 10 s for 20 windows, so another scan of 20 windows will, too.
    assert timed.estimate(body_with_sphere(12)).seconds == pytest.approx(10.0)


def test_a_scan_at_hand_takes_no_time(timed, tmp_path):
    volume = body_with_sphere()
    timed.encode(volume)
    known = timed.estimate(volume)
    assert (known.is_cached, known.seconds) == (True, 0.0)
    assert not timed.estimate(volume, coverage="paper").is_cached
    assert not timed.estimate(volume.geometry).is_cached


def test_a_scan_kept_on_disk_takes_no_time(tmp_path, monkeypatch):
    volume = body_with_sphere()
    for is_kept in (False, True):
        session = oracle_session()
        session.cache = EmbeddingCache(tmp_path)
        monkeypatch.setattr(session.model, "preprocessing_version", "oracle-1", raising=False)
        assert session.estimate(volume).is_cached == is_kept
        session.encode(volume)


def test_a_session_of_weights_remembers_times_beside_the_embeddings(tmp_path, monkeypatch):
    from napari_ct_grounding.model.weights.loading import LoadedWeights

    model = oracle_session().model
    loaded = LoadedWeights(model=model, card=oracle_session().card, name="oracle", fingerprint="0" * 32)
    monkeypatch.setattr(session_module, "load_weights", lambda *_, **__: loaded)
    monkeypatch.setattr(session_module, "check_first_probe", lambda *_: None, raising=False)
    session = session_module.GroundingSession.from_pretrained("x", device="cpu", cache=EmbeddingCache(tmp_path))
    session.encode(body_with_sphere())
    (seconds,) = json.loads((tmp_path / FILE_NAME).read_text()).values()
    assert seconds > 0
    assert session.estimate(body_with_sphere(5)).seconds == pytest.approx(seconds * 40)


def test_a_coverage_that_is_not_offered_is_refused(timed):
    with pytest.raises(InputError, match="'half'"):
        timed.estimate(body_with_sphere(), coverage="half")
    with pytest.raises(InputError, match="'half'"):
        timed.encode(body_with_sphere(), coverage="half")


def test_one_scan_may_be_encoded_in_another_way_than_the_sessions(timed):
    volume = body_with_sphere()
    assert timed.encode(volume, coverage="paper").coverage == "paper"
    assert timed.encode(volume).coverage == "masked"
    assert timed.model.coverages_used == ["paper", "masked"]
    assert timed.coverage == "masked"
    assert timed.encode(volume, coverage="full").coverage == "masked"
    assert timed.model.num_encoded == 2
