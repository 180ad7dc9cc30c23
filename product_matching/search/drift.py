"""Are the queries of today those that the index was built for? The population stability index against a reference.

    PSI = Σ_b (q_b - p_b) · ln(q_b / p_b)

over the deciles b of the reference: p_b is its share of them, q_b that of today. It is the symmetric Kullback-Leibler
divergence. The rule of thumb is Lewis' (An Introduction to Credit Scoring, 1994) and Siddiqi's (Credit Risk Scorecards,
2006): below .1 nothing has changed, from .1 on watch it, from .25 on act. Chance alone brings about
9 · (1/N + 1/M) with N queries of the reference and M of today (Yurdakul and Naranjo, Statistical Properties of the
Population Stability Index, 2020): .06 for 500 and 200, .03 for 500 and 1,000.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from product_matching._types import FloatArray, IntArray

BINS = 10
AXES = 5
WATCH, ACT = 0.1, 0.25
HALF = 0.5
"""What is added to each count, so that an empty bin is not infinitely unlikely (Jeffreys' prior)."""


@dataclass(frozen=True)
class Deciles:
    """Where the tenths of a reference begin.

    Attributes:
        edges: Between the bins, ascending, at most nine: equal ones are one.
        shares: Of the reference, one more than the edges, of sum 1.
    """

    edges: FloatArray
    shares: FloatArray

    @classmethod
    def of(cls, values: ArrayLike) -> Self:
        """Those of a reference, float [N], N > 0."""
        values = np.asarray(values, np.float64)
        edges = np.unique(np.quantile(values, np.arange(1, BINS) / BINS, method="inverted_cdf")).astype(np.float32)
        places = np.searchsorted(edges, values.astype(np.float32), side="right")
        return cls(edges, shares(np.bincount(places, minlength=len(edges) + 1)))

    def places(self, values: ArrayLike) -> IntArray:
        """The bin of each value, [...]."""
        return np.searchsorted(self.edges, np.asarray(values, np.float32), side="right")

    def stability(self, places: ArrayLike) -> float:
        """PSI of values that fell into these bins, int [M]; nan if there are none."""
        counts = np.bincount(np.asarray(places, np.int64), minlength=len(self.shares))
        return psi(self.shares, shares(counts)) if counts.sum() else float("nan")


@dataclass(frozen=True)
class Reference:
    """Sensible queries of one kind, as the index knew them when it was built.

    Attributes:
        axes: Principal axes of their vectors, float32 [A, D].
        score: Deciles of the cosine of each one's first result.
        projections: Deciles of the vectors along each axis.
    """

    axes: FloatArray
    score: Deciles
    projections: tuple[Deciles, ...]

    @classmethod
    def of(cls, vectors: FloatArray, scores: ArrayLike) -> Self:
        """That of queries with vectors [N, D] and scores [N]."""
        vectors = np.asarray(vectors, np.float32)
        # Principal axes are the right singular vectors of what is left when the mean is taken away.
        axes = np.linalg.svd(vectors - vectors.mean(0), full_matrices=False)[2][:AXES]
        return cls(axes, Deciles.of(scores), tuple(map(Deciles.of, (vectors @ axes.T).T)))

    def places(self, vector: FloatArray) -> IntArray:
        """The bin of a vector [D] along each axis, [A]."""
        projected = self.axes @ np.asarray(vector, np.float32)
        return np.array([bins.places(value) for bins, value in zip(self.projections, projected, strict=True)])

    def to_dict(self) -> dict[str, Any]:
        """All but the axes, for JSON."""
        return {"score": _to_dict(self.score), "projections": [_to_dict(bins) for bins in self.projections]}

    @classmethod
    def from_dict(cls, kept: Mapping[str, Any], axes: FloatArray) -> Self:
        """What `to_dict` gave, with the axes.

        Raises:
            KeyError, TypeError, ValueError: If that is something else, or does not fit the axes.
        """
        projections = tuple(_from_dict(bins) for bins in kept["projections"])
        if axes.ndim != 2 or len(axes) != len(projections):
            raise ValueError(f"axes of shape {list(axes.shape)} for {len(projections)} distributions")
        return cls(axes, _from_dict(kept["score"]), projections)


def psi(expected: ArrayLike, actual: ArrayLike) -> float:
    """Σ (q - p) ln(q / p) of two distributions over the same bins, all shares above 0.

    >>> round(psi([0.5, 0.5], [0.75, 0.25]), 4)
    0.2747
    """
    p, q = np.asarray(expected, np.float64), np.asarray(actual, np.float64)
    return float(np.sum((q - p) * np.log(q / p)))


def shares(counts: ArrayLike) -> FloatArray:
    """Of each bin, none of them 0: (n_b + ½) / Σ (n_b + ½), float32 [B]."""
    counts = np.asarray(counts, np.float64) + HALF
    return (counts / counts.sum()).astype(np.float32)


def _to_dict(bins: Deciles) -> dict[str, list[float]]:
    return {"edges": bins.edges.tolist(), "shares": bins.shares.tolist()}


def _from_dict(kept: Mapping[str, Any]) -> Deciles:
    edges, parts = (np.asarray(kept[name], np.float32) for name in ("edges", "shares"))
    if len(parts) != len(edges) + 1 or not (parts > 0).all() or not (np.diff(edges) > 0).all():
        raise ValueError("edges and shares that do not fit each other")
    return Deciles(edges, parts)
