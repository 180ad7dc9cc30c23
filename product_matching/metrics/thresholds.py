"""Where to say "match": a threshold for a stated aim, for all products or for each kind of goods."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from product_matching.errors import ConfigError, DataError, unknown_name
from product_matching.metrics.checks import labelled_scores
from product_matching.metrics.match import best_threshold

Goal = Literal["accuracy", "f1", "precision", "recall", "cost"]
GOALS = ("accuracy", "f1", "precision", "recall", "cost")
SHRINK_PAIRS = 50.0
"""Pairs of its own that a kind needs for its threshold to weigh as much as that of all."""


def choose_threshold(
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    goal: Goal = "f1",
    at_least: float = 0.95,
    false_match: float = 1.0,
    missed_match: float = 1.0,
) -> float:
    """Finds the threshold that serves a stated aim best on these pairs.

    Args:
        labels: `[N]`, 1 for a matching pair and 0 for another.
        scores: `[N]`, finite, higher for a better match.
        goal: `"accuracy"` or `"f1"`: as large as possible; `"precision"`: at least `at_least`, and of these the
            one with the best recall; `"recall"`: at least `at_least`, with the best precision; `"cost"`: the least
            `false_match · FP + missed_match · FN`.
        at_least: The bound of `"precision"` and `"recall"`, above 0 and up to 1.
        false_match, missed_match: What a mistake of either kind costs, 0 or more.

    Returns:
        Midway between two observed scores, but for the ends. Infinity where no threshold reaches the precision.

    Raises:
        ConfigError: If an argument is outside its range.
        DataError: If the arrays cannot be used.

    >>> choose_threshold([0, 1, 0, 1], [0.1, 0.4, 0.6, 0.9], goal="precision", at_least=0.9)
    0.75
    """
    if goal not in GOALS:
        raise ConfigError(unknown_name("goal", goal, GOALS))
    if not 0 < at_least <= 1 or min(false_match, missed_match) < 0:
        raise ConfigError(
            f"at_least lies in (0, 1] and costs are 0 or more; got {at_least}, {false_match}, {missed_match}."
        )
    if goal in ("accuracy", "f1"):
        return best_threshold(labels, scores, aim=goal)
    truth, values = labelled_scores(labels, scores)
    order = np.argsort(-values, kind="stable")
    last = np.append(np.flatnonzero(np.diff(values[order])), values.size - 1)
    matches = np.cumsum(truth[order])[last]
    others = last + 1 - matches
    if goal == "cost":
        # Cut 0 calls nothing; cut c calls the c highest scores.
        costs = false_match * np.append(0, others) + missed_match * (truth.sum() - np.append(0, matches))
        return _between(values[order][last], int(np.argmin(costs)))
    reached = matches / (matches + others) if goal == "precision" else matches / max(int(truth.sum()), 1)
    good = np.flatnonzero(reached >= at_least)
    if not good.size:
        return float("inf")
    # Recall rises from cut to cut: the longest list of enough precision, the shortest one of enough recall.
    return _between(values[order][last], int(good[-1] if goal == "precision" else good[0]) + 1)


def category_thresholds(
    labels: ArrayLike,
    probabilities: ArrayLike,
    categories: ArrayLike,
    *,
    goal: Goal = "f1",
    shrink: float = SHRINK_PAIRS,
    **aim: float,
) -> dict[Hashable, float]:
    """A threshold for each kind of goods, drawn towards that of all where the kind has few pairs.

    `t_c = (n_c · own_c + shrink · all) / (n_c + shrink)`, as a posterior mean does; a kind whose pairs are of one label
    only has no threshold of its own and gets that of all.

    Args:
        labels, probabilities: `[N]`, as of `choose_threshold`.
        categories: `[N]`, the kind of each pair.
        goal: As of `choose_threshold`.
        shrink: How many pairs the threshold of all is worth, 0 or more.
        aim: Further arguments of `choose_threshold`.

    Raises:
        ConfigError, DataError: As of `choose_threshold`, and if the lengths differ.
    """
    if shrink < 0:
        raise ConfigError(f"shrink is 0 or more; got {shrink}.")
    truth, values = labelled_scores(labels, probabilities)
    kinds = np.asarray(categories)
    if kinds.shape != truth.shape:
        raise DataError(f"categories must be as long as labels: {kinds.size} and {truth.size}.")
    overall = choose_threshold(truth, values, goal=goal, **aim)
    found = {}
    for kind in np.unique(kinds):
        rows = kinds == kind
        own = choose_threshold(truth[rows], values[rows], goal=goal, **aim) if len(set(truth[rows])) > 1 else overall
        if not np.isfinite([own, overall]).all():
            own = overall
        found[kind.item() if hasattr(kind, "item") else kind] = float(
            overall if own == overall else (rows.sum() * own + shrink * overall) / (rows.sum() + shrink)
        )
    return found


def _between(levels: np.ndarray, cut: int) -> float:
    """The threshold that calls the `cut` highest of the levels, which descend."""
    if cut == 0:
        return float(np.nextafter(levels[0], np.inf))
    if cut == levels.size:
        return float(levels[-1])
    high, low = float(levels[cut - 1]), float(levels[cut])
    middle = low + (high - low) / 2
    return middle if low < middle <= high else high
