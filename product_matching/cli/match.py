"""`match`: a probability for each pair of a table."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from product_matching.cli.arguments import add_json
from product_matching.cli.output import emit, table

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from product_matching.bundle import Bundle


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser("match", help="say how probable it is that each pair of a table matches")
    parser.add_argument("bundle", help="folder of the bundle")
    parser.add_argument("pairs", type=Path, help="table of pairs: left_title, right_image, …, perhaps a label")
    parser.add_argument("--left", default="left_", help="how the columns of the one side begin (default: left_)")
    parser.add_argument("--right", default="right_", help="how those of the other begin (default: right_)")
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Scores the pairs."""
    from product_matching.dataset import load_pairs

    pairs = load_pairs(options.pairs, left=options.left, right=options.right)

    from product_matching.bundle import load_bundle

    bundle = load_bundle(options.bundle)
    emit(score_pairs(bundle, pairs, options), as_json=options.json, text=_text)


def score_pairs(bundle: Bundle, pairs: pd.DataFrame, options: argparse.Namespace) -> dict[str, Any]:
    """Probability and verdict of each pair and, where there are labels, how right they are."""
    from product_matching.metrics import match_metrics

    root = options.pairs.parent
    left, right = (_side_vectors(bundle, pairs, prefix, root) for prefix in (options.left, options.right))
    scores = bundle.head.score((left * right).sum(axis=1))
    probabilities = bundle.head.probability(scores)
    verdicts = [
        {"probability": float(p), "match": bool(p >= bundle.head.threshold), "score": float(score), "row": int(row)}
        for row, p, score in zip(pairs.index, probabilities, scores, strict=True)
    ]
    result: dict[str, Any] = {"threshold": bundle.head.threshold, "pairs": verdicts}
    if "label" in pairs.columns:
        result |= match_metrics(pairs["label"].to_numpy(), probabilities, threshold=bundle.head.threshold)
    return result


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
