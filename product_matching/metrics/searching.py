"""Every query scored against the whole gallery, a block of queries at a time, and what is kept of the scores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from product_matching.errors import DataError
from product_matching.metrics.ranking import RelevantRanks

SORT_FROM = 10  # relevant items of a query from which one sort of its scores is cheaper than a count for each


class Searched(NamedTuple):
    """What is left of the scores of Q queries that have something relevant in the gallery.

    Attributes:
        ranks: Where the relevant items stand.
        first: int64 `[Q]`, position in the gallery of the item that scores highest.
        leads: float32 `[Q]`, how far the best relevant item stands ahead of the best other one; 0 where there is no
            other, below 0 where another one is ahead.
    """

    ranks: RelevantRanks
    first: np.ndarray
    leads: np.ndarray


class Relevant:
    """Answers which gallery positions belong to the group of a query, without a Q x G table."""

    def __init__(self, query_groups: np.ndarray, gallery_groups: np.ndarray) -> None:
        self.order = np.argsort(gallery_groups, kind="stable")
        by_group = gallery_groups[self.order]
        self.starts = np.searchsorted(by_group, query_groups, side="left")
        self.ends = np.searchsorted(by_group, query_groups, side="right")

    def positions(self, query: int) -> np.ndarray:
        """int64 `[n]`, ascending."""
        return self.order[self.starts[query] : self.ends[query]]


Blocks = Iterator[tuple[int, np.ndarray]]
"""The place of the first query of a block, and its scores, float32 `[C, G]`, which the reader may overwrite."""


def search(scored: Blocks, *, relevant: Relevant) -> Searched:
    """Reads the scores of each query with each item once.

    Args:
        scored: Of `blocks`, or of any other way to score.
        relevant: What is relevant to which query.

    Raises:
        DataError: If a score is not finite, or no query has a relevant item.
    """
    found = list(_each(scored, relevant))
    ranks = RelevantRanks.from_lists([ranks for ranks, _, _ in found])
    first, leads = (np.array([one[place] for one in found])[ranks.queries] for place in (1, 2))
    return Searched(ranks, first.astype(np.int64), leads.astype(np.float32))


def blocks(queries: np.ndarray, gallery: np.ndarray, chunk: int) -> Blocks:
    """The scores of `chunk` queries after the other, in one buffer that is overwritten: place of the first, [C, G]."""
    # Laid out once so that a row of the product reads a row of the gallery: about a third faster, block after block.
    columns = np.ascontiguousarray(gallery.T)
    buffer = np.empty((min(chunk, len(queries)), len(gallery)), np.float32)
    for start in range(0, len(queries), chunk):
        part = queries[start : start + chunk]
        yield start, np.matmul(part, columns, out=buffer[: len(part)])


def _each(scored: Blocks, relevant: Relevant) -> Iterator[tuple[np.ndarray, int, float]]:
    for start, scores in scored:
        for row, (line, first) in enumerate(zip(scores, scores.argmax(axis=1).tolist(), strict=True)):
            positions = relevant.positions(start + row)
            if len(positions):
                yield _ranks_in(line, positions), first, _lead(line, positions, first)
            else:
                yield positions, first, 0.0


def _ranks_in(scores: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Ranks, from 1, of the items at `positions` by descending score `[G]`, equal scores by position."""
    if not np.isfinite(scores[positions]).all():
        raise DataError("A score is not finite: the vectors are too long for float32 inner products.")
    if len(positions) >= SORT_FROM:
        return _ranks_by_sorting(scores, positions)
    return np.array([_rank_of(scores, position) for position in positions], dtype=np.int64)


def _lead(scores: np.ndarray, positions: np.ndarray, first: int) -> float:
    """Best relevant score less the best other one; takes the relevant scores out of the line for good."""
    best, highest = scores[positions].max(), scores[first]
    if len(positions) == len(scores):
        return 0.0
    if best < highest:
        return float(best - highest)
    scores[positions] = -np.inf
    return float(best - scores.max())


def _rank_of(scores: np.ndarray, position: int) -> int:
    score = scores[position]
    higher = np.count_nonzero(scores > score)
    return 1 + higher + np.count_nonzero(scores[:position] == score)


def _ranks_by_sorting(scores: np.ndarray, positions: np.ndarray) -> np.ndarray:
    # Sorting the scores alone is many times faster than ordering the items; only ties need positions.
    ordered, wanted = np.sort(scores), scores[positions]
    up_to, below = np.searchsorted(ordered, wanted, "right"), np.searchsorted(ordered, wanted, "left")
    ranks = 1 + len(scores) - up_to
    for score in np.unique(wanted[up_to - below > 1]):
        tied = wanted == score
        ranks[tied] += np.searchsorted(np.flatnonzero(scores == score), positions[tied])
    return ranks
