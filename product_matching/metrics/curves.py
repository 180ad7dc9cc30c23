"""The curves behind the numbers: what each threshold would give, and how honest probabilities are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from product_matching.errors import ConfigError, DataError
from product_matching.metrics.checks import labelled_scores


class Reliability(NamedTuple):
    """Pairs by stated probability, in bins of equal width; empty bins are left out.

    Attributes:
        stated: float64 [B], mean probability of the bin.
        observed: float64 [B], share of matches among its pairs.
        pairs: int64 [B], how many pairs.
    """

    stated: np.ndarray
    observed: np.ndarray
    pairs: np.ndarray


def roc_curve(labels: ArrayLike, scores: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """The ROC curve, a point for each different score, from (0, 0) to (1, 1).

    Returns:
        False positive rates and true positive rates: float64 [T + 1] each, ascending.

    Raises:
        DataError: If labels are of one kind only, or the arrays cannot be used.
    """
    matches, others = _called(labels, scores)
    if not matches[-1] or not others[-1]:
        raise DataError("A ROC curve needs matching pairs and others; the labels are all the same.")
    return _from_zero(others / others[-1]), _from_zero(matches / matches[-1])


def precision_recall_curve(labels: ArrayLike, scores: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Recall and precision at each different score, from the highest to the lowest.

    Returns:
        Recalls, ascending, and precisions: float64 [T] each.

    Raises:
        DataError: If nothing is a match, or the arrays cannot be used.
    """
    matches, others = _called(labels, scores)
    if not matches[-1]:
        raise DataError("A precision-recall curve needs a matching pair; there is none.")
    return matches / matches[-1], matches / (matches + others)


def reliability(labels: ArrayLike, probabilities: ArrayLike, *, bins: int = 10) -> Reliability:
    """What share of the pairs match that were given about the same probability.

    Raises:
        ConfigError: If `bins` is below 1.
        DataError: If a probability is outside 0 to 1, or the arrays cannot be used.
    """
    if bins < 1:
        raise ConfigError(f"bins must be 1 or more, not {bins}.")
    truth, values = labelled_scores(labels, probabilities)
    if values.min() < 0 or values.max() > 1:
        raise DataError(f"probabilities must be in 0 to 1; they run from {values.min():g} to {values.max():g}.")
    place = np.minimum((values * bins).astype(np.int64), bins - 1)
    counts = np.bincount(place, minlength=bins)
    sums = np.bincount(place, weights=values, minlength=bins), np.bincount(place, weights=truth, minlength=bins)
    kept = counts > 0
    return Reliability(sums[0][kept] / counts[kept], sums[1][kept] / counts[kept], counts[kept])


def _called(labels: ArrayLike, scores: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Matches and others called at each different score, from the highest down; equal scores move together."""
    truth, values = labelled_scores(labels, scores)
    order = np.argsort(-values, kind="stable")
    last = np.append(np.flatnonzero(np.diff(values[order])), values.size - 1)
    matches = np.cumsum(truth[order])[last]
    return matches, last + 1 - matches


def _from_zero(curve: np.ndarray) -> np.ndarray:
    return np.concatenate([[0.0], curve])
