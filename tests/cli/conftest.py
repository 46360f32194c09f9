"""Fixtures of the shell's tests: a scan, an oracle for weights, and a way to run a command in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel
import pytest

from napari_ct_grounding import cli
from napari_ct_grounding.inference.session import GroundingSession
from tests.inference.oracle import body_with_sphere, oracle_session


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """Return a NIfTI file of a body with a sphere."""
    volume = body_with_sphere()
    path = tmp_path / "body.nii.gz"
    nibabel.save(nibabel.Nifti1Image(volume.hu.transpose(2, 1, 0), volume.geometry.affine), path)
    return path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Let the oracle stand in for the weights, and keep what the session was asked for."""
    kept: dict[str, object] = {}

    def from_pretrained(weights: object = "bundled", **options: object) -> GroundingSession:
        kept.update(weights=weights, **options)
        return oracle_session()

    monkeypatch.setattr(GroundingSession, "from_pretrained", from_pretrained)
    return kept


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command in this process and gives exit code, stdout and stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        try:
            code = cli.main([str(argument) for argument in arguments])
        except SystemExit as stop:  # argparse
            code = int(stop.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call
