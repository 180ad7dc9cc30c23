"""How well are pairs of listings told apart, and catalogues linked? Abt-Buy, Amazon-Google, Walmart-Amazon.

Data: FOLDER/NAME/train.csv and valid.csv, columns l_*, r_*, label, as of DeepMatcher's standard splits. A fifth of the
training pairs is kept aside as the test; the standard tests are not touched. Thresholds are chosen on valid.csv.

Commands:

    python benchmarks/entity_matching.py FOLDER [--names abt_buy,…] [--models tf-idf,comparisons,…]
    python benchmarks/entity_matching.py FOLDER --link            # tables cut out of the pairs, linked
    python benchmarks/entity_matching.py FOLDER --blocking        # the true pairs among the candidates, by vectors

Time: half an hour for all models of all three.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd

from product_matching.dataset import load_pairs, pair_prefixes, pair_records
from product_matching.metrics import best_threshold, match_metrics
from product_matching.model.reranker import build_reranker
from product_matching.model.reranker.building import packaged_encoder
from product_matching.model.reranker.comparing import whole
from product_matching.model.reranker.weights import WordWeights
from product_matching.model.reranker.words import parse
from product_matching.recommendation.vectors import unit
from product_matching.search.linking import Listings, link_listings, measure_links
from product_matching.search.linking.blocking import by_vectors
from product_matching.text import TextEncoder
from product_matching.train import LabelledPairs, fit_pairs

NAMES = "abt_buy,amazon_google,walmart_amazon"
MODELS = "tf-idf,embedding,comparisons,forgetful,reranker"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--names", default=NAMES)
    parser.add_argument("--models", default=MODELS)
    parser.add_argument("--link", action="store_true")
    parser.add_argument("--blocking", action="store_true")
    options = parser.parse_args()
    for name in options.names.split(","):
        parts = read_parts(options.folder / name)
        if options.blocking:
            blocking(name, parts)
            continue
        if options.link:
            link(name, *parts)
            continue
        for model in options.models.split(","):
            start = time.perf_counter()
            found = SCORERS[model](*parts)
            numbers = {key: found[key] for key in ("f1", "precision", "recall")}
            seconds = round(time.perf_counter() - start)
            print(json.dumps({"data": name, "model": model, **numbers, "seconds": seconds}), flush=True)


def read_parts(folder: Path) -> tuple[LabelledPairs, LabelledPairs, LabelledPairs]:
    """Four fifths of the training pairs, the validation pairs, the last fifth."""
    train, valid = load_pairs(folder / "train.csv"), load_pairs(folder / "valid.csv")
    aside = np.random.default_rng(0).random(len(train)) < 0.2
    return tuple(as_pairs(table) for table in (train[~aside], valid, train[aside]))


def as_pairs(table: pd.DataFrame) -> LabelledPairs:
    left, right = (pair_records(table, prefix) for prefix in pair_prefixes(table))
    return LabelledPairs(left, right, table["label"].to_numpy())


def by_cosine(train: LabelledPairs, valid: LabelledPairs, test: LabelledPairs) -> dict[str, float]:
    """TF-IDF cosine of all cells."""
    weights = WordWeights.learn(whole(record) for side in (train.left, train.right) for record in side)

    def scores(pairs: LabelledPairs) -> np.ndarray:
        texts = zip(map(whole, pairs.left), map(whole, pairs.right), strict=True)
        return np.array([weights.cosine(parse(a), parse(b)) for a, b in texts])

    return at_best_threshold(valid, scores(valid), test, scores(test))


def by_embedding(train: LabelledPairs, valid: LabelledPairs, test: LabelledPairs) -> dict[str, float]:
    """Cosine of all-MiniLM-L6-v2's vectors, as it is."""
    encoder = TextEncoder.from_pretrained(packaged_encoder(), max_tokens=64)

    def scores(pairs: LabelledPairs) -> np.ndarray:
        left, right = (encoder.encode([whole(record) for record in side]) for side in (pairs.left, pairs.right))
        return (left * right).sum(axis=1)

    return at_best_threshold(valid, scores(valid), test, scores(test))


