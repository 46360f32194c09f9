"""A few lines about program, device and scan that may be sent to anybody: no names, paths, UIDs, dates, sentences or messages."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from napari_ct_grounding.core.errors import GroundingError
from napari_ct_grounding.model.weights.hub_names import HUB_WEIGHTS
from napari_ct_grounding.widgets.controller import GroundingController
from napari_ct_grounding.widgets.requests import WeightsChoice

__all__ = ["diagnostics_text", "failure_name"]

_PACKAGES = ("napari", "npe2", "qtpy", "PyQt6", "PySide6", "numpy", "torch", "transformers", "pydicom", "nibabel")


def diagnostics_text(controller: GroundingController, last_failure: str = "") -> str:
    """Return the lines.

    Parameters
    ----------
    controller : GroundingController
        What is chosen and known.
    last_failure : str
        As `failure_name` gave it.
    """
    lines = [
        f"napari-ct-grounding {_version('napari-ct-grounding')}, Python {platform.python_version()}, "
        f"{platform.system()} {platform.release()} ({platform.machine()})",
        ", ".join(f"{name} {found}" for name in _PACKAGES if (found := _version(name))),
        *_about_qt(),
        *_about_weights(controller),
        *_about_scan(controller),
        f"Last failure: {last_failure or 'none'}",
    ]
    return "\n".join(lines)


def failure_name(error: BaseException) -> str:
    """Return what kind of error it was; its message may hold names and paths."""
    kind = type(error)
    origin = "" if isinstance(error, GroundingError) else f" ({kind.__module__})"
    return f"{kind.__name__}{origin}"


def _version(name: str) -> str:
    """Version of an installed package, without importing it; empty where it is missing."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _about_qt() -> list[str]:
    from qtpy import API_NAME, QT_VERSION
    from qtpy.QtGui import QGuiApplication

    screens = ", ".join(
        f"{screen.size().width()}x{screen.size().height()} at {screen.devicePixelRatio():g}"
        for screen in QGuiApplication.screens()
    )
    return [f"Qt {QT_VERSION} ({API_NAME}), platform {QGuiApplication.platformName()}, screens {screens}"]


def _about_weights(controller: GroundingController) -> list[str]:
    intent, facts, answers = controller.intent, controller.facts, controller.answers
    lines = [
        f"Chosen: weights {_weights_name(intent.weights)}, device {intent.device}, coverage {intent.coverage}, "
        f"precision {intent.precision}"
    ]
    if facts is not None:
        calibrated = "calibrated" if facts.is_calibrated else "not calibrated"
        lines.append(f"Used: device {facts.device} ({facts.device_reason}), {facts.precision}, {calibrated}")
    if answers is not None:
        lines.append(f"Weights fingerprint: {answers.scan.encoded.weights_fingerprint}")
    return lines


def _weights_name(choice: WeightsChoice) -> str:
    """A name that we gave; folders are called by people and after people."""
    name = str(choice.weights)
    return name if name == "bundled" or name in HUB_WEIGHTS else "of their own (a folder, or another package)"


def _about_scan(controller: GroundingController) -> list[str]:
    source, answers = controller.intent.source, controller.answers
    if source is None:
        return ["Scan: none"]
    geometry = source.geometry
    shape = " x ".join(str(size) for size in geometry.shape)
    spacing = " x ".join(f"{step:.3g}" for step in geometry.spacing_mm)
    origin = "read by our reader" if source.volume is not None else "a layer of another reader"
    lines = [
        f"Scan: {shape} voxels of {spacing} mm (z, y, x), {geometry.obliquity_deg:.1f} degrees off axial, "
        f"sheared {geometry.shear_deg:.1f} degrees, {origin}"
    ]
    if answers is not None:
        seen = answers.scan.encoded.embeddings
        low, high = seen.covered_mm
        extent_mm = geometry.z_extent_mm[1] - geometry.z_extent_mm[0]
        scored = 0 if answers.diseases is None else len(answers.diseases)
        lines.append(
            f"Coverage {answers.scan.encoded.coverage}: {seen.covered_body_fraction:.0%} of the body, "
            f"{min(high - low, extent_mm):.0f} of {extent_mm:.0f} mm, {len(seen.depths_mm)} depth positions"
        )
        lines.append(f"Answers: {len(answers.results)} listed, {len(answers.aside)} others, {scored} diseases")
    return lines
