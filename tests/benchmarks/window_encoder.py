"""The window encoder at released size (random weights) against the machine's own rate of matrix products.

``python -m tests.benchmarks.window_encoder {float32,bfloat16} {cpu,cuda,mps} [RUNS]``

The limit is the time of the bare matrix products that the encoder cannot do without: the four linear layers of every block
and the two products of its attention, in the encoder's shapes and type, without anything between them. Encoder and limit
take turns in one process, and the medians are compared, so that a busy machine slows both.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import torch
from torch.nn.functional import linear

from napari_ct_grounding.model.radfinder.config import EncoderConfig
from napari_ct_grounding.model.radfinder.window_encoder import WindowEncoder
from tests.benchmarks.measure import report, spread

PATCH_HWD = (16, 16, 4)
WINDOW_HWD = (128, 128, 32)
NUM_TOKENS = 513


def random_encoder(dtype: torch.dtype, device: torch.device) -> WindowEncoder:
    size = EncoderConfig()
    torch.manual_seed(0)
    torch.set_default_dtype(dtype)
    encoder = WindowEncoder(PATCH_HWD, size.dim, size.num_layers, size.num_heads, size.mlp_ratio, size.rope_base)
    torch.set_default_dtype(torch.float32)
    return encoder.to(device=device, dtype=dtype).eval().requires_grad_(False)


def bare_products(encoder: WindowEncoder) -> tuple[Callable[[], torch.Tensor], float]:
    """Return what multiplies matrices as the encoder does for one window and nothing else, and its operations."""
    size, token = EncoderConfig(), encoder.cls_token
    head = size.dim // size.num_heads

    def of_shape(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, device=token.device).to(token.dtype)

    x, wide = of_shape(NUM_TOKENS, size.dim), of_shape(NUM_TOKENS, round(size.dim * size.mlp_ratio))
    q, k = of_shape(size.num_heads, NUM_TOKENS, head), of_shape(size.num_heads, head, NUM_TOKENS)
    shares = of_shape(size.num_heads, NUM_TOKENS, NUM_TOKENS)
    layers = [m.weight for m in encoder.blocks.modules() if isinstance(m, torch.nn.Linear)]
    num_weights = sum(weight.numel() for weight in layers)
    operations = 2 * NUM_TOKENS * num_weights + 4 * len(encoder.blocks) * NUM_TOKENS**2 * size.dim

    def products() -> torch.Tensor:
        for weight in layers:
            result = linear(x if weight.shape[1] == size.dim else wide, weight)
        for _ in encoder.blocks:
            scores, result = q @ k, shares @ q
        return result.sum() + scores.sum()

    return products, float(operations)


def main() -> None:
    dtype, device = getattr(torch, sys.argv[1]), torch.device(sys.argv[2])
    num_runs = int(sys.argv[3]) if len(sys.argv) > 3 else (3 if device.type == "cpu" else 20)
    encoder = random_encoder(dtype, device)
    window = torch.rand(1, 1, *WINDOW_HWD, device=device).to(dtype)
    products, operations = bare_products(encoder)
    seconds: dict[str, list[float]] = {"encoder": [], "limit": []}
    with torch.inference_mode():
        for _ in range(num_runs + 1):
            for name, work in (("limit", products), ("encoder", lambda: encoder(window).cls.sum())):
                start = time.perf_counter()
                float(work().float())  # waits for the device
                seconds[name].append(time.perf_counter() - start)
    encoder_s, limit_s = (spread(seconds[name][1:])["median"] for name in ("encoder", "limit"))
    report(
        median=encoder_s,
        limit_s=limit_s,
        ratio=encoder_s / limit_s,
        limit_gflops=operations / limit_s / 1e9,
        num_parameters=sum(parameter.numel() for parameter in encoder.parameters()),
        num_threads=torch.get_num_threads(),
    )


if __name__ == "__main__":
    main()
