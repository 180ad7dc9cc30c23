"""How far do the recommenders get on a public benchmark, beside what is published there?

Data: Amazon Beauty, 5-core (22,363 users, 12,101 products, 198,502 reviews in order), `interactions.csv` and
`items.csv` of the folder DATA. Each user's last product is the test, the one before the validation; every product is
ranked, what the user had is left out. Products are named by a hash of their ASIN, since equal scores stand by name, and
neither the numbers of the file (given in the order of first appearance) nor ASINs are without a hint: in 69 % of all
steps of a user the ASIN rises, because reviews of one day are in the order of the source. That order is a part of this
benchmark which every model that reads order can use, here and in the published figures; a shop has no such hint.

Each model is fitted twice. First on train alone: measured on validation, which is what the options below were chosen
by; then, after `update` with the validation events and without learning anything from them, on test: the protocol of
the published figures. Then on train and validation, measured on test: what a shop would run.

Command:

    python benchmarks/recommendation.py DATA [--vectors TITLES.npz] [--models NAMES] [--out RESULTS.jsonl]

TITLES.npz holds `ids` (ASIN) and `vectors` (float32 [N, D]), such as embeddings of the titles by all-MiniLM-L6-v2;
models that need vectors are left out without it. A line of RESULTS.jsonl is written after each model.

Published HR@10 on this split: popularity .014, item-kNN .064, SASRec .061, TIGER .065, ActionPiece .078.

Time: two hours for all models, a minute for the plain ones.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd

from product_matching.recommendation import (
    Interactions,
    ProductFeatures,
    build_recommender,
    evaluate_recommender,
    load_interactions,
    split_interactions,
)

KNN = {"similarity": "asymmetric", "alpha": 0.8, "shrink": 20.0, "neighbours": 100, "user_damping": 0.25}
KNN |= {"history_decay": 0.7, "gap_decay": 0.9, "backward": 0.2}
ALS = {"factors": 128, "alpha": 10.0, "regularization": 1.0}
SEQUENTIAL = {"negatives": 2048, "epochs": 22}
SASREC = {"dim": 64, "heads": 2, "dropout": 0.3, "epochs": 270, "loss": "binary", "use_vectors": False}
"""The loss of the paper, one negative a target; width, dropout and epochs are the best of two on validation."""
MODELS = {
    "popularity": ("popularity", {"half_life": 0.0}),
    "item-knn, cosine": ("item-knn", {"similarity": "cosine"}),
    "item-knn, ordered": ("item-knn", KNN),
    "als": ("als", ALS),
    "bpr": ("bpr", {"factors": 128, "learning_rate": 0.1}),
    "sequential, ids": ("sequential", {**SEQUENTIAL, "use_vectors": False}),
    "sequential, as published": ("sequential", SASREC),
    "content": ("content", {}),
    "visual-bpr": ("visual-bpr", {}),
    "two-tower": ("two-tower", {}),
    "sequential, ids and vectors": ("sequential", SEQUENTIAL),
    "hybrid": ("hybrid", {"source_options": {"item-knn": KNN, "als": ALS}}),
    "hybrid with sequential": (
        "hybrid",
        {
            "sources": ["item-knn", "sequential", "als", "content", "popularity"],
            "source_options": {"item-knn": KNN, "als": ALS, "sequential": SEQUENTIAL},
        },
    ),
}
"""From the name of a row to the model and its options, chosen on validation."""


def main() -> None:
    options = _parse()
    events, features = read_interactions(options.data), read_vectors(options.vectors)
    names = options.models.split(";") if options.models else list(MODELS)
    print("| model | valid HR@10 | test HR@10, NDCG@10 (train) | test HR@10, NDCG@10 (train + valid) | fit, s |")
    print("|---|---|---|---|---|", flush=True)
    for name in names:
        if features is None and build_recommender(MODELS[name][0]).needs_vectors:
            continue
        result = measure(name, events, features, refit=not options.no_refit, users=options.users)
        print(as_row(name, result), flush=True)
        if options.out:
            with options.out.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps({"name": name, "options": MODELS[name], **result}) + "\n")


def read_interactions(folder: Path) -> Interactions:
    """The events, products by `name_of` their ASIN."""
    columns = {"product_id": "item_id", "timestamp": "order"}
    events = load_interactions(folder / "interactions.csv", columns=columns)
    items = pd.read_csv(folder / "items.csv", dtype=str, keep_default_na=False)
    asin = dict(zip(items["item_id"], items["asin"], strict=True))
    names = np.array([name_of(asin[item]) for item in events.products])
    return Interactions.from_arrays(events.users[events.user], names[events.product], events.time)


def read_vectors(path: Path | None) -> ProductFeatures | None:
    """Product vectors of a .npz file."""
    if path is None:
        return None
    with np.load(path) as file:
        return ProductFeatures.of([name_of(asin) for asin in file["ids"].astype(str)], file["vectors"])


def name_of(asin: str) -> str:
    """A name whose order means nothing."""
    return hashlib.blake2b(asin.encode(), digest_size=8).hexdigest()


def measure(name: str, events: Interactions, features: ProductFeatures | None, *, refit: bool, users: int = 0) -> dict:
    """Valid and test metrics of one row of the table, on so many users drawn at random; 0: all."""
    kind, options = MODELS[name]
    split = split_interactions(events)
    valid_targets, test_targets = (_sample(part, users) for part in (split.valid, split.test))
    start = time.perf_counter()
    model = build_recommender(kind, **options).fit(split.train, features)
    seconds = time.perf_counter() - start
    valid = evaluate_recommender(model, valid_targets, intervals=False)
    start = time.perf_counter()
    folded = evaluate_recommender(model.update(split.valid), test_targets)
    ranking = time.perf_counter() - start
    result = {"valid": valid, "folded": folded, "fit_seconds": seconds, "ranking_seconds": ranking}
    if refit:
        again = build_recommender(kind, **options).fit(split.before_test, features)
        result["refit"] = evaluate_recommender(again, test_targets)
    return result


def _sample(targets: Interactions, users: int) -> Interactions:
    random = np.random.default_rng(0)
    drawn = random.choice(len(targets.users), size=users or len(targets.users), replace=False)
    return targets.take(np.isin(targets.user, drawn))


def as_row(name: str, result: dict) -> str:
    """A line of the table."""
    cells = [f"{result['valid']['hr@10']:.4f}", _cell(result["folded"]), _cell(result.get("refit"))]
    return f"| {name} | {' | '.join(cells)} | {result['fit_seconds']:.0f} |"


def _cell(metrics: dict | None) -> str:
    if metrics is None:
        return ""
    low, high = metrics["intervals"]["hr@10"]
    return f"{metrics['hr@10']:.4f} ({low:.4f} to {high:.4f}), {metrics['ndcg@10']:.4f}"


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--models", default="", help="names of rows, separated by semicolons")
    parser.add_argument("--no-refit", action="store_true", help="leave out the fit on train and validation")
    parser.add_argument("--users", type=int, default=0, help="measure on so many users, drawn at random (default: all)")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
