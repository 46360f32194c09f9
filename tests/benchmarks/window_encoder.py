"""The window encoder at released size (random weights): seconds for one window, fp32 and bf16.

``python -m tests.benchmarks.window_encoder {float32,bfloat16} {cpu,cuda,mps}``
"""

from __future__ import annotations

import sys
import time

import torch

from napari_ct_grounding.model.radfinder_config import EncoderConfig
from napari_ct_grounding.model.window_encoder import WindowEncoder
from tests.benchmarks.measure import report, spread

PATCH_HWD = (16, 16, 4)
WINDOW_HWD = (128, 128, 32)


def main() -> None:
    dtype, device = getattr(torch, sys.argv[1]), torch.device(sys.argv[2])
    size = EncoderConfig()
    torch.manual_seed(0)
    torch.set_default_dtype(dtype)
    encoder = WindowEncoder(PATCH_HWD, size.dim, size.num_layers, size.num_heads, size.mlp_ratio, size.rope_base)
    torch.set_default_dtype(torch.float32)
    encoder = encoder.to(device=device, dtype=dtype).eval()
    window = torch.rand(1, 1, *WINDOW_HWD, device=device).to(dtype)
    num_runs = 3 if device.type == "cpu" else 20
    seconds = []
    with torch.inference_mode():
        for _ in range(num_runs + 1):
            start = time.perf_counter()
            float(encoder(window).cls.float().sum())  # waits for the device
            seconds.append(time.perf_counter() - start)
    num_parameters = sum(parameter.numel() for parameter in encoder.parameters())
    report(num_parameters=num_parameters, num_threads=torch.get_num_threads(), **spread(seconds[1:]))


if __name__ == "__main__":
    main()
