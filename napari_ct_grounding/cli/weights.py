"""``ct-grounding weights list | pull | path | verify``: which weights there are, fetching and checking them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from napari_ct_grounding.cli.answers import Table, answer, note
from napari_ct_grounding.cli.options import Commands, common_options, json_options

if TYPE_CHECKING:
    from napari_ct_grounding.model.weights.hub import KnownWeights

__all__ = ["add_commands"]


def add_commands(commands: Commands) -> None:
    """Add ``weights`` with its own commands."""
    weights = commands.add_parser("weights", help="list, fetch, find and check weights")
    actions = weights.add_subparsers(title="commands", required=True, metavar="COMMAND")

    listing = actions.add_parser("list", parents=[json_options(), common_options()], help="names, and what is here")
    listing.set_defaults(run=run_list)

    pull = actions.add_parser(
        "pull", parents=[common_options()], help="fetch weights, going on where a download stopped"
    )
    pull.add_argument("name", metavar="NAME", help="a name that `weights list` shows")
    pull.add_argument("--accept-licence", action="store_true", help="the licence was read and is accepted")
    pull.add_argument("--repair", action="store_true", help="read what is here again and fetch what differs")
    pull.add_argument(
        "--to", type=Path, metavar="FOLDER", help="then copy them into a plain folder, for a machine without network"
    )
    pull.set_defaults(run=run_pull)

    path = actions.add_parser("path", parents=[common_options()], help="print the folder of weights that are here")
    path.add_argument("name", metavar="NAME", help="a name that `weights list` shows")
    path.set_defaults(run=run_path)

    verify = actions.add_parser(
        "verify", parents=[common_options()], help="read every byte and compare with the records"
    )
    verify.add_argument("weights", metavar="WEIGHTS", help="a name that `weights list` shows, or a folder")
    verify.add_argument(
        "--tokenizer", type=Path, metavar="T", help="folder of tokenizer files, for weights without one"
    )
    verify.set_defaults(run=run_verify)


def run_list(options: argparse.Namespace) -> None:
    """List names, licences, and what is still to be fetched."""
    from napari_ct_grounding.model.weights.hub import list_known

    known = list_known()
    answer(options, known, _known_table)
    for weights in known:
        if weights.reason is not None:
            note(weights.reason)


def run_pull(options: argparse.Namespace) -> None:
    """Fetch weights and print their folder."""
    from napari_ct_grounding.model.weights.hub import copy_to, list_known, pull

    for known in list_known():
        if known.name == options.name and known.reason is not None:  # they may be meant for another machine
            note(known.reason)
    with _byte_progress("Downloading") as on_progress:
        folder = pull(
            options.name, accept_licence=options.accept_licence, repair=options.repair, on_progress=on_progress
        )
    print(folder if options.to is None else copy_to(options.name, options.to))


def run_path(options: argparse.Namespace) -> None:
    """Print where weights lie."""
    from napari_ct_grounding.core.errors import WeightsError
    from napari_ct_grounding.model.weights.hub import weights_folder

    folder = weights_folder(options.name)
    if folder is None:
        raise WeightsError(
            f"The weights {options.name!r} are not on this machine yet. Run 'ct-grounding weights pull {options.name}'."
        )
    print(folder)


def run_verify(options: argparse.Namespace) -> None:
    """Check weights and tell against what."""
    from napari_ct_grounding.model.weights.verification import verify

    with _byte_progress("Reading") as on_progress:
        found = verify(options.weights, tokenizer=options.tokenizer, on_progress=on_progress)
    records = {"hub": "the hub's hash", "card": "the card", "checksums": "SHA256SUMS", "none": "no recorded hash"}
    for file in found.files:
        print(f"{file.name}: {file.num_bytes:,} bytes, {records[file.record]}")
    probes = {
        "card": "as the card says",
        "first load": "as at the first load",
        "recorded now": "recorded for later loads",
    }
    print(f"tensors: names and shapes match; probe: {probes[found.probe]}; fingerprint {found.fingerprint}")
    if all(file.record == "none" for file in found.files):
        note("nobody recorded hashes for these files, so their content was compared with nothing.")


def _known_table(known: Sequence[KnownWeights]) -> Table:
    rows = [["name", "here", "licence", "description"]]
    for weights in known:
        here = "yes" if weights.num_bytes == 0 else f"no, {weights.num_bytes / 1e9:.1f} GB to fetch"
        rows.append([weights.name, here, weights.licence, weights.description])
    return rows


@contextmanager
def _byte_progress(words: str) -> Iterator[Callable[[int, int], None]]:
    """Show bytes on stderr: a bar where a person looks, else a line for every tenth."""
    if not sys.stderr.isatty():
        yield _tenths(words)
        return
    from tqdm import tqdm

    with tqdm(desc=words, unit="B", unit_scale=True, leave=False) as bar:

        def on_progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield on_progress


def _tenths(words: str) -> Callable[[int, int], None]:
    told = 0

    def on_progress(done: int, total: int) -> None:
        nonlocal told
        tenth = 10 * done // max(total, 1)
        if tenth > told:
            told = tenth
            print(f"{words}: {done / 1e6:,.0f} of {total / 1e6:,.0f} MB", file=sys.stderr)

    return on_progress
