"""`python -m train <command>`: each command is one short function; its work is in the module that it imports."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from napari_ct_grounding.core.errors import InputError

__all__ = ["main"]


def _phantoms(arguments: argparse.Namespace) -> None:
    from napari_ct_grounding.model.slab.preprocessing import SlabFrame
    from train.data.phantoms import generate_cache
    from train.recipe import Recipe, read_recipe

    recipe = None if arguments.recipe is None else read_recipe(arguments.recipe)
    frame = recipe.frame.slab_frame() if isinstance(recipe, Recipe) else SlabFrame()
    seeds = range(arguments.seed0, arguments.seed0 + arguments.num)
    generate_cache(arguments.out, seeds, frame, arguments.workers)


def _text(arguments: argparse.Namespace) -> None:
    from train.recipe import Recipe, read_recipe
    from train.text_pairs import teach

    recipe = read_recipe(arguments.recipe)
    if not isinstance(recipe, Recipe):
        raise InputError(
            f"{arguments.recipe.name} is a recipe of released-type weights; 'text' teaches the bundled model's encoder."
        )
    figures = teach(recipe.text_encoder, arguments.out, seed=recipe.seed, minutes=arguments.minutes)
    print(json.dumps(figures, indent=2))


def _phantom_dataset(arguments: argparse.Namespace) -> None:
    from train.phantom_datasets import write_clinic, write_ct_rate

    write = write_ct_rate if arguments.layout == "ct-rate" else write_clinic
    seeds = range(arguments.seed0, arguments.seed0 + arguments.num)
    written = write(arguments.out, seeds, tuple(arguments.spacing), arguments.workers)
    print(f"{arguments.num} phantoms are in {written}.")


def _features(arguments: argparse.Namespace) -> None:
    from napari_ct_grounding.inference.device import choose_device
    from train.data.datasets.registry import open_dataset
    from train.features import extract_features, refresh_records

    dataset = open_dataset(arguments.dataset, arguments.root, ct_rate=arguments.ct_rate, rate=arguments.rate)
    if arguments.records_only:
        print(f"{refresh_records(arguments.out, dataset)} scans have features; their records were written.")
        return
    outcome = extract_features(
        dataset,
        arguments.weights,
        arguments.out,
        part=arguments.shard,
        device=choose_device(arguments.device).device,
        precision=arguments.precision,
        num_readers=arguments.readers,
        limit=arguments.limit,
        tokenizer=arguments.tokenizer,
        accept_licence=arguments.accept_licence,
    )
    print(
        f"{outcome.num_encoded} scans encoded now, {len(outcome.refused)} left out; {outcome.num_records} of {dataset.name} "
        "are in the store."
    )


def _part(text: str) -> tuple[int, int]:
    """Read "i/n"."""
    index, _, count = text.partition("/")
    if not (index.isdigit() and count.isdigit() and int(index) < int(count)):
        raise argparse.ArgumentTypeError(f"{text!r} is not i/n with i from 0 to n - 1, like 0/4")
    return int(index), int(count)


def _fit(arguments: argparse.Namespace) -> None:
    from train.radfinder_recipe import RadFinderRecipe
    from train.recipe import read_recipe

    recipe = read_recipe(arguments.recipe)
    if isinstance(recipe, RadFinderRecipe):
        from train.fit.radfinder import fit_radfinder

        _need(arguments, "a recipe of released-type weights", "features", "weights")
        fit_radfinder(
            recipe,
            arguments.recipe.parent,
            arguments.features,
            arguments.weights,
            arguments.out,
            tokenizer=arguments.tokenizer,
            num_steps=arguments.steps,
            is_fresh=arguments.fresh,
            device=arguments.device,
        )
        return
    from train.data.phantoms import check_frame
    from train.fit.slab import fit

    _need(arguments, "a recipe of the bundled model", "cache")
    check_frame(arguments.cache, recipe.frame.slab_frame())
    fit(
        recipe,
        arguments.cache,
        arguments.out,
        minutes=arguments.minutes,
        is_fresh=arguments.fresh,
        stop_after_minutes=arguments.stop_after,
    )


def _need(arguments: argparse.Namespace, what: str, *options: str) -> None:
    """End with a sentence unless the options that this kind of recipe reads are given."""
    missing = [f"--{name}" for name in options if getattr(arguments, name) is None]
    if missing:
        arguments.parser.error(f"{what} needs {' and '.join(missing)}")


def _evaluate(arguments: argparse.Namespace) -> None:
    if arguments.answers is not None:
        _need(arguments, "--answers", "out")
        _evaluate_answers(arguments)
        return
    _need(arguments, "evaluate", "weights")
    if arguments.features is not None:
        _evaluate_stored(arguments)
    else:
        _evaluate_scans(arguments)


def _evaluate_answers(arguments: argparse.Namespace) -> None:
    from napari_ct_grounding.core.localization_results import read_localization_results
    from train.evaluation.files import write_measured
    from train.evaluation.tasks import from_batch

    answers = from_batch(read_localization_results(arguments.answers), arguments.answers.stem, arguments.resamples)
    print(write_measured([answers], arguments.out, arguments.against))


def _evaluate_stored(arguments: argparse.Namespace) -> None:
    from train.stored_evaluation import evaluate_stored, markdown_tables

    figures = evaluate_stored(
        arguments.weights, arguments.features, split=arguments.split, num_resamples=arguments.resamples
    )
    print(markdown_tables(figures))
    if arguments.out is not None:
        from train.evaluation.files import write_measured
        from train.evaluation.tasks import from_stored

        write_measured(from_stored(figures), arguments.out, arguments.against)


def _evaluate_scans(arguments: argparse.Namespace) -> None:
    from train.report_card import evaluate_command

    evaluate_command(
        arguments.weights,
        num_phantoms=arguments.phantoms,
        seed0=arguments.seed0,
        cache=arguments.cache,
        num_workers=arguments.workers,
        pool=arguments.pool,
        real=arguments.real,
        data=arguments.data,
        into_card=arguments.into_card,
        prior=arguments.prior,
        results=arguments.results,
        out=arguments.out,
        against=arguments.against,
        num_resamples=arguments.resamples,
    )


def _calibrate(arguments: argparse.Namespace) -> None:
    from train.calibration.command import calibrate_command

    calibrate_command(
        arguments.weights,
        arguments.cases,
        data=arguments.data,
        labels=arguments.labels,
        num_phantoms=arguments.phantoms,
        seed0=arguments.seed0,
        cache=arguments.cache,
        num_workers=arguments.workers,
    )


def _export(arguments: argparse.Namespace) -> None:
    from train.radfinder_export import export_radfinder, is_radfinder_run

    if is_radfinder_run(arguments.run):
        export_radfinder(
            arguments.run,
            arguments.out,
            name=arguments.name,
            start=arguments.weights,
            tokenizer=arguments.tokenizer,
            is_merged=not arguments.unmerged,
        )
        return
    from train.export import export

    export(arguments.run, arguments.out, name=arguments.name)


def _mine(arguments: argparse.Namespace) -> None:
    from train.mine import mine

    summary = mine(arguments.reports, arguments.studies, arguments.out, arguments.workers)
    refused = ", ".join(f"{cause} {count}" for cause, count in summary.refused.items()) or "none"
    print(
        f"{summary.num_pairs} pairs from {summary.num_references} references in {summary.num_reports_with_references} of "
        f"{summary.num_reports} reports; refused: {refused}."
    )


def _demo_case(arguments: argparse.Namespace) -> None:
    from train.demo_case import write_demo_case

    write_demo_case(arguments.out)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m train", description="Make weights that napari-ct-grounding opens.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    phantoms = commands.add_parser("phantoms", help="generate phantoms into a cache; goes on where it was stopped")
    phantoms.add_argument("--out", type=Path, required=True, help="folder of the cache")
    phantoms.add_argument("--num", type=int, required=True, help="number of phantoms")
    phantoms.add_argument(
        "--recipe", type=Path, help="TOML file whose frame they are laid into (default: the usual one)"
    )
    phantoms.add_argument("--seed0", type=int, default=0, help="first seed (default 0)")
    phantoms.add_argument("--workers", type=int, default=2, help="processes (default 2)")
    phantoms.set_defaults(run_command=_phantoms)

    dataset = commands.add_parser("phantom-dataset", help="write phantoms as data sets come; for 'features'")
    dataset.add_argument(
        "--layout", choices=("ct-rate", "clinic"), required=True, help="clinic: DICOM studies and a table"
    )
    dataset.add_argument("--out", type=Path, required=True, help="folder of the data set")
    dataset.add_argument("--num", type=int, required=True, help="number of phantoms")
    dataset.add_argument("--seed0", type=int, default=0, help="first seed (default 0)")
    dataset.add_argument(
        "--spacing", type=float, nargs=3, default=(5.0, 4.0, 4.0), metavar="MM", help="z y x (default 5 4 4)"
    )
    dataset.add_argument("--workers", type=int, default=2, help="processes (default 2)")
    dataset.set_defaults(run_command=_phantom_dataset)

    features = commands.add_parser("features", help="encode the scans of a data set once; goes on where it was stopped")
    features.add_argument(
        "--dataset", required=True, help="ct-rate, merlin, inspect, rad-chestct, radgenome, rexgroundingct or manifest"
    )
    features.add_argument("--root", type=Path, required=True, help="its folder; the table (CSV, Parquet) of a manifest")
    features.add_argument(
        "--weights", default="radfinder", help="name or folder of RadFinder's type (default radfinder)"
    )
    features.add_argument(
        "--out", type=Path, required=True, help="folder of the features; several data sets may share it"
    )
    features.add_argument("--shard", type=_part, default=(0, 1), metavar="I/N", help="the I-th of N processes, from 0")
    features.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default auto)")
    features.add_argument(
        "--precision", choices=("bfloat16", "float32"), default="bfloat16", help="default: as released"
    )
    features.add_argument("--readers", type=int, default=2, help="threads that read scans ahead (default 2)")
    features.add_argument("--limit", type=int, help="only the first so many scans")
    features.add_argument("--ct-rate", type=Path, help="folder of CT-RATE, whose scans rexgroundingct uses")
    features.add_argument("--rate", type=Path, help="folder of RATE tables: labels, findings by organ, no comparisons")
    features.add_argument("--tokenizer", type=Path, help="folder of tokenizer files, for weights without")
    features.add_argument("--accept-licence", action="store_true", help="of weights that must be downloaded")
    features.add_argument("--records-only", action="store_true", help="encode nothing; write reports and labels anew")
    features.set_defaults(run_command=_features)

    text = commands.add_parser(
        "text", help="teach the bundled model's text encoder, from text alone; 'fit' does it too"
    )
    text.add_argument("--recipe", type=Path, required=True, help="TOML file, see train/recipes/")
    text.add_argument("--out", type=Path, required=True, help="folder; RUN/text is where 'fit' looks")
    text.add_argument("--minutes", type=float, help="instead of the recipe's")
    text.set_defaults(run_command=_text, parser=text)

    fit = commands.add_parser("fit", help="train; the same command again goes on where it was stopped or killed")
    fit.add_argument("--recipe", type=Path, required=True, help="TOML file, see train/recipes/; it says which model")
    fit.add_argument("--out", type=Path, required=True, help="folder of the run: checkpoint, log, config")
    fit.add_argument("--fresh", action="store_true", help="begin anew, whatever the folder holds")
    fit.add_argument("--cache", type=Path, help="bundled model: folder written by the command 'phantoms'")
    fit.add_argument("--minutes", type=float, help="bundled model: instead of the recipe's")
    fit.add_argument(
        "--stop-after", type=float, help="bundled model: leave after these minutes; the same command then goes on"
    )
    fit.add_argument("--features", type=Path, help="released type: folder written by the command 'features'")
    fit.add_argument("--weights", help="released type: weights to begin with, a name or a folder")
    fit.add_argument("--tokenizer", type=Path, help="released type: folder of tokenizer files, for weights without")
    fit.add_argument("--steps", type=int, help="released type: stop after this step of the whole schedule")
    fit.add_argument("--device", choices=("auto", "cpu"), default="auto", help="released type (default: a GPU if any)")
    fit.set_defaults(run_command=_fit, parser=fit)

    evaluate = commands.add_parser("evaluate", help="measure weights on held-out phantoms and real sentences")
    evaluate.add_argument("--weights", type=Path, help="folder of weights")
    evaluate.add_argument("--out", type=Path, help="folder for a JSON file and a plot per task, and a page of tables")
    evaluate.add_argument(
        "--against", type=Path, help="such a folder of another model: what these weights gain over it"
    )
    evaluate.add_argument(
        "--answers", type=Path, help="measure the answers that 'ct-grounding batch' wrote; no weights"
    )
    evaluate.add_argument(
        "--phantoms", type=int, default=200, help="number of held-out phantoms (default 200; 0: none)"
    )
    evaluate.add_argument(
        "--pool",
        type=int,
        default=0,
        help="phantoms among which reports seek their scan (default: those of --phantoms)",
    )
    evaluate.add_argument("--seed0", type=int, default=5_000_000, help="their first seed (default 5000000)")
    evaluate.add_argument("--cache", type=Path, default=Path("runs/evaluation_cache"), help="where they are kept")
    evaluate.add_argument("--workers", type=int, default=2, help="processes that generate them (default 2)")
    evaluate.add_argument("--real", type=Path, help="JSON with sentences, see tests/data/real_sentences.json")
    evaluate.add_argument("--data", type=Path, help="folder that the volumes of --real lie in")
    evaluate.add_argument(
        "--results", type=Path, help="write the answers to the sentences of --real here, as 'ct-grounding batch' does"
    )
    evaluate.add_argument("--features", type=Path, help="released type: measure on these stored features instead")
    evaluate.add_argument(
        "--split", default="valid", help="of the stored features: train, valid or test (default valid)"
    )
    evaluate.add_argument("--resamples", type=int, default=10_000, help="of the intervals (default 10000)")
    evaluate.add_argument("--prior", type=Path, help="cache of training phantoms that the category prior is taken from")
    evaluate.add_argument("--into-card", action="store_true", help="keep the figures in card.json")
    evaluate.set_defaults(run_command=_evaluate, parser=evaluate)

    calibrate = commands.add_parser("calibrate", help="choose how profiles are read, and write it into card.json")
    calibrate.add_argument("weights", type=Path, metavar="WEIGHTS", help="folder of weights")
    calibrate.add_argument(
        "cases",
        type=Path,
        nargs="?",
        metavar="CASES",
        help="about 200 own scans: the list of 'ct-grounding batch', or JSON with sentences (default: phantoms)",
    )
    calibrate.add_argument("--data", type=Path, help="folder of the scans that a JSON list names")
    calibrate.add_argument(
        "--labels", type=Path, help="CSV of disease labels: column scan, columns of CT-RATE diseases"
    )
    calibrate.add_argument("--phantoms", type=int, default=150, help="number of phantoms (default 150)")
    calibrate.add_argument("--seed0", type=int, default=7_000_000, help="their first seed (default 7000000)")
    calibrate.add_argument("--cache", type=Path, default=Path("runs/calibration_cache"), help="where they are kept")
    calibrate.add_argument("--workers", type=int, default=2, help="processes that generate them (default 2)")
    calibrate.set_defaults(run_command=_calibrate)

    export = commands.add_parser("export", help="write a weights folder from a run")
    export.add_argument("--run", type=Path, required=True, help="folder written by 'fit'")
    export.add_argument("--out", type=Path, required=True, help="folder of the weights")
    export.add_argument("--name", default="bundled", help="name in the card (default bundled)")
    export.add_argument("--weights", help="released type: the weights that the run began with, if they were moved")
    export.add_argument("--tokenizer", type=Path, help="released type: folder of tokenizer files, for weights without")
    export.add_argument(
        "--unmerged", action="store_true", help="released type: low-rank updates apart (the plugin opens merged ones)"
    )
    export.set_defaults(run_command=_export)

    mine = commands.add_parser(
        "mine",
        help="sentence-slice pairs out of reports that name images, and DICOM studies; goes on where it was stopped",
        description="Reads reports and the headers of their studies; writes pairs.parquet, refused.parquet and summary.json.",
    )
    mine.add_argument(
        "--reports",
        type=Path,
        required=True,
        help="table (.csv, .tsv, .xlsx, .parquet) or .jsonl with report or report_file, and study; or a folder of .txt "
        "named after their studies",
    )
    mine.add_argument(
        "--studies",
        type=Path,
        required=True,
        help="folder that holds a folder of DICOM, or NAME.slices.json, for each study; a study is named by either or by "
        "its StudyInstanceUID",
    )
    mine.add_argument("--out", type=Path, required=True, help="folder of the tables")
    mine.add_argument("--workers", type=int, default=2, help="processes (default 2)")
    mine.set_defaults(run_command=_mine)

    demo_case = commands.add_parser("demo-case", help="write the synthetic case that ships with the plugin")
    demo_case.add_argument("--out", type=Path, required=True, help="folder of the case")
    demo_case.set_defaults(run_command=_demo_case)
    return parser


def main(argv: list[str] | None = None) -> None:
    """Run one command."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    try:
        arguments.run_command(arguments)
    except InputError as error:
        parser.exit(2, f"python -m train {arguments.command}: {error}\n")


if __name__ == "__main__":
    main()
