"""Ranking metrics of many queries, from nothing but the ranks of what is relevant to each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from product_matching.errors import ConfigError, DataError


@dataclass(frozen=True)
class RelevantRanks:
    """The ranks of the relevant items of each query, in compressed rows.

    Attributes:
        ranks: int64 `[M]`, from 1, ascending within a query; query i has `ranks[offsets[i]:offsets[i + 1]]`.
        offsets: int64 `[Q + 1]`, from 0 to M. Every query has one relevant item or more.
        queries: int64 `[Q]`, the place of each among the original queries; those with nothing
            relevant are left out.

    >>> ranks = RelevantRanks.from_lists([[1, 4], [3]])
    >>> reciprocal_rank(ranks)
    array([1.        , 0.33333333])
    """

    ranks: np.ndarray
    offsets: np.ndarray
    queries: np.ndarray

    @classmethod
    def from_lists(cls, lists: Sequence[Sequence[int]]) -> RelevantRanks:
        """Packs one list of ranks (from 1, any order) a query; empty lists are left out.

        Raises:
            DataError: If a rank is below 1, or none is left.
        """
        kept = [index for index, ranks in enumerate(lists) if len(ranks)]
        if not kept:
            raise DataError("No query has a relevant item: there is nothing to measure.")
        ranks = np.concatenate([np.sort(np.asarray(lists[index], dtype=np.int64)) for index in kept])
        if ranks.min() < 1:
            raise DataError(f"Ranks count from 1; one of them is {ranks.min()}.")
        offsets = np.cumsum([0, *(len(lists[index]) for index in kept)], dtype=np.int64)
        return cls(ranks, offsets, np.array(kept, dtype=np.int64))

    @property
    def counts(self) -> np.ndarray:
        """int64 `[Q]`: how many items are relevant to each query."""
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return len(self.queries)


def first_relevant_rank(ranks: RelevantRanks) -> np.ndarray:
    """int64 `[Q]`, from 1: where the first relevant item of each query stands."""
    return ranks.ranks[ranks.offsets[:-1]]


def recall_at(ranks: RelevantRanks, k: int) -> np.ndarray:
    """float64 `[Q]`: 1.0 where a relevant item is among the first k, else 0.0.

    This is Recall@k as papers on image-text retrieval report it, which the text-retrieval field calls
    Success@k: one relevant item is enough. It is not the share of the relevant items that were found.
    """
    _check_cut(k)
    return (first_relevant_rank(ranks) <= k).astype(np.float64)


def reciprocal_rank(ranks: RelevantRanks) -> np.ndarray:
    """float64 `[Q]`, 0 to 1: one over the rank of the first relevant item, however far down."""
    return 1.0 / first_relevant_rank(ranks)


def mrr(ranks: RelevantRanks) -> float:
    """Mean reciprocal rank over the queries, 0 to 1."""
    return float(reciprocal_rank(ranks).mean())


def ndcg_at(ranks: RelevantRanks, k: int) -> np.ndarray:
    """float64 `[Q]`, 0 to 1: normalised discounted cumulative gain of the first k, with gains of 0 and 1.

    `sum over relevant ranks r <= k of 1 / log2(r + 1)`, over the same sum with the relevant items in front
    (Järvelin and Kekäläinen, 2002).
    """
    _check_cut(k)
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    gains = np.where(ranks.ranks <= k, discounts[np.minimum(ranks.ranks, k) - 1], 0.0)
    ideal = np.cumsum(discounts)[np.minimum(ranks.counts, k) - 1]
    return np.add.reduceat(gains, ranks.offsets[:-1]) / ideal


def precision_at(ranks: RelevantRanks, k: int) -> np.ndarray:
    """float64 `[Q]`, 0 to 1: how much of the first k is relevant; divided by k also where the gallery is shorter."""
    _check_cut(k)
    return np.add.reduceat((ranks.ranks <= k).astype(np.float64), ranks.offsets[:-1]) / k


def ranked_average_precision(ranks: RelevantRanks) -> np.ndarray:
    """float64 `[Q]`, 0 to 1: mean over a query's relevant items of the precision at the rank of each.

    Its mean over the queries is MAP. With one relevant item it is the reciprocal rank.
    """
    places = np.arange(len(ranks.ranks)) - np.repeat(ranks.offsets[:-1], ranks.counts) + 1
    return np.add.reduceat(places / ranks.ranks, ranks.offsets[:-1]) / ranks.counts


def _check_cut(k: int) -> None:
    if k < 1:
        raise ConfigError(f"k must be 1 or more, not {k}.")
