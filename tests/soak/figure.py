"""The soak in one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

#: (key, title) of each panel.
PANELS = (
    ("rss_mb", "Memory after closing, MB"),
    ("threads", "Threads"),
    ("widgets", "Qt widgets"),
    ("callbacks", "Callbacks on the viewer"),
)
STYLES = {"dock": ("with the dock", "#0072b2"), "bare": ("bare napari", "#999999")}


def draw(lines: list[dict[str, Any]], path: Path) -> None:
    """Draw memory and counts of both windows over time, faults as red marks, and save a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 7.0), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (key, title) in zip(figure.subplots(2, 2).flat, PANELS, strict=True):
        for way, (label, color) in STYLES.items():
            mine = [line for line in lines if line["way"] == way]
            axes.plot([line["minute"] for line in mine], [line[key] for line in mine], color=color, lw=1, label=label)
        for line in lines:
            if line["faults"]:
                axes.axvline(line["minute"], color="#d55e00", lw=1)
        axes.set_title(title, fontsize=10)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("minutes")
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
