"""The command line as a whole: what every command shares, and which commands there are."""

from __future__ import annotations

import argparse

from napari_ct_grounding import __version__
from napari_ct_grounding.cli import batch, cache, demo, report, scans, weights

__all__ = ["make_parser"]

#: A module of commands has ``add_commands(commands)``, and imports what a command needs when that command runs.
COMMAND_MODULES = (
    demo,
    scans,
    batch,
    report,
    cache,
    weights,
)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole program; parsed options hold ``run``, the function of the command."""
    parser = argparse.ArgumentParser(
        prog="ct-grounding",
        description="Type a report sentence, stand on the CT slice that it speaks of. For research use only.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for module in COMMAND_MODULES:
        module.add_commands(commands)
    return parser
