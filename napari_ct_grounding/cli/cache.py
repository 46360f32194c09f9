"""``ct-grounding cache info | clear``: the embeddings kept on disk."""

from __future__ import annotations

import argparse
import json

from napari_ct_grounding.cli.answers import aligned, note
from napari_ct_grounding.cli.options import Commands, common_options, json_options

__all__ = ["add_commands"]


def add_commands(commands: Commands) -> None:
    """Add ``cache`` with its own commands."""
    cache = commands.add_parser("cache", help="show or clear the embeddings kept on disk")
    actions = cache.add_subparsers(title="commands", required=True, metavar="COMMAND")
    info = actions.add_parser("info", parents=[json_options(), common_options()], help="where it is and how full")
    info.set_defaults(run=run_info)
    clear = actions.add_parser("clear", parents=[common_options()], help="remove all of it")
    clear.set_defaults(run=run_clear)


def run_info(options: argparse.Namespace) -> None:
    """Tell folder, number of scans, size and limit."""
    from napari_ct_grounding.inference.cache import FOLDER_VARIABLE, default_cache

    cache = default_cache()
    facts: dict[str, str | int | None] = {
        "folder": None if cache is None else str(cache.folder),
        "num_entries": 0 if cache is None else cache.num_entries,
        "size_bytes": 0 if cache is None else cache.size_bytes,
        "max_bytes": 0 if cache is None else cache.max_bytes,
    }
    if options.json:
        print(json.dumps(facts, indent=2))
    elif cache is None:
        print(f"The cache is switched off ({FOLDER_VARIABLE}=off).")
    else:
        size = f"{cache.size_bytes / 1e6:.1f} of {cache.max_bytes / 1e6:.0f} MB"
        print(aligned([["folder", str(cache.folder)], ["encodings", str(facts["num_entries"])], ["size", size]]))


def run_clear(options: argparse.Namespace) -> None:
    """Remove every encoding."""
    from napari_ct_grounding.inference.cache import FOLDER_VARIABLE, default_cache

    cache = default_cache()
    if cache is None:
        note(f"the cache is switched off ({FOLDER_VARIABLE}=off); nothing was removed.")
        return
    print(f"{cache.clear() / 1e6:.1f} MB set free.")
