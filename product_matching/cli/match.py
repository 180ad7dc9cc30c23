"""`match`: a probability for each pair of a table."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from product_matching.cli.arguments import add_json, add_prefixes
from product_matching.cli.output import emit, say, table

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from product_matching.bundle import Bundle

Scored = tuple["np.ndarray", "np.ndarray", float]
"""Scores [P], probabilities [P], the threshold of the bundle."""


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "match",
        help="say how probable it is that each pair of a table matches",
        description="Scores pairs with a bundle of `train` (title, description, tags and image count as such, any "
        "other column as words) or with a re-ranker of `train-pairs` (any columns).",
    )
    parser.add_argument("bundle", help="folder of the bundle")
    parser.add_argument("pairs", type=Path, help="table of pairs: left_title, right_image, …, perhaps a label")
    add_prefixes(parser)
    parser.add_argument(
        "--aim",
        default="",
        help="what a match should serve, as measured on validation pairs, half of which match: accuracy (the default), "
        "f1, precision>=0.95, recall>=0.9 or cost=5 (of a false match, a missed one being 1)",
    )
    parser.add_argument(
        "--by-category",
        default="",
        metavar="COLUMN",
        help="a threshold for each kind of goods, best F1: the column of the left side that names the kind",
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Scores the pairs."""
    from product_matching.dataset import load_pairs

    pairs = load_pairs(options.pairs, left=options.left, right=options.right)

    from product_matching.bundle import load_bundle

    bundle = load_bundle(options.bundle, kinds=("product", "pairs"))
    emit(score_pairs(bundle, pairs, options), as_json=options.json, text=_text)


def score_pairs(bundle: Bundle, pairs: pd.DataFrame, options: argparse.Namespace) -> dict[str, Any]:
    """Probability and verdict of each pair and, where there are labels, how right they are."""
    from product_matching.dataset import pair_prefixes
    from product_matching.metrics import match_metrics

    prefixes = pair_prefixes(pairs, options.left, options.right, options.pairs)
    score = _score_by_reranker if bundle.kind == "pairs" else _score_by_vectors
    scores, probabilities, threshold = score(bundle, pairs, prefixes, options.pairs.parent)
    threshold = _aimed(bundle, options.aim, threshold)
    own = _own_thresholds(bundle, pairs, options.by_category, threshold)
    verdicts = [
        {"probability": float(p), "match": bool(p >= least), "score": float(score), "row": int(row)}
        for row, p, score, least in zip(pairs.index, probabilities, scores, own, strict=True)
    ]
    result: dict[str, Any] = {"threshold": threshold, "pairs": verdicts}
    if "label" in pairs.columns:
        labels = pairs["label"].to_numpy()
        result |= match_metrics(labels, probabilities, threshold=threshold)
        if options.by_category:
            called = match_metrics(labels, (probabilities >= own).astype(float), threshold=0.5)
            result |= {name: called[name] for name in ("accuracy", "precision", "recall", "f1")}
    return result


def _aimed(bundle: Bundle, aim: str, default: float) -> float:
    from product_matching.metrics import threshold_for

    return threshold_for(_table(bundle), aim) if aim else default


def _own_thresholds(bundle: Bundle, pairs: pd.DataFrame, column: str, default: float) -> list[float]:
    """A threshold for each pair: of its kind of goods, where the bundle knows it."""
    from product_matching.errors import DataError, unknown_name

    if not column:
        return [default] * len(pairs)
    if column not in pairs.columns:
        raise DataError(unknown_name("column", column, pairs.columns))
    known = _table(bundle)["by_category"]
    return [known.get(kind, default) for kind in pairs[column]]


def _table(bundle: Bundle) -> dict[str, Any]:
    from product_matching.errors import BundleError

    table = bundle.manifest.get("thresholds")
    if not table:
        raise BundleError(
            f"{bundle.folder} holds no thresholds by aim: it is a re-ranker, or of before. Train it again."
        )
    return table


def _score_by_vectors(bundle: Bundle, pairs: pd.DataFrame, prefixes: tuple[str, str], root: Path) -> Scored:
    left, right = (_side_vectors(bundle, pairs, prefix, root) for prefix in prefixes)
    scores = bundle.head.score((left * right).sum(axis=1))
    return scores, bundle.head.probability(scores, *map(bundle.head.reach, (left, right))), bundle.head.threshold


def _score_by_reranker(bundle: Bundle, pairs: pd.DataFrame, prefixes: tuple[str, str], root: Path) -> Scored:
    from product_matching.dataset import pair_records

    left, right = (pair_records(pairs, prefix) for prefix in prefixes)
    _tell_missing(bundle.manifest["columns"], left[0], right[0])
    model = bundle.load_reranker()
    scores = model.score(left, right)
    return scores, model.probability(scores), model.threshold


def _tell_missing(learned: dict[str, list[str]], left: dict[str, str], right: dict[str, str]) -> None:
    """Says which columns of the training are not there; with none of a side, the numbers would mean nothing."""
    from product_matching.errors import DataError

    for name, record in (("left", left), ("right", right)):
        missing = [column for column in learned[name] if column not in record]
        if missing and len(missing) == len(learned[name]):
            raise DataError(
                f"The re-ranker learned from the {name} columns {', '.join(missing)}; none of them is there, "
                f"but {', '.join(record)}. Rename the columns, or train on this table."
            )
        if missing:
            say(f"warning: {name} column {', '.join(missing)}, of the training, is not there and counts as empty")


def _side_vectors(bundle: Bundle, pairs: pd.DataFrame, prefix: str, root: Path) -> np.ndarray:
    from product_matching.dataset.pairs import side_of_pairs
    from product_matching.search import ProductIndex, embed_products

    columns = [column for column in pairs.columns if column.startswith(prefix)]
    if columns == [f"{prefix}product_id"]:
        if not bundle.index_folder.is_dir():
            from product_matching.errors import BundleError

            raise BundleError(
                f"Product ids need the bundle's index. Build it: product-matching index {bundle.folder} CATALOG"
            )
        return ProductIndex.load(bundle.index_folder).vectors_of(pairs[columns[0]].tolist())
    return embed_products(bundle, side_of_pairs(pairs, prefix, root))


def _text(result: dict[str, Any]) -> str:
    rows = [[str(pair["row"]), pair["probability"], "yes" if pair["match"] else "no"] for pair in result["pairs"]]
    text = table(["row", "probability", "match"], rows)
    if "accuracy" in result:
        names = ("accuracy", "precision", "recall", "f1")
        text += "\n" + ", ".join(f"{name} {result[name]:.3f}" for name in names)
    return text
