"""Windows through the window encoder: as many at a time as the device can take, each window of pure air only once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_ct_grounding.core.errors import Cancelled, DeviceMemoryError
from napari_ct_grounding.model.device_memory import (
    free_cached_memory,
    free_memory_bytes,
    is_out_of_memory,
    memory_message,
)
from napari_ct_grounding.model.radfinder.window_encoder import WindowEncoder, WindowFeatures

__all__ = ["MAX_BATCH", "WindowBatches", "batch_size"]

#: More windows at a time make no GPU faster, and a wish to stop waits for them.
MAX_BATCH = 16
#: Share of the free memory that a batch may take; the rest is for kernels' workspace and for other programs.
_MEMORY_SHARE = 0.5
#: Tensors of one token's width that a block holds at its peak: input, norm, queries, keys, values, their rotation, and
#: twice the four times wider hidden layer.
_TENSORS_PER_TOKEN = 16


def batch_size(encoder: WindowEncoder, window_hwd: tuple[int, int, int], device: torch.device) -> int:
    """Return how many windows go through together: one on a CPU, where more are not faster and progress is slow; on a
    CUDA device what its free memory holds.
    """
    free = free_memory_bytes(device)
    if free is None:
        return 1
    patch = encoder.patch_embed.proj.kernel_size
    num_tokens = 1 + int(np.prod([w // p for w, p in zip(window_hwd, patch, strict=True)]))
    token = encoder.cls_token
    per_window = num_tokens * token.shape[-1] * token.element_size() * _TENSORS_PER_TOKEN
    return max(1, min(MAX_BATCH, int(free * _MEMORY_SHARE / per_window)))


class WindowBatches:
    """Encodes the windows of one scan, pass by pass.

    Parameters
    ----------
    encode : callable
        The window encoder: windows (n, 1, h, w, d) to `WindowFeatures`.
    device, dtype : torch.device, torch.dtype
        Where and in what type the encoder computes.
    size : int
        Windows at a time. An out-of-memory error halves it for all that follow.
    num_total : int
        Windows of all passes, for telling about progress.
    on_progress : callable, optional
        ``on_progress(done, total)`` after each batch.
    cancel : callable, optional
        Asked before each batch and at the end of a pass.
    """

    def __init__(
        self,
        encode: Callable[[Tensor], WindowFeatures],
        device: torch.device,
        dtype: torch.dtype,
        *,
        size: int = 1,
        num_total: int,
        on_progress: Callable[[int, int], None] | None = None,
        cancel: Callable[[], bool] | None = None,
    ) -> None:
        self.size = size
        self._encode = encode
        self._device = device
        self._dtype = dtype
        self._num_total = num_total
        self._on_progress = on_progress
        self._cancel = cancel
        self._num_done = 0
        self._air: WindowFeatures | None = None
        self._queued: tuple[torch.cuda.Event, int] | None = None

    def __call__(self, pixels: NDArray[np.float16]) -> WindowFeatures:
        """Encode the windows (n, 1, h, w, d) of one pass.

        Raises
        ------
        Cancelled
            When `cancel` said so.
        DeviceMemoryError
            When even one window is too much for the device.
        """
        # Padding is exactly 0, and so is what a scanner writes around a round field of view; noisy air is not.
        is_air = np.array([not window.any() for window in pixels])
        air, rest = np.flatnonzero(is_air), np.flatnonzero(~is_air)
        order, parts = [*air, *rest], []
        if len(air):
            if self._air is None:
                self._air = self._encoded(pixels, air[:1])[0]
            parts = [self._air] * len(air)
            self._count(len(air))
        start = 0
        while start < len(rest):
            features, num_taken = self._encoded(pixels, rest[start : start + self.size])
            parts.append(features)
            start += num_taken
            self._count(num_taken)
        self._tell_queued()
        self._stop_if_asked()
        place = torch.from_numpy(np.argsort(order)).to(self._device)
        return WindowFeatures(*(torch.cat(part)[place] for part in zip(*parts, strict=True)))

    def _encoded(self, pixels: NDArray[np.float16], chosen: NDArray[np.intp]) -> tuple[WindowFeatures, int]:
        """Encode the first of the chosen windows, as many as the device can take, and return their number."""
        while True:
            self._stop_if_asked()
            try:
                return self._encode(self._on_device(pixels[chosen])), len(chosen)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            # The handler is left first: its error holds the tensors that filled the device.
            free_cached_memory(self._device)
            if len(chosen) == 1:
                raise DeviceMemoryError(memory_message(self._device), str(self._device))
            self.size = len(chosen) // 2
            chosen = chosen[: self.size]

    def _on_device(self, pixels: NDArray[np.float16]) -> Tensor:
        windows = torch.from_numpy(pixels)
        if self._device.type == "cuda":
            # From pinned memory the copy runs while the GPU computes the batch before.
            windows = windows.pin_memory()
            windows = windows.to(self._device, non_blocking=True)
        # float16 travels, half of float32; it becomes the encoder's type over there.
        return windows.to(self._device).to(self._dtype)

    def _mark(self) -> torch.cuda.Event | None:
        """Return a mark that a CUDA device reaches when it has done what was queued so far; None for other devices."""
        if self._device.type != "cuda":
            return None
        mark = torch.cuda.Event()
        mark.record(torch.cuda.current_stream(self._device))
        return mark

    def _count(self, num_windows: int) -> None:
        """Tell of windows once they are done; on a CUDA device when the next batch is queued, so that it never waits."""
        self._num_done += num_windows
        mark, num_done = self._mark(), self._num_done
        self._tell_queued()
        if mark is None:
            self._tell(num_done)
        else:
            self._queued = mark, num_done

    def _tell_queued(self) -> None:
        if self._queued is not None:
            mark, num_done = self._queued
            self._queued = None
            mark.synchronize()
            self._tell(num_done)

    def _tell(self, num_done: int) -> None:
        if self._on_progress is not None:
            self._on_progress(num_done, self._num_total)

    def _stop_if_asked(self) -> None:
        if self._cancel is not None and self._cancel():
            raise Cancelled(f"Encoding was stopped after {self._num_done} of {self._num_total} windows.")
