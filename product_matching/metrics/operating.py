"""Thresholds kept for later: what each would give, so that an aim can be stated when a model is used."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from product_matching.errors import ConfigError, DataError
from product_matching.metrics.checks import labelled_scores
from product_matching.metrics.thresholds import SHRINK_PAIRS, category_thresholds, choose_threshold

POINTS, KINDS = 400, 200
"""Thresholds that a table keeps, and kinds of goods that get one of their own, those with the most pairs."""
_AIM = re.compile(r"(precision|recall)>=(0?\.\d+|1(?:\.0*)?)|cost=(\d+(?:\.\d+)?)|(accuracy|f1)")
AIMS = "accuracy, f1, precision>=0.95, recall>=0.9 or cost=5 (what a false match costs, a missed one being 1)"


def threshold_table(labels: ArrayLike, probabilities: ArrayLike, categories: ArrayLike) -> dict[str, Any]:
    """What `threshold_for` needs, as plain lists.

    Args:
        labels: `[N]`, 1 for a matching pair and 0 for another.
        probabilities: `[N]`.
        categories: `[N]`, the kind of goods of each pair.

    Returns:
        `accuracy`, `f1`: the best thresholds; `points`: `threshold`, `precision`, `recall` at up to `POINTS` levels of
        the probability, the thresholds descending; `matches`: share of pairs that match, on which precision depends;
        `by_category`: the best for F1 of each kind, drawn towards that of all by `category_thresholds`.
    """
    truth, values = labelled_scores(labels, probabilities)
    levels = np.unique(values)[::-1]
    # Midway to the next lower level: a probability that changes in its last bit keeps its decision.
    middles = levels - np.append(-np.diff(levels), 0.0) / 2
    kept = np.unique(np.round(np.linspace(0, len(levels) - 1, min(POINTS, len(levels)))).astype(int))
    levels, middles = levels[kept], middles[kept]
    ascending, matches = np.sort(values), np.sort(values[truth])
    called = len(values) - np.searchsorted(ascending, levels)
    right = len(matches) - np.searchsorted(matches, levels)
    kinds = np.asarray(categories).astype(str)
    names, counts = np.unique(kinds, return_counts=True)
    known = names[(names != "")]
    most = set(known[np.argsort(-counts[names != ""], kind="stable")[:KINDS]].tolist())
    own = category_thresholds(truth, values, kinds, goal="f1", shrink=SHRINK_PAIRS)
    return {
        "accuracy": min(choose_threshold(truth, values, goal="accuracy"), 1.0),
        "f1": min(choose_threshold(truth, values, goal="f1"), 1.0),
        "matches": float(truth.mean()),
        "points": {
            "threshold": middles.tolist(),
            "precision": (right / called).tolist(),
            "recall": (right / max(len(matches), 1)).tolist(),
        },
        "by_category": {kind: float(value) for kind, value in own.items() if kind in most},
    }


def threshold_for(table: Mapping[str, Any], aim: str) -> float:
    """The threshold that serves a stated aim best on the pairs of a table.

    Args:
        table: Of `threshold_table`.
        aim: One of `AIMS`.

    Raises:
        ConfigError: If the aim is not understood.
        DataError: If no threshold reaches it.

    >>> table = threshold_table([0, 1, 0, 1], [0.1, 0.3, 0.5, 0.8], ["", "", "", ""])
    >>> threshold_for(table, "precision>=.9")
    0.65
    """
    found = _AIM.fullmatch(aim.replace(" ", "").lower())
    if not found:
        raise ConfigError(f"An aim is {AIMS}; got {aim!r}.")
    rate, bound, cost, best = found.groups()
    if best:
        return float(table[best])
    points = {name: np.asarray(column) for name, column in table["points"].items()}
    if cost:
        matches, share = points["recall"] * table["matches"], np.maximum(points["precision"], 1e-12)
        false = matches * (1 - share) / share
        return float(points["threshold"][np.argmin(float(cost) * false + table["matches"] - matches)])
    good = np.flatnonzero(points[rate] >= float(bound))
    if not len(good):
        raise DataError(
            f"No threshold reached {aim} on the validation pairs; the best {rate} was {points[rate].max():.3f}."
        )
    # Recall rises from point to point: the last of enough precision finds most, the first of enough recall errs least.
    return float(points["threshold"][good[-1] if rate == "precision" else good[0]])
