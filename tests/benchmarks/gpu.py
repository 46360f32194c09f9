"""Windows a second on a CUDA device, released size: by batch size, by the way of the copies, compiled or not.

``python -m tests.benchmarks.gpu {float32,bfloat16} [compile]``

Whole way from float16 windows in the host's memory to features, as a scan takes it (`model.window_batches`).
"""

from __future__ import annotations

import sys
import time

import numpy as np
import torch

from napari_ct_grounding.model.radfinder.window_batches import MAX_BATCH, WindowBatches, batch_size
from tests.benchmarks.measure import report
from tests.benchmarks.window_encoder import WINDOW_HWD, random_encoder

NUM_WINDOWS = 64


def main() -> None:
    dtype, device = getattr(torch, sys.argv[1]), torch.device("cuda")
    if not torch.cuda.is_available():
        raise SystemExit("there is no CUDA device")
    encoder = random_encoder(dtype, device)
    chosen = batch_size(encoder, WINDOW_HWD, device)
    encode = torch.compile(encoder) if "compile" in sys.argv[2:] else encoder
    windows = np.random.default_rng(0).random((NUM_WINDOWS, 1, *WINDOW_HWD), dtype=np.float32).astype(np.float16)
    rates = {}
    size = 1
    while size <= MAX_BATCH:
        run = WindowBatches(encode, device, dtype, size=size, num_total=NUM_WINDOWS)
        with torch.inference_mode():
            run(windows[:size])  # kernels are chosen, or compiled, at the first call
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
            start = time.perf_counter()
            run(windows)
            torch.cuda.synchronize()
        rates[str(size)] = NUM_WINDOWS / (time.perf_counter() - start)
        peak_mb = torch.cuda.max_memory_allocated() / 2**20
        size *= 2
    report(windows_per_s=rates, chosen_batch=chosen, peak_mb=peak_mb, best=max(rates.values()))


if __name__ == "__main__":
    main()
