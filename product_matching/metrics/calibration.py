"""Turns scores into probabilities with two parameters fitted on labelled pairs."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from product_matching.metrics.checks import finite_vector, labelled_scores

MAX_STEPS = 100
GRADIENT_TOLERANCE = 1e-10  # of the mean gradient, on standardised scores
RIDGE = 1e-12  # keeps the Hessian invertible, as in Lin, Lin and Weng
SMALLEST_STEP = 1e-10
SMALLEST_SPREAD = 1e-100  # below it scores count as constant: a scale of 1 / spread would overflow


def fit_platt(labels: ArrayLike, scores: ArrayLike) -> tuple[float, float]:
    """Fits `probability = sigma(scale * score + offset)` (Platt, 1999).

    The targets are not 1 and 0 but `(N+ + 1) / (N+ + 2)` and `1 / (N- + 2)`, so the optimum is finite even
    where a threshold separates the labels perfectly. Newton's method with backtracking, as in Lin, Lin and
    Weng (2007), "A note on Platt's probabilistic outputs for support vector machines". The cross-entropy is
    convex: where its optimum has a negative scale, the best that keeps the order of scores has scale 0.

    Args:
        labels: `[N]`, 1 for a matching pair and 0 for another.
        scores: `[N]`, finite, higher for a better match.

    Returns:
        `scale` (>= 0) and `offset`. Constant scores or one kind of label give scale 0: one for all.

    Raises:
        DataError: If the arrays are empty, differ in length, or hold nan.
    """
    truth, values = labelled_scores(labels, scores)
    targets = _smoothed_targets(truth)
    constant = 0.0, _logit(float(targets.mean()))
    # Newton on standardised scores takes the same few steps for scores in [-1, 1] and in [-1e6, 1e6].
    centre, spread = float(values.mean()), float(values.std())
    if np.ptp(values) == 0 or spread < SMALLEST_SPREAD or np.ptp(targets) == 0:
        return constant
    slope, level = _newton((values - centre) / spread, targets, start=constant)
    if slope <= 0:
        return constant
    return slope / spread, level - slope * centre / spread


def platt_probability(scores: ArrayLike, *, scale: float, offset: float) -> np.ndarray:
    """Returns `sigma(scale * score + offset)`, float64 `[N]`, for finite scores `[N]`."""
    return _sigmoid(scale * finite_vector("scores", scores) + offset)


def _smoothed_targets(truth: np.ndarray) -> np.ndarray:
    positives = int(truth.sum())
    negatives = truth.size - positives
    return np.where(truth, (positives + 1) / (positives + 2), 1 / (negatives + 2))


def _newton(inputs: np.ndarray, targets: np.ndarray, *, start: tuple[float, float]) -> tuple[float, float]:
    """Minimises the cross-entropy over (slope, level); both parameters come back finite."""
    design = np.stack([inputs, np.ones_like(inputs)], axis=1)
    point = np.array(start)
    for _ in range(MAX_STEPS):
        probabilities = _sigmoid(design @ point)
        gradient = design.T @ (probabilities - targets) / inputs.size
        if np.abs(gradient).max() < GRADIENT_TOLERANCE:
            break
        weights = probabilities * (1 - probabilities)
        hessian = (design * weights[:, None]).T @ design / inputs.size + RIDGE * np.eye(2)
        direction = -np.linalg.solve(hessian, gradient)
        step = _backtrack(design, targets, point=point, direction=direction)
        if not step:
            break
        point = point + step * direction
    return float(point[0]), float(point[1])


def _backtrack(design: np.ndarray, targets: np.ndarray, *, point: np.ndarray, direction: np.ndarray) -> float:
    """Halves a full Newton step until it lowers the loss; 0.0 when rounding leaves nothing to gain."""
    before, step = _cross_entropy(design @ point, targets), 1.0
    while step > SMALLEST_STEP:
        if _cross_entropy(design @ (point + step * direction), targets) < before:
            return step
        step /= 2
    return 0.0


def _cross_entropy(logits: np.ndarray, targets: np.ndarray) -> float:
    # -t log p - (1 - t) log(1 - p) = log(1 + e^z) - t z, and logaddexp does not overflow.
    return float(np.mean(np.logaddexp(0, logits) - targets * logits))


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0, -logits))


def _logit(probability: float) -> float:
    return float(np.log(probability) - np.log1p(-probability))
