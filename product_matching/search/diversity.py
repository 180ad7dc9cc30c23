"""Results that differ from each other: maximal marginal relevance."""

from __future__ import annotations

import numpy as np

from product_matching._types import FloatArray


def marginal_order(relevance: FloatArray, vectors: FloatArray, weight: float) -> np.ndarray:
    """Orders candidates so that each is relevant and unlike those before it.

    Next comes the one with the highest (1 - w) · relevance - w · (highest cosine to one chosen before), Carbonell &
    Goldstein 1998. The first is the most relevant, whatever the weight.

    Args:
        relevance: Float [n], on the scale of a cosine.
        vectors: Float [n, D], of length one.
        weight: w, 0 (by relevance alone) to 1 (by difference alone).

    Returns:
        A permutation, int64 [n]; equal values by their place.

    >>> marginal_order(np.array([0.9, 0.89, 0.5]), np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), 0.5)
    array([0, 2, 1])
    """
    chosen: list[int] = []
    alike = np.zeros(len(relevance))
    left = np.ones(len(relevance), bool)
    for step in range(len(relevance)):
        value = relevance if step == 0 else (1 - weight) * relevance - weight * alike
        best = int(np.where(left, value, -np.inf).argmax())
        chosen.append(best)
        left[best] = False
        cosines = vectors @ vectors[best]
        alike = cosines if step == 0 else np.maximum(alike, cosines)
    return np.array(chosen, np.int64)
