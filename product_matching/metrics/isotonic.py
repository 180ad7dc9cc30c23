"""Turns scores into probabilities with any curve that rises."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression

from product_matching.metrics.checks import finite_vector, labelled_scores


def fit_isotonic(labels: ArrayLike, scores: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """The non-decreasing curve from scores to probabilities with the least squares (Zadrozny and Elkan, 2002).

    Needs some thousand pairs: of a few it learns the noise, where `fit_platt` has two parameters.

    Returns:
        Scores, ascending, and the probabilities at them: float64 [T] each; in between, `isotonic_probability`.
    """
    truth, values = labelled_scores(labels, scores)
    levels, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    shares = np.bincount(inverse, weights=truth) / counts
    return levels, isotonic_regression(shares, weights=counts).x


def isotonic_probability(scores: ArrayLike, curve: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """The curve of `fit_isotonic` at these scores, straight in between, level beyond its ends: float64 [N]."""
    return np.interp(finite_vector("scores", scores), *curve)
