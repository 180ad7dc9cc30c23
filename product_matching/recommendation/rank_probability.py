"""How probable it is that a user takes next what stands at a rank, counted on users whose next step is known."""

from __future__ import annotations

import numpy as np

DEPTH = 100


def rank_probabilities(ranks: np.ndarray, *, depth: int = DEPTH) -> np.ndarray:
    """The share of users whose next product stood at each rank, made to fall with the rank (isotonic regression).

    Args:
        ranks: int64 [B], from 1: where the product that each user took next stood.
        depth: Ranks to tell of.

    Returns:
        float64 [depth], 0 to 1, never rising; its sum is the share of users with a hit among the first `depth`.
    """
    shares = np.bincount(ranks[ranks <= depth], minlength=depth + 1)[1:] / max(1, len(ranks))
    # Pool adjacent violators (Ayer et al., 1955): a block that lies below the next one is merged with it.
    blocks: list[tuple[float, int]] = []
    for share in shares:
        total, size = float(share), 1
        while blocks and blocks[-1][0] / blocks[-1][1] < total / size:
            before = blocks.pop()
            total, size = total + before[0], size + before[1]
        blocks.append((total, size))
    return np.concatenate([np.full(size, total / size) for total, size in blocks])


def probability_at(ranks: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Probabilities float64 [k] of ranks int64 [k], from 1; beyond the last known rank, the last one."""
    return probabilities[np.minimum(ranks, len(probabilities)) - 1]
