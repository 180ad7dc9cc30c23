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
    count = min(k, columns)
    best = _of_each_row(scores, count)
    found = np.take_along_axis(scores, best, axis=1)
    order = np.argsort(-found, axis=1, kind="stable")
    positions, values = np.full((rows, k), -1, np.int64), np.full((rows, k), -np.inf, np.float32)
    values[:, :count] = np.take_along_axis(found, order, axis=1)
    best = np.take_along_axis(best, order, axis=1)
    positions[:, :count] = np.where(np.isneginf(values[:, :count]), -1, best)
    return positions, values


def ranks_of(scores: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Ranks, from 1, of the entries at (rows [M], columns [M]) within their rows of scores [B, N]: int64 [M].

    An entry of -inf is never returned: its rank is `MISS`.
    """
    ranks = np.empty(len(rows), dtype=np.int64)
    for place, (row, column) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
        line, score = scores[row], scores[row, column]
        ranks[place] = 1 + np.count_nonzero(line > score) + np.count_nonzero(line[:column] == score)
    return np.where(np.isneginf(scores[rows, columns]), MISS, ranks)


def _of_each_row(scores: np.ndarray, count: int) -> np.ndarray:
    """Positions of the best `count` of each row, ascending: int64 [B, count]."""
    rows, columns = scores.shape
    if count == columns:
        return np.broadcast_to(np.arange(columns), scores.shape)
    last = np.partition(scores, columns - count, axis=1)[:, columns - count, None]
    chosen = scores > last
    # Of those that tie for the last places, the earliest fill them.
    ties = scores == last
    room = count - chosen.sum(axis=1, keepdims=True)
    chosen |= ties & (np.cumsum(ties, axis=1, dtype=np.int32) <= room)
    return np.nonzero(chosen)[1].reshape(rows, count)
