"""How much work an approximate index has to do for the recall one wants."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

QUERIES = 1000
NOISE = 0.5  # length of the noise on a sampled query, as a share of the vector's own
LEAF_SHARES = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0)
REORDERS = (50, 100, 200, 400, 800, 1600)


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
    """Finds the fewest leaves that can reach the target, then the fewest candidates to rescore.

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
    enough = next((count for count in counts if recall_of(count, reorders[-1]) >= target), leaves)
    for reorder in [*reorders, size]:
        recall = recall_of(enough, reorder)
        if recall >= target:
            break
    return Effort(enough, reorder, recall)


def noisy_sample(vectors: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Makes up to 1000 queries, float32 `[Q, D]`, near vectors `[N, D]` that they do not equal."""
    size = min(QUERIES, len(vectors))
    sample = vectors[np.sort(generator.choice(len(vectors), size=size, replace=False))]
    noise = generator.normal(size=sample.shape)
    lengths = np.linalg.norm(sample, axis=1, keepdims=True) / np.linalg.norm(noise, axis=1, keepdims=True)
    return (sample + NOISE * lengths * noise).astype(np.float32)
