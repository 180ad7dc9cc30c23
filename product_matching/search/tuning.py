"""How much work an approximate index has to do for the recall one wants."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

QUERIES = 1000
NOISE = 0.5  # length of the noise on a sampled query, as a share of the vector's own
LEAF_SHARES = (0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0)
REORDERS = (20, 30, 50, 80, 120, 200, 400, 800, 1600)
RESCORING = 20
"""What rescoring one candidate costs, in vectors scanned in a leaf: it is read from memory far away."""
MORE_LEAVES = 3
"""So many counts of leaves beyond the fewest that can do are tried: with more of them, fewer candidates suffice."""


@dataclass(frozen=True)
class Effort:
    """What a search does, and what it reaches with it.

    Attributes:
        leaves: How many leaves of the tree it looks into.
        reorder: How many candidates it rescores exactly.
        recall: Share of the true best that it then finds, 0 to 1.
    """

    leaves: int
    reorder: int
    recall: float


def cheapest_effort(recall_of: Callable[[int, int], float], *, leaves: int, size: int, target: float) -> Effort:
    """Finds the leaves and candidates that reach the target at the least cost.

    The cost is that of a model: the vectors in the leaves searched, and 20 for each candidate rescored; seconds would
    differ from build to build.

    Args:
        recall_of: Measures the recall of a number of leaves and a number of candidates.
        leaves: How many leaves the tree has.
        size: How many vectors it holds, the most there is to rescore.
        target: The recall wanted, 0 to 1.

    Returns:
        The effort; all leaves and all vectors where nothing less is enough.
    """
    counts = sorted({max(1, math.ceil(share * leaves)) for share in LEAF_SHARES})
    reorders = sorted({min(reorder, size) for reorder in REORDERS})
    first = next((at for at, count in enumerate(counts) if recall_of(count, reorders[-1]) >= target), None)
    if first is None:
        return Effort(leaves, size, recall_of(leaves, size))
    found = []
    for count in counts[first : first + 1 + MORE_LEAVES]:
        for reorder in reorders:
            recall = recall_of(count, reorder)
            if recall >= target:
                found.append((count / leaves * size + RESCORING * reorder, Effort(count, reorder, recall)))
                break
    return min(found, key=lambda pair: pair[0])[1]


def noisy_sample(vectors: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Makes up to 1000 queries, float32 `[Q, D]`, near vectors `[N, D]` that they do not equal."""
    size = min(QUERIES, len(vectors))
    sample = vectors[np.sort(generator.choice(len(vectors), size=size, replace=False))]
    noise = generator.normal(size=sample.shape)
    lengths = np.linalg.norm(sample, axis=1, keepdims=True) / np.linalg.norm(noise, axis=1, keepdims=True)
    return (sample + NOISE * lengths * noise).astype(np.float32)