def by_reranker(
    train: LabelledPairs, valid: LabelledPairs, test: LabelledPairs, *, encoder: str = "auto", remember: bool = True
) -> dict[str, float]:
    model, _ = build_reranker(train.left, train.right, train.labels, encoder=encoder, remember=remember)
    print(f"    {fit_pairs(model, train, valid)}")
    probabilities = model.probability(model.score(test.left, test.right))
    return match_metrics(test.labels, probabilities, threshold=model.threshold)


def at_best_threshold(
    valid: LabelledPairs, valid_scores: np.ndarray, test: LabelledPairs, scores: np.ndarray
) -> dict[str, float]:
    threshold = best_threshold(valid.labels, valid_scores, aim="f1")
    return match_metrics(test.labels, scores, threshold=threshold)


def link(name: str, train: LabelledPairs, valid: LabelledPairs, test: LabelledPairs) -> None:
    """All products of the last fifth's pairs, linked by a re-ranker that has forgotten the training's matches."""
    model, _ = build_reranker(train.left, train.right, train.labels, encoder="none", remember=False)
    fit_pairs(model, train, valid)
    sides = [list({whole(record): record for record in side}.items()) for side in (test.left, test.right)]
    left, right = (Listings([key for key, _ in side], [record for _, record in side]) for side in sides)
    # What is true between two products of the fifth may be labelled in any part; only `recall (fifth)` is of pairs that
    # training has not seen.
    unseen, known = matches(test), [set(left.ids), set(right.ids)]
    every = unseen | {pair for part in (train, valid) for pair in matches(part)}
    truth = [pair for pair in every if pair[0] in known[0] and pair[1] in known[1]]

    def probability(rows: np.ndarray) -> np.ndarray:
        return model.probability(model.score([left.records[i] for i, _ in rows], [right.records[j] for _, j in rows]))

    for alone in (False, True):
        links = link_listings(left, right, probability, threshold=model.threshold, one_to_one=alone)
        found = measure_links(links, left, right, truth)
        found["recall (fifth)"] = measure_links(links, left, right, sorted(unseen))["recall"]
        names = ("blocking_recall", "precision", "recall", "f1", "recall (fifth)")
        sizes = {"left": len(left), "right": len(right), "true": len(truth)}
        numbers = {key: found[key] for key in names}
        print(json.dumps({"data": name, "one to one": alone, **sizes, **numbers}), flush=True)


def blocking(name: str, parts: tuple[LabelledPairs, ...]) -> None:
    """All products of all pairs, candidates by MiniLM's vectors as they are."""
    encoder = TextEncoder.from_pretrained(packaged_encoder(), max_tokens=64)
    sides = [list(dict.fromkeys(whole(x) for part in parts for x in getattr(part, side))) for side in ("left", "right")]
    left, right = (unit(encoder.encode(side)) for side in sides)
    places = [{text: place for place, text in enumerate(side)} for side in sides]
    truth = {(places[0][a], places[1][b]) for part in parts for a, b in matches(part)}
    for k in (3, 5, 10):
        for blend in (0, 1, 3):
            found = by_vectors(left, right, k=k, blend=blend)
            recall = len(truth & set(map(tuple, found.tolist()))) / len(truth)
            sizes = {"left": len(left), "right": len(right), "true": len(truth), "candidates": len(found)}
            print(json.dumps({"data": name, "k": k, "blend": blend, **sizes, "recall": recall}), flush=True)


def matches(pairs: LabelledPairs) -> set[tuple[str, str]]:
    """The true pairs among labelled ones."""
    return {(whole(a), whole(b)) for a, b, label in zip(pairs.left, pairs.right, pairs.labels, strict=True) if label}


SCORERS = {
    "tf-idf": by_cosine,
    "embedding": by_embedding,
    "comparisons": lambda *parts: by_reranker(*parts, encoder="none"),
    "forgetful": lambda *parts: by_reranker(*parts, encoder="none", remember=False),
    "reranker": by_reranker,
}

if __name__ == "__main__":
    main()
