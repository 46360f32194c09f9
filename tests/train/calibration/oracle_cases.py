"""Scans whose depth vectors are levels of a body, and sentences that name one level or none."""

from __future__ import annotations

import numpy as np

from train.calibration.cases import CalibrationSet, EncodedScan, Question

NUM_LEVELS, WIDTH = 16, 20


def level_cases(num_scans: int = 40, seed: int = 0) -> tuple[CalibrationSet, dict[str, np.ndarray]]:
    """Scans show half of the body; located sentences name a level in it, outside ones one beyond, placeless ones no level."""
    rng = np.random.default_rng(seed)
    body = np.eye(WIDTH, dtype=np.float32)
    scans, questions, vectors = [], [], {}

    def ask(scan: int, kind: str, vector: np.ndarray, z_mm: float = np.nan) -> None:
        sentence = f"{kind} {len(vectors)}"
        noisy = vector + rng.normal(0, 0.1, WIDTH)
        vectors[sentence] = (noisy / np.linalg.norm(noisy)).astype(np.float32)
        questions.append(Question(scan, sentence, kind, z_mm, scan))

    for scan in range(num_scans):
        start = int(rng.integers(0, NUM_LEVELS // 2))
        levels = np.repeat(np.arange(start, start + NUM_LEVELS // 2), 4)
        depth = body[levels] + rng.normal(0, 0.05, (len(levels), WIDTH))
        depth = (depth / np.linalg.norm(depth, axis=1, keepdims=True)).astype(np.float32)
        z_mm = np.arange(len(levels)) * 5.0
        scans.append(EncodedScan(depth, z_mm, np.ones(len(z_mm), bool), 5.0, (-2.5, z_mm[-1] + 2.5), depth.mean(0)))
        inside = rng.permutation(np.unique(levels))
        outside = rng.permutation([level for level in range(NUM_LEVELS) if level not in levels])
        for level in inside[:5]:
            ask(scan, "located", body[level], float(z_mm[levels == level].mean()))
        for level in outside[:3]:
            ask(scan, "outside", body[level])
        for _ in range(2):
            ask(scan, "placeless", body[WIDTH - 1] + rng.normal(0, 0.2, WIDTH))
    return CalibrationSet(scans, questions, num_scans, f"{num_scans} scans"), vectors
