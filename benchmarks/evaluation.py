"""Is the evaluation to be trusted, and is it fast? Coverage of intervals, peeking, and 40,000 random products.

python -m benchmarks.evaluation [--runs 1000] [--products 40000]

Time: five minutes for 1,000 runs, one for the products.
"""

from __future__ import annotations

import argparse
import json
import resource
import time

import numpy as np
import pandas as pd

from product_matching.dataset import Catalog, match_pairs
from product_matching.eval import Judgement, examine, summarise
from product_matching.eval.ab import always_valid, power_of
from product_matching.eval.confusion import confusions
from product_matching.eval.examples import best_and_worst
from product_matching.eval.judgement import ask
from product_matching.eval.queries import Alike, Question
from product_matching.metrics import bootstrap_interval, paired_difference

DIRECTIONS = {
    "text_to_image": ("text", "image"),
    "image_to_text": ("image", "text"),
    "text_to_product": ("text", "image"),
}


def coverage(runs: int, queries: int = 300) -> dict[str, float]:
    """How often the 95 % bootstrap interval holds the true mean: of hits at .7, and of reciprocal ranks."""
    rng, held = np.random.default_rng(0), {"recall": 0, "reciprocal rank": 0}
    # Ranks of a geometric law with p = .4: E[1 / rank] = -p ln p / (1 - p).
    truth = {"recall": 0.7, "reciprocal rank": -0.4 * np.log(0.4) / 0.6}
    for run in range(runs):
        values = {"recall": rng.random(queries) < 0.7, "reciprocal rank": 1 / rng.geometric(0.4, queries)}
        for name, value in values.items():
            low, high = bootstrap_interval(value.astype(float), seed=run)
            held[name] += low <= truth[name] <= high
    return {name: count / runs for name, count in held.items()}


def false_alarms(runs: int, queries: int = 200) -> dict[str, float]:
    """How often two equal systems are called different at .05 by the paired permutation test."""
    rng = np.random.default_rng(1)
    pairs = (rng.random((2, queries)) < 0.6 for _ in range(runs))
    return {"paired permutation": float(np.mean([paired_difference(*pair.astype(float)).p < 0.05 for pair in pairs]))}


def peeking(runs: int, users: int = 5000, every: int = 50) -> dict[str, float]:
    """How often a test of no difference is significant at some look: always-valid, and by a t-test at each look."""
    rng, ours, naive = np.random.default_rng(2), 0, 0
    for _ in range(runs):
        sums = np.cumsum(rng.normal(0, 2**0.5, users))
        looks = np.arange(every, users + 1, every)
        means = sums[looks - 1] / looks
        ours += any(always_valid(d, 2 / n, tau=0.1)["significant"] for d, n in zip(means, looks, strict=True))
        naive += bool((np.abs(means) / np.sqrt(2 / looks) > 1.96).any())
    return {"always valid": ours / runs, "t-test at each look": naive / runs}


def power(runs: int) -> dict[str, float]:
    """The planner's power, and that of simulated tests of 1,000 users a side."""
    rng = np.random.default_rng(3)
    old, new = rng.normal(0, 1, (runs, 1000)).mean(axis=1), rng.normal(0.125, 1, (runs, 1000)).mean(axis=1)
    found = float(np.mean(np.abs(new - old) / np.sqrt(2 / 1000) > 1.96))
    return {"planned": power_of(2000, 0.125, deviation=1.0), "simulated": found}


def speed(products: int, dim: int = 128) -> dict[str, float]:
    """Seconds and peak memory of everything after the embedding, on random vectors."""
    rng, step = np.random.default_rng(4), {}
    images = rng.normal(size=(products, dim)).astype(np.float32)
    views = {"image": images, "text": images + 1.5 * rng.normal(size=images.shape).astype(np.float32)}
    views = {name: rows / np.linalg.norm(rows, axis=1, keepdims=True) for name, rows in views.items()}
    kinds, colours = rng.integers(0, 140, products), rng.integers(0, 46, products)
    number = pd.Series(np.arange(products)).astype(str)
    table = pd.DataFrame({"product_id": number, "image": "x.jpg", "title": "title " + number, "description": ""})
    table = table.assign(tags="", kind=[f"kind {i}" for i in kinds], colour=[f"colour {i}" for i in colours])
    catalog = Catalog(table)
    start = time.perf_counter()

    def done(name: str) -> None:
        step[name] = round(time.perf_counter() - start - sum(step.values()), 1)

    pairs, rows = match_pairs(catalog), np.arange(products)
    done("pairs")
    probabilities = 1 / (1 + np.exp(-10 * (views["image"][pairs.image] * views["text"][pairs.text]).sum(axis=1)))
    asked = [Question(name, views[a], rows, b) for name, (a, b) in DIRECTIONS.items()]
    alike = [
        Alike(
            "product_to_product", "kind", views["image"][:2000], table["kind"].to_numpy()[:2000], rows[:2000], "image"
        ),
        *(
            Alike(
                "tag_to_image",
                name,
                views["text"][: min(100, table[name].nunique())],
                table[name].unique()[:100],
                rows[:0],
                "image",
            )
            for name in ("kind", "colour")
        ),
    ]
    judgement = Judgement(pairs, probabilities, 0.9, rows, **ask(asked, alike, catalog, catalog, views))
    done(f"ranks, {len(asked)} directions; lists")
    summarise(judgement, catalog)
    done("numbers and baselines")
    examine(judgement, catalog)
    done("slices, thresholds, words")
    searched = judgement.searched["text_to_image"]
    confusions(catalog, rows, searched.first)
    best_and_worst(catalog, views, searched=searched)
    done("confusions, examples")
    used = resource.getrusage(resource.RUSAGE_SELF)
    memory = used.ru_maxrss / 2**20
    step["CPU seconds, import included"] = round(used.ru_utime + used.ru_stime, 1)
    return {**step, "total": round(time.perf_counter() - start, 1), "peak GiB, TensorFlow included": round(memory, 2)}


def main() -> None:
    """Prints one JSON object a figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--products", type=int, default=40_000)
    options = parser.parse_args()
    found = {"speed": speed(options.products)} if options.products else {}
    if options.runs:
        found |= {"coverage of 95 %": coverage(options.runs), "false alarms at 5 %": false_alarms(options.runs)}
        found |= {"peeking": peeking(options.runs), "power": power(options.runs)}
    for question, row in found.items():
        for what, value in row.items():
            print(json.dumps({"question": question, "of": what, "value": value}), flush=True)


if __name__ == "__main__":
    main()
