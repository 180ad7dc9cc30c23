"""Factors of a user from a history alone, where the products' factors stay as they are."""

from __future__ import annotations

import numpy as np

from product_matching.recommendation.histories import Histories

NEGATIVES, STEPS = 256, 60


def fold_in_by_ranking(items: np.ndarray, histories: Histories, *, regularization: float, seed: int = 0) -> np.ndarray:
    """Maximises the mean of log σ(x · (y_i - y_j)), less λ |x|² / 2, over i in the history and a fixed sample of j.

    The objective is concave, so gradient ascent from zero ends in one place. The sample is the same for all users, so
    that a user gets the same factors alone or among others.

    Args:
        items: float32 [N, F + 1], the bias last; a user's factor for it is 1.
        histories: Of B users.
        regularization: λ.
        seed: Of the sample.

    Returns:
        float32 [B, F + 1].
    """
    factors, bias = items[:, :-1], items[:, -1]
    sample = np.random.default_rng(seed).choice(len(items), size=min(NEGATIVES, len(items)), replace=False)
    users = np.array([_ascend(factors, bias, liked, sample, regularization) for liked in _lists(histories)])
    return np.column_stack([users.reshape(len(histories), factors.shape[1]), np.ones(len(histories))]).astype(
        np.float32
    )


def _lists(histories: Histories) -> list[np.ndarray]:
    return np.split(histories.products, histories.offsets[1:-1]) if len(histories) else []


def _ascend(
    factors: np.ndarray, bias: np.ndarray, liked: np.ndarray, sample: np.ndarray, regularization: float
) -> np.ndarray:
    x = np.zeros(factors.shape[1], dtype=np.float32)
    others = np.setdiff1d(sample, liked)
    if not len(liked) or not len(others):
        return x
    gaps = (factors[liked][:, None] - factors[others][None]).reshape(-1, factors.shape[1])
    offsets = (bias[liked][:, None] - bias[others][None]).ravel()
    # A step of 1 / L is safe, L being the largest curvature that the logistic loss can have here.
    curvature = 0.25 * float(np.square(gaps).sum(axis=1).mean()) + regularization
    rate = 1.0 / max(curvature, 1e-6)
    for _ in range(STEPS):
        pull = 1.0 / (1.0 + np.exp(np.clip(gaps @ x + offsets, -30, 30)))
        x += rate * (pull @ gaps / len(gaps) - regularization * x)
    return x
