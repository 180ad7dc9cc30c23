"""Who foresees what the shoppers of a fashion shop buy, when most of it was never bought before?

Data: the folder `hm` (17,033 products with pictures and texts, 31,662 purchases of 1,364 shoppers in two years). Cut at
two moments: 80 % of the purchases to learn from, 10 % to choose options by, 10 % to measure on. Two of three
purchases of the last tenth are of products that nobody had bought before, so behaviour alone cannot foresee them.

A caution: the catalogue holds the products that were bought at some time in these two years. One that nobody bought
before the cut will therefore be bought after it, which no real shop knows; a model that learns how often new products
are bought (the hybrid) can use that, and one that ranks by likeness alone cannot. The rows `among new products` rank
only those among themselves, where that does not help.

Product vectors: those of a bundle's index, made from pictures, texts and tags by a model that saw no purchase:

    product-matching train hm/catalog.csv --out BUNDLE …; product-matching index BUNDLE hm/catalog.csv
    python -m benchmarks.recommendation_shop hm/transactions.csv --bundle BUNDLE [--on valid] [--models NAMES]

or, with `--vectors`, those of .npz files (`ids`, `vectors`), joined at equal length: frozen towers, say.

It prints a line of the table a model: HR@10 (a shopper with at least one of the purchases among the first ten) with its
95 % bootstrap interval over the shoppers.

Time: twenty minutes.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.recommendation_rooms import joined_vectors
from product_matching.recommendation import (
    Interactions,
    ProductFeatures,
    Recommender,
    build_recommender,
    evaluate_recommender,
    load_interactions,
    split_interactions,
)

DAY = 86_400.0
POPULARITY = {"half_life": 90 * DAY}
RECENT = {"half_life": 14 * DAY}
KNN = {"similarity": "cosine", "history_decay": 0.9}
ALS = {"factors": 64, "alpha": 10.0, "regularization": 1.0}
CONTENT = {"profile": "decayed", "decay": 0.7}
SOURCE_OPTIONS = {"item-knn": KNN, "als": ALS, "content": CONTENT, "popularity": RECENT}
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "popularity": ("popularity", POPULARITY),
    "item-knn": ("item-knn", KNN),
    "als": ("als", ALS),
    "content": ("content", CONTENT),
    "content, nearest": ("content", {"profile": "attentive", "sharpness": 30.0}),
    "hybrid": ("hybrid", {"holdout": "period", "period": 0.2, "source_options": SOURCE_OPTIONS}),
}
"""Options were chosen on the validation part."""
SLICES = ("cold users", "cold products", "warm products")


def main() -> None:
    options = _parse()
    events = load_interactions(options.transactions, columns={"timestamp": "date"})
    split = split_interactions(events, "global-time")
    known, targets = (split.before_test, split.test) if options.on == "test" else (split.train, split.valid)
    features = read_vectors(options)
    print(f"| model | all | {' | '.join(SLICES)} | among new products | nDCG@10 |")
    print("|---|" + "---|" * (len(SLICES) + 3), flush=True)
    for name in options.models.split(";") if options.models else MODELS:
        kind, settings = MODELS[name]
        settings = settings | (json.loads(options.set) if kind == options.set_of else {})
        model = build_recommender(kind, **settings).fit(known, features)
        print(as_row(name, evaluate_recommender(model, targets), among_new(model, targets)), flush=True)


def read_vectors(options: argparse.Namespace) -> ProductFeatures:
    """Vectors of a bundle's index, or of .npz files with `ids` and `vectors`."""
    if options.vectors:
        return joined_vectors(options.vectors)
    from product_matching import ProductIndex, load_bundle
    from product_matching.cli.features import features_of_index

    return features_of_index(ProductIndex.load(load_bundle(options.bundle).index_folder))


def among_new(model: Recommender, targets: Interactions) -> float:
    """HR@10 of shoppers who bought new products, only products that nobody had bought before being ranked."""
    new = model.products.ids[model.products.counts == 0]
    kept = targets.take(np.isin(targets.products[targets.product], new))
    users = np.unique(kept.user)
    ids, _ = model.recommend(kept.users[users].tolist(), k=10, candidates=new.tolist())
    wanted = [set(kept.products[kept.product[kept.user == user]].tolist()) for user in users]
    return float(np.mean([bool(own & set(row.tolist())) for own, row in zip(wanted, ids, strict=True)]))


def as_row(name: str, metrics: dict[str, Any], new: float) -> str:
    """A line of the table."""
    cells = [_cell(metrics), *(_cell(metrics["slices"].get(part)) for part in SLICES)]
    return f"| {name} | {' | '.join(cells)} | {new:.3f} | {metrics['ndcg@10']:.4f} |"


def _cell(metrics: dict[str, Any] | None) -> str:
    if metrics is None:
        return ""
    low, high = metrics["intervals"]["hr@10"]
    return f"{metrics['hr@10']:.3f} ({low:.3f} to {high:.3f})"


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("transactions", type=Path)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--vectors", type=Path, nargs="+", help=".npz files instead of a bundle")
    parser.add_argument("--on", choices=["valid", "test"], default="test")
    parser.add_argument("--models", default="", help="names of rows, separated by semicolons")
    parser.add_argument("--set", default="{}", help="other options as JSON, of the models of the kind --set-of")
    parser.add_argument("--set-of", default="hybrid")
    return parser.parse_args()


if __name__ == "__main__":
    main()
