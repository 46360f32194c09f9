"""Display windows of CT, in Hounsfield units."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DISPLAY_WINDOWS", "DisplayWindow"]


@dataclass(frozen=True)
class DisplayWindow:
    """A grey-level window: which HU are black, which white."""

    name: str
    window_center_hu: float
    window_width_hu: float

    @property
    def limits_hu(self) -> tuple[float, float]:
        """(black, white) in HU."""
        half = self.window_width_hu / 2
        return self.window_center_hu - half, self.window_center_hu + half


DISPLAY_WINDOWS = (
    DisplayWindow("Lung", -600, 1500),
    DisplayWindow("Mediastinum", 40, 400),
    DisplayWindow("Bone", 480, 2500),
    DisplayWindow("Abdomen", 60, 350),
)
