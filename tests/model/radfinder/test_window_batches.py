"""Windows in batches: equal to one by one, air once, memory halved, progress and cancel in between."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_ct_grounding.core.errors import Cancelled, DeviceMemoryError
from napari_ct_grounding.model.device_memory import device_memory_errors
from napari_ct_grounding.model.radfinder import window_batches
from napari_ct_grounding.model.radfinder.window_batches import MAX_BATCH, WindowBatches, batch_size
from napari_ct_grounding.model.radfinder.window_encoder import WindowEncoder, WindowFeatures

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def encoder() -> WindowEncoder:
    torch.manual_seed(0)
    return WindowEncoder((8, 8, 4), dim=24, num_layers=2, num_heads=2).eval().requires_grad_(False)


@pytest.fixture
def pixels() -> np.ndarray:
    """Nine windows, of which 1, 2 and 7 hold air alone."""
    pixels = np.random.default_rng(0).random((9, 1, 16, 16, 8)).astype(np.float16)
    pixels[[1, 2, 7]] = 0
    return pixels


class Recorder:
    """An encoder that writes down how many windows it was given, and runs out of memory above `capacity`."""

    def __init__(self, encoder=None, capacity: int = 99, error: type[Exception] = torch.OutOfMemoryError) -> None:
        self.encoder, self.capacity, self.error = encoder, capacity, error
        self.sizes: list[int] = []
        self.num_air = 0

    def __call__(self, windows: torch.Tensor) -> WindowFeatures:
        self.sizes.append(len(windows))
        if len(windows) > self.capacity:
            raise self.error("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes.")
        self.num_air += int((windows == 0).flatten(1).all(1).sum())
        if self.encoder is not None:
            return self.encoder(windows)
        mean = windows.mean(dim=(1, 2, 3, 4))[:, None]
        return WindowFeatures(mean, mean, mean[:, None])


def batches(encode, num_total: int = 9, **options) -> WindowBatches:
    return WindowBatches(encode, CPU, torch.float32, num_total=num_total, **options)


def test_one_by_one_is_bit_for_bit_what_the_encoder_gives_for_each_window(encoder, pixels):
    found = batches(encoder)(pixels)
    alone = [encoder(torch.from_numpy(pixels[i : i + 1]).float()) for i in range(9)]
    for field, expected in zip(found, zip(*alone, strict=True), strict=True):
        assert torch.equal(field, torch.cat(expected))


@pytest.mark.parametrize("size", [2, 4, 16])
def test_batches_give_what_single_windows_give_in_the_same_order(encoder, pixels, size):
    for together, alone in zip(batches(encoder, size=size)(pixels), batches(encoder)(pixels), strict=True):
        torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_windows_of_pure_air_are_computed_once_for_all_passes(pixels):
    recorder = Recorder()
    encode = batches(recorder, num_total=18)
    first, second = encode(pixels), encode(pixels)
    assert recorder.num_air == 1
    assert sum(recorder.sizes) == 6 + 6 + 1
    assert torch.equal(first.cls, second.cls)
    assert (first.cls[[1, 2, 7]] == 0).all()
    assert (first.cls[[0, 3, 8]] > 0).all()


def test_a_window_with_a_single_voxel_is_no_air(pixels):
    pixels[2, 0, 15, 15, 7] = 6e-8
    recorder = Recorder()
    batches(recorder)(pixels)
    assert len(recorder.sizes) == 8


def test_a_scan_of_pure_air_is_one_window_for_the_encoder():
    recorder = Recorder()
    features = batches(recorder)(np.zeros((9, 1, 16, 16, 8), dtype=np.float16))
    assert recorder.sizes == [1]
    assert features.cls.shape == (9, 1)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError, MemoryError])
def test_out_of_memory_halves_the_batch_for_all_that_follow(encoder, pixels, error):
    pixels[[1, 2, 7]] = 1
    recorder = Recorder(encoder, capacity=3, error=error)
    progress = []
    encode = batches(recorder, size=8, on_progress=lambda *call: progress.append(call))
    for found, alone in zip(encode(pixels), batches(encoder)(pixels), strict=True):
        torch.testing.assert_close(found, alone, atol=1e-5, rtol=0)
    assert recorder.sizes == [8, 4, 2, 2, 2, 2, 1]
    assert encode.size == 2
    assert progress == [(2, 9), (4, 9), (6, 9), (8, 9), (9, 9)]


def test_one_window_too_much_names_the_device_and_the_way_out(pixels):
    with pytest.raises(DeviceMemoryError, match="too little free memory") as caught:
        batches(Recorder(capacity=0), size=4)(pixels)
    assert caught.value.device == "cpu"
    # A chained error would keep the tensors that filled the device.
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_the_message_for_a_gpu_offers_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.mps, "empty_cache", lambda: None)
    with pytest.raises(DeviceMemoryError, match="--device cpu"), device_memory_errors(torch.device("mps:0")):
        raise_out_of_memory()


def raise_out_of_memory() -> None:
    raise RuntimeError("MPS backend out of memory (MPS allocated: 1.00 GB)")


def test_other_errors_pass_unchanged(pixels):
    def broken(windows):
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        batches(broken, size=4)(pixels)
    with pytest.raises(RuntimeError, match="shapes differ"), device_memory_errors(CPU):
        broken(None)


def test_a_wish_to_stop_is_heard_between_batches_and_after_the_last(pixels):
    pixels[...] = 1
    recorder, done = Recorder(), []
    with pytest.raises(Cancelled, match="after 4 of 9 windows"):
        batches(recorder, size=2, on_progress=lambda n, _: done.append(n), cancel=lambda: len(done) == 2)(pixels)
    assert recorder.sizes == [2, 2]
    done.clear()
    with pytest.raises(Cancelled, match="after 9 of 9"):
        batches(recorder, on_progress=lambda n, _: done.append(n), cancel=lambda: len(done) == 9)(pixels)


def test_queued_batches_are_told_of_when_they_are_done_and_not_when_they_are_queued(pixels):
    pixels[...] = 1
    events: list[str] = []

    class Mark:
        def __init__(self, name: int) -> None:
            self.name = name

        def synchronize(self) -> None:
            events.append(f"waited {self.name}")

    class Queueing(WindowBatches):
        num_marks = 0

        def _mark(self):
            self.num_marks += 1
            events.append(f"queued {self.num_marks}")
            return Mark(self.num_marks)

    encode = Queueing(
        Recorder(), CPU, torch.float32, size=4, num_total=9, on_progress=lambda n, _: events.append(f"told {n}")
    )
    encode(pixels)
    assert events == [
        *("queued 1", "queued 2", "waited 1", "told 4"),
        *("queued 3", "waited 2", "told 8", "waited 3", "told 9"),
    ]


def test_the_batch_is_one_on_a_cpu_and_follows_the_free_memory_of_a_gpu(encoder, monkeypatch):
    window = (16, 16, 8)
    assert batch_size(encoder, window, CPU) == 1
    # 1 + 2 * 2 * 2 tokens of 24 numbers of 4 bytes, 16 times
    per_window = 9 * 24 * 4 * 16
    for free, expected in ((0, 1), (2 * per_window, 1), (6 * per_window, 3), (10**12, MAX_BATCH)):
        monkeypatch.setattr(window_batches, "free_memory_bytes", lambda device, free=free: free)
        assert batch_size(encoder, window, torch.device("cuda")) == expected
