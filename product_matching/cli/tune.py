"""`tune`: searches for the options that learn best from a catalogue."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from product_matching.cli.arguments import add_catalog, add_json, read_catalog
from product_matching.cli.output import emit, say
from product_matching.cli.progress import step

if TYPE_CHECKING:
    from product_matching.train.tuning import Trial


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "tune",
        help="search for the options that learn best from a catalogue",
        description="Trains many small models and tells which options found most validation pictures by their texts. "
        "A study that was interrupted goes on with the same command. Needs the extra tune.",
    )
    add_catalog(parser)
    parser.add_argument("--out", required=True, type=Path, metavar="STUDY", help="folder of the study")
    parser.add_argument("--config", default="small", metavar="FILE", help="a preset or a .toml file (default: small)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="what all trials share")
    parser.add_argument(
        "--space",
        type=Path,
        metavar="FILE",
        help='a .toml file, such as "train.augment" = {min = 0.2, max = 1.0} (default: rate, decay, augmentation, '
        "dropout, runs of one kind)",
    )
    parser.add_argument("--trials", type=int, default=20, help="settings to try, all runs together (default: 20)")
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Tries settings on the training and validation parts; the test part is not touched."""
    from product_matching.config import load_config
    from product_matching.train.tuning import DEFAULT_SPACE, read_space, tune

    config = load_config(options.config, options.set)
    with step("read the catalogue"):
        catalog = read_catalog(options, group_by=config.split.group_by, near_duplicates=config.split.near_duplicates)
    train, val, _ = catalog.split(config.seed, val=config.split.val, test=config.split.test)
    say(f"{len(train)} products to train on, {len(val)} to judge by")
    trials = tune(
        train,
        val,
        options.out,
        preset=options.config,
        overrides=options.set,
        space=read_space(options.space) if options.space else DEFAULT_SPACE,
        trials=options.trials,
        told=lambda number, trial: say(f"  {number}/{options.trials}  {_line(trial)}"),
    )
    rows = [{"val_mrr": trial.score, "set": trial.overrides} for trial in trials]
    result = {"trials": rows, "best": rows[0]["set"], "val_mrr": rows[0]["val_mrr"]}
    emit(result, as_json=options.json, text=lambda found: _text(found, options))


def _line(trial: Trial) -> str:
    return f"val_mrr {trial.score:.3f}  {' '.join(trial.overrides)}"


def _text(result: dict[str, Any], options: argparse.Namespace) -> str:
    lines = [f"val_mrr {row['val_mrr']:.3f}  {' '.join(row['set'])}" for row in result["trials"]]
    given = [*options.set, *result["best"]]
    changes = " ".join(f"--set {change}" for change in given)
    following = f"next: product-matching train {options.catalog} --out BUNDLE --config {options.config} {changes}"
    return "\n".join([*lines, following])
