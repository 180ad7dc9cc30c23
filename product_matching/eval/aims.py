"""Which threshold to use for what one wants, and what it gives."""

from __future__ import annotations

from typing import Any

import numpy as np

from product_matching.dataset import Catalog
from product_matching.eval.judgement import Judgement
from product_matching.metrics import category_thresholds, choose_threshold, match_metrics

FALSE_MATCH_COSTS = 5.0
HALVES_SEED = 20_011
"""Not a seed that pairs are drawn with: its permutation would be theirs, and one half all the pairs within a kind."""
KINDS = 200
"""Kinds of goods that get a threshold of their own in a report, the largest."""


def aims(judgement: Judgement, catalog: Catalog, *, category: str = "", precision: float = 0.95) -> dict[str, Any]:
    """A threshold for each of some aims.

    The threshold is that of all pairs. What it gives is measured crosswise: chosen on one half of the images and
    counted on the other, and the other way round, so that nothing is measured on what chose it.

    Returns:
        By aim: `threshold` (None where nothing reaches the aim), `accuracy`, `precision`, `recall`, `f1`; and
        `by_category`: a threshold for the best F1 of each kind of goods, drawn to that of all where it has few pairs.
    """
    pairs, probabilities = judgement.pairs, judgement.probabilities
    wanted = {
        "best accuracy": {"goal": "accuracy"},
        "best F1": {"goal": "f1"},
        f"precision {precision:g} or more": {"goal": "precision", "at_least": precision},
        f"a false match costs {FALSE_MATCH_COSTS:g} missed ones": {"goal": "cost", "false_match": FALSE_MATCH_COSTS},
    }
    kinds = catalog.categories(category).to_numpy().astype(str)[pairs.image]
    names, counts = np.unique(kinds, return_counts=True)
    largest = set(names[np.argsort(-counts, kind="stable")[:KINDS]])
    own = category_thresholds(pairs.label, probabilities, kinds, goal="f1")
    return {
        **{name: _crosswise(judgement, how) for name, how in wanted.items()},
        "by_category": {kind: value for kind, value in own.items() if kind in largest},
    }


def _crosswise(judgement: Judgement, how: dict[str, Any]) -> dict[str, float | None]:
    label, values = judgement.pairs.label, judgement.probabilities
    half = np.random.default_rng(HALVES_SEED).permutation(len(judgement.rows)) % 2
    side = half[np.searchsorted(judgement.rows, judgement.pairs.image)]
    margin = np.empty(len(label))
    for one in (0, 1):
        threshold = choose_threshold(label[side != one], values[side != one], **how)
        # 1 where the pair is called a match by the threshold of the other half.
        margin[side == one] = values[side == one] >= threshold
    found = match_metrics(label, margin, threshold=0.5)
    threshold = choose_threshold(label, values, **how)
    kept = {name: found[name] for name in ("accuracy", "precision", "recall", "f1")}
    return {"threshold": threshold if np.isfinite(threshold) else None, **kept}
