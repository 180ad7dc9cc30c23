"""The best k of many rows of scores, and the rank of single entries; equal scores stand by position."""

from __future__ import annotations

import numpy as np

MISS = 1 << 40  # a rank beyond every cut


def top_k(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Finds the best k of each row.

    Args:
        scores: float32 [B, N]; -inf is what may not be returned.
        k: How many.

    Returns:
        Positions int64 [B, k] and scores float32 [B, k], the highest first; where there are fewer, -1 and -inf.
    """
    rows, columns = scores.shape
    keys = _keys(scores)
    count = min(k, columns)
    best = np.argpartition(keys, columns - count, axis=1)[:, columns - count :] if count < columns else None
    best = np.broadcast_to(np.arange(columns), scores.shape) if best is None else best
    order = np.argsort(-np.take_along_axis(keys, best, axis=1), axis=1)
    best = np.take_along_axis(best, order, axis=1)
    positions, values = np.full((rows, k), -1, np.int64), np.full((rows, k), -np.inf, np.float32)
    values[:, :count] = np.take_along_axis(scores, best, axis=1)
    positions[:, :count] = np.where(np.isneginf(values[:, :count]), -1, best)
    return positions, values


def ranks_of(scores: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Ranks, from 1, of the entries at (rows [M], columns [M]) within their rows of scores [B, N]: int64 [M].

    An entry of -inf is never returned: its rank is `MISS`.
    """
    keys = _keys(scores)
    ranks = 1 + np.count_nonzero(keys[rows] > keys[rows, columns][:, None], axis=1)
    return np.where(np.isneginf(scores[rows, columns]), MISS, ranks)


def _keys(scores: np.ndarray) -> np.ndarray:
    """int64 [B, N], all different within a row, ordered as (score, earlier position)."""
    # The bits of a float, read as an integer, grow with it; those of a negative one must be turned round.
    bits = (np.asarray(scores, np.float32) + np.float32(0)).view(np.int32)  # + 0 makes -0 the same as 0
    ordered = np.where(bits < 0, bits ^ np.int32(0x7FFFFFFF), bits).astype(np.int64)
    return (ordered << 32) + np.arange(scores.shape[1])[::-1]
