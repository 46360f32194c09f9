"""``ct-grounding demo``."""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_ct_grounding.cli.options import Commands, common_options

__all__ = ["add_commands"]


def add_commands(commands: Commands) -> None:
    """Add ``demo``."""
    demo = commands.add_parser(
        "demo", parents=[common_options()], help="open the bundled case in napari, with the dock"
    )
    demo.add_argument("--screenshot", type=Path, metavar="FILE", help="save a picture of the window (PNG) and leave")
    demo.set_defaults(run=run_demo)


def run_demo(options: argparse.Namespace) -> None:
    """Open the window; with ``--screenshot`` only for as long as the picture takes."""
    from napari_ct_grounding.widgets import demo

    demo.run_demo(screenshot=options.screenshot)
