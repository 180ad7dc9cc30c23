"""How well scores tell matching pairs from others, at one threshold and over all of them."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from product_matching.errors import ConfigError, DataError, unknown_name
from product_matching.metrics.checks import labelled_scores

Aim = Literal["accuracy", "f1"]


def match_metrics(labels: ArrayLike, scores: ArrayLike, *, threshold: float) -> dict[str, float]:
    """Measures the decisions `score >= threshold`, and the order of the scores.

    What is undefined gets the value that helps least: precision is 0.0 when nothing is called a match, recall
    when nothing is one. `auc` has no such value: with labels of one kind only it is nan.

    Args:
        labels: `[N]`, 1 for a matching pair and 0 for another.
        scores: `[N]`, finite, higher for a better match: probabilities or raw scores.
        threshold: A pair is called a match from this score on.

    Returns:
        `accuracy`, `precision`, `recall`, `f1`, `auc` (all 0 to 1), and the `threshold` itself.

    Raises:
        DataError: If the arrays are empty, differ in length, or hold nan.

    >>> match_metrics([1, 1, 0, 0], [0.9, 0.3, 0.6, 0.1], threshold=0.5)["accuracy"]
    0.5
    """
    truth, values = labelled_scores(labels, scores)
    called = values >= threshold
    true_positives = int(np.sum(called & truth))
    return {
        "accuracy": float(np.mean(called == truth)),
        "precision": _ratio(true_positives, int(called.sum())),
        "recall": _ratio(true_positives, int(truth.sum())),
        # F1 = 2 TP / (2 TP + FP + FN), and the bracket counts every called and every true match once.
        "f1": _ratio(2 * true_positives, int(called.sum() + truth.sum())),
        "auc": roc_auc(truth, values),
        "threshold": float(threshold),
    }


def roc_auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Area under the ROC curve: how often a match scores above another pair, a tie counting half.

    It is the Mann-Whitney statistic, from mid-ranks, in O(N log N) (Hanley and McNeil, 1982).

    Returns:
        0 to 1, or nan when all labels are the same.
    """
    truth, values = labelled_scores(labels, scores)
    positives = int(truth.sum())
    negatives = truth.size - positives
    if not positives or not negatives:
        return float("nan")
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    # The members of a tie share the mean of the ranks they take up together.
    mid_ranks = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = mid_ranks[inverse][truth].sum()
    return float((rank_sum - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(labels: ArrayLike, scores: ArrayLike) -> float:
    """Mean precision at the matches, ranked by score: Σ_cuts (recall gained at the cut) · (precision at it).

    Pairs of one score are called together. Unlike `roc_auc` it does not flatter where matches are rare.

    Returns:
        0 to 1, or nan when nothing is a match.

    >>> average_precision([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1])
    0.8333333333333333
    """
    truth, values = labelled_scores(labels, scores)
    if not truth.any():
        return float("nan")
    levels, inverse = np.unique(values, return_inverse=True)
    matches = _above_each_cut(inverse[truth], levels.size)[:-1]
    called = _above_each_cut(inverse, levels.size)[:-1]
    gained = matches - np.append(matches[1:], 0)
    return float((gained * matches / called).sum() / truth.sum())


def best_threshold(labels: ArrayLike, scores: ArrayLike, *, aim: Aim = "accuracy") -> float:
    """Finds the threshold with the best accuracy or F1 on these pairs, in O(N log N).

    It lies midway between two neighbouring observed scores, never on one, so that a score that changes in its
    last bit keeps its decision. Of equally good ones the widest gap wins. Only the two ends have no gap: to
    call everything a match it is the lowest score, to call nothing one the number next above the highest.

    Args:
        labels: `[N]`, 1 for a matching pair and 0 for another.
        scores: `[N]`, finite, higher for a better match.
        aim: What to make as large as possible.

    Raises:
        ConfigError: If the aim is not known.
        DataError: If the arrays are empty, differ in length, or hold nan.

    >>> best_threshold([0, 0, 1, 1], [0.1, 0.2, 0.6, 0.9])
    0.4
    """
    if aim not in ("accuracy", "f1"):
        raise ConfigError(unknown_name("aim", aim, ("accuracy", "f1")))
    truth, values = labelled_scores(labels, scores)
    levels, inverse = np.unique(values, return_inverse=True)
    # Cut c calls every level from c on a match; the last cut calls none. Ties move together by construction.
    matches = _above_each_cut(inverse[truth], levels.size)
    others = _above_each_cut(inverse[~truth], levels.size)
    if aim == "accuracy":
        quality = matches - others  # (TP + TN) / N, less what is the same at every cut
    else:
        quality = 2 * matches / (matches + others + truth.sum()).clip(1)
    gaps = np.concatenate([[0.0], np.diff(levels), [0.0]])
    best = np.flatnonzero(quality == quality.max())
    return _cut_threshold(levels, int(best[np.argmax(gaps[best])]))


def brier_score(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Mean squared distance of probability and label (Brier, 1950): 0 is perfect, 0.25 is a constant 0.5."""
    truth, values = _labelled_probabilities(labels, probabilities)
    return float(np.mean((values - truth) ** 2))


def expected_calibration_error(labels: ArrayLike, probabilities: ArrayLike, *, bins: int = 15) -> float:
    """How far stated probabilities are from the shares of matches that came with them (Guo et al., 2017).

    Args:
        labels: `[N]`, 1 for a matching pair and 0 for another.
        probabilities: `[N]`, 0 to 1, of being a match.
        bins: Number of bins of equal width.

    Returns:
        0 (perfect) to 1: `sum over bins of n_b / N * |matches_b / n_b - mean probability_b|`.
    """
    if bins < 1:
        raise ConfigError(f"bins must be 1 or more, not {bins}.")
    truth, values = _labelled_probabilities(labels, probabilities)
    bin_of_pair = np.minimum((values * bins).astype(np.int64), bins - 1)
    # Within a bin the counts cancel: n_b * |mean difference| is |sum of differences|.
    differences = np.bincount(bin_of_pair, weights=truth - values, minlength=bins)
    return float(np.abs(differences).sum() / values.size)


def _above_each_cut(levels_of: np.ndarray, levels: int) -> np.ndarray:
    counts = np.bincount(levels_of, minlength=levels + 1)
    return np.cumsum(counts[::-1])[::-1]


def _cut_threshold(levels: np.ndarray, cut: int) -> float:
    if cut == 0:
        return float(levels[0])
    if cut == levels.size:
        return float(np.nextafter(levels[-1], np.inf))
    low, high = float(levels[cut - 1]), float(levels[cut])
    middle = low + (high - low) / 2
    # Between two floats that are next to each other there is no middle; the upper one divides them.
    return middle if low < middle <= high else high


def _labelled_probabilities(labels: ArrayLike, probabilities: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    truth, values = labelled_scores(labels, probabilities)
    if values.min() < 0 or values.max() > 1:
        raise DataError(f"probabilities must be in 0 to 1; they run from {values.min():g} to {values.max():g}.")
    return truth, values


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
