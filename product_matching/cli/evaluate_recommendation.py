"""`evaluate-recommendation`: every recommender on the same split, side by side."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from product_matching.cli.arguments import add_interactions, add_json, read_interactions
from product_matching.cli.output import emit, say, table
from product_matching.cli.progress import step

if TYPE_CHECKING:
    from product_matching.recommendation import ProductFeatures, TimeSplit

SHOWN = ("hr@5", "hr@10", "ndcg@10", "mrr", "coverage", "gini", "novelty")


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = commands.add_parser("evaluate-recommendation", help="measure every recommender on the same split")
    add_interactions(parser)
    parser.add_argument("catalog", type=Path, nargs="?", help="table of products, for prices and new products")
    parser.add_argument("--bundle", help="bundle whose vectors describe the products")
    parser.add_argument("--models", default="all", metavar="NAMES", help="all, or names separated by commas")
    parser.add_argument(
        "--split",
        choices=["leave-last-out", "global-time"],
        default="leave-last-out",
        help="foresee the last event of each user, or the last tenth of all events (default: leave-last-out)",
    )
    parser.add_argument(
        "--on", choices=["valid", "test"], default="test", help="tune on valid, report on test (default: test)"
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Fits and measures one model after the other."""
    from product_matching.recommendation import split_interactions
    from product_matching.recommendation.models import MODELS, model_class

    names = list(MODELS) if options.models == "all" else [name.strip() for name in options.models.split(",")]
    for name in names:
        model_class(name)  # an unknown name is told before anything is read
    with step("read the interactions"):
        interactions = read_interactions(options)
    split = split_interactions(interactions, options.split)
    features = _features(options)
    models, skipped = {}, {}
    for name in names:
        if model_class(name).needs_vectors and (features is None or features.vectors is None):
            skipped[name] = "it needs product vectors: name a --bundle with an index, or with the CATALOG"
            say(f"{name} is left out: {skipped[name]}")
            continue
        with step(name):
            models[name] = _measure(name, split, features, options.on)
    result = {"split": options.split, "on": options.on, "models": models, "skipped": skipped}
    emit(result, as_json=options.json, text=_text)


def _measure(name: str, split: TimeSplit, features: ProductFeatures | None, on: str) -> dict[str, Any]:
    from product_matching.recommendation import build_recommender, evaluate_recommender

    known, targets = (split.before_test, split.test) if on == "test" else (split.train, split.valid)
    return evaluate_recommender(build_recommender(name).fit(known, features), targets)


def _features(options: argparse.Namespace) -> ProductFeatures | None:
    from product_matching.cli.features import features_of_catalog, features_of_index, index_of

    bundle = None
    if options.bundle:
        from product_matching.bundle import load_bundle

        bundle = load_bundle(options.bundle)
    if options.catalog:
        from product_matching.dataset import load_data

        return features_of_catalog(load_data(options.catalog, on_bad_image="keep"), bundle)
    index = None if bundle is None else index_of(bundle)
    if bundle is not None and index is None:
        from product_matching.errors import BundleError

        raise BundleError(
            f"{bundle.folder} has no index. Build it (product-matching index {bundle.folder} CATALOG), or name the "
            "CATALOG after the INTERACTIONS."
        )
    return None if index is None else features_of_index(index)


def _text(result: dict[str, Any]) -> str:
    rows = [[name, *(metrics[key] for key in SHOWN)] for name, metrics in result["models"].items()]
    return table(["model", *SHOWN], rows) if rows else "no model could be measured"
