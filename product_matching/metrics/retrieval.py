"""Retrieval from a gallery by inner product: who finds what it looks for, and how far down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from product_matching.errors import ConfigError, DataError, unknown_name
from product_matching.metrics.checks import finite_matrix
from product_matching.metrics.ranking import RelevantRanks, mrr, ndcg_at, recall_at

Ties = Literal["order", "random"]
SORT_FROM = 10  # relevant items of a query from which one sort of its scores is cheaper than a count for each


def retrieval_metrics(
    queries: ArrayLike,
    gallery: ArrayLike,
    *,
    query_groups: ArrayLike,
    gallery_groups: ArrayLike,
    ks: Sequence[int] = (1, 5, 10),
    chunk: int = 1024,
    ties: Ties = "order",
    seed: int = 0,
) -> dict[str, float | int]:
    """Ranks the gallery for every query and measures where the relevant items stand.

    Args:
        queries: float `[Q, D]`.
        gallery: float `[G, D]`; an item's score is its inner product with the query.
        query_groups: `[Q]`, the product each query belongs to.
        gallery_groups: `[G]`, the product of each item. All items of the query's group are relevant to it, so
            a duplicate of the wanted picture is a hit.
        ks: Cuts of `recall@k`: the share of queries with a relevant item among the first k.
        chunk: How many queries are scored at a time; memory is about `chunk * G * 4` bytes.
        ties: See `query_ranks`.
        seed: Of the random order of ties.

    Returns:
        `recall@k` for each k, `mrr`, `ndcg@10` (all 0 to 1, means over the queries that have something
        relevant in the gallery), `queries` (how many those are) and `gallery` (G).

    Raises:
        DataError: If an array is empty, holds nan or does not fit, or no query has a relevant item.
    """
    ranks = query_ranks(
        queries,
        gallery,
        query_groups=query_groups,
        gallery_groups=gallery_groups,
        chunk=chunk,
        ties=ties,
        seed=seed,
    )
    return summarise_ranks(ranks, gallery=len(np.asarray(gallery_groups)), ks=ks)


def summarise_ranks(ranks: RelevantRanks, *, gallery: int, ks: Sequence[int] = (1, 5, 10)) -> dict[str, float | int]:
    """The numbers of `retrieval_metrics`, from ranks that are there already.

    Args:
        ranks: Of `query_ranks`.
        gallery: How many items were ranked.
        ks: Cuts of `recall@k`.
    """
    recalls = {f"recall@{k}": float(recall_at(ranks, k).mean()) for k in ks}
    means = {"mrr": mrr(ranks), "ndcg@10": float(ndcg_at(ranks, 10).mean())}
    return {**recalls, **means, "queries": len(ranks), "gallery": gallery}


def query_ranks(
    queries: ArrayLike,
    gallery: ArrayLike,
    *,
    query_groups: ArrayLike,
    gallery_groups: ArrayLike,
    chunk: int = 1024,
    ties: Ties = "order",
    seed: int = 0,
) -> RelevantRanks:
    """Finds the ranks of the relevant items of every query, from which every ranking metric follows.

    The rank is counted, not sorted out: 1 + the items that score higher + the equal ones before it.

    Args:
        queries: float `[Q, D]`.
        gallery: float `[G, D]`.
        query_groups: `[Q]`, the product each query belongs to.
        gallery_groups: `[G]`, the product of each item.
        chunk: How many queries are scored at a time.
        ties: What stands first among equal scores. `"order"`: what comes first in the gallery, as a search
            would return it. `"random"`: what comes first in one seeded shuffle of the gallery, for baselines
            that see only a colour: they give masses of ties, and the gallery's order may follow the queries'.
        seed: Of that shuffle.

    Returns:
        The ranks, without the queries that have nothing relevant in the gallery.

    Raises:
        ConfigError: If `ties` or `chunk` is not allowed.
        DataError: If an array is empty, holds nan or does not fit, or no query has a relevant item.
    """
    vectors, items = _checked("queries", queries, query_groups), _checked("gallery", gallery, gallery_groups)
    if vectors[0].shape[1] != items[0].shape[1]:
        raise DataError(f"queries have {vectors[0].shape[1]} dimensions and the gallery {items[0].shape[1]}.")
    if chunk < 1:
        raise ConfigError(f"chunk must be 1 or more, not {chunk}.")
    items = _in_tie_order(items, ties=ties, seed=seed)
    relevant = _Relevant(vectors[1], items[1])
    lists = list(_ranks_of_each(vectors[0], items[0], relevant=relevant, chunk=chunk))
    return RelevantRanks.from_lists(lists)


class _Relevant:
    """Answers which gallery positions belong to the group of a query, without a Q x G table."""

    def __init__(self, query_groups: np.ndarray, gallery_groups: np.ndarray) -> None:
        self.order = np.argsort(gallery_groups, kind="stable")
        by_group = gallery_groups[self.order]
        self.starts = np.searchsorted(by_group, query_groups, side="left")
        self.ends = np.searchsorted(by_group, query_groups, side="right")

    def positions(self, query: int) -> np.ndarray:
        return self.order[self.starts[query] : self.ends[query]]


def _checked(name: str, vectors: ArrayLike, groups: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    matrix, labels = finite_matrix(name, vectors), np.asarray(groups)
    if labels.shape != matrix.shape[:1]:
        raise DataError(f"{name} has {len(matrix)} rows, but its groups have the shape {labels.shape}.")
    return matrix, labels


def _in_tie_order(items: tuple[np.ndarray, np.ndarray], *, ties: Ties, seed: int) -> tuple[np.ndarray, np.ndarray]:
    if ties == "order":
        return items
    if ties != "random":
        raise ConfigError(unknown_name("ties", ties, ("order", "random")))
    shuffle = np.random.default_rng(seed).permutation(len(items[1]))
    return items[0][shuffle], items[1][shuffle]


def _ranks_of_each(
    queries: np.ndarray, gallery: np.ndarray, *, relevant: _Relevant, chunk: int
) -> Iterator[np.ndarray]:
    for start in range(0, len(queries), chunk):
        scores = queries[start : start + chunk] @ gallery.T
        for row, line in enumerate(scores):
            yield _ranks_in(line, relevant.positions(start + row))


def _ranks_in(scores: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Ranks, from 1, of the items at `positions` by descending score `[G]`, equal scores by position."""
    if not np.isfinite(scores[positions]).all():
        raise DataError("A score is not finite: the vectors are too long for float32 inner products.")
    if len(positions) >= SORT_FROM:
        return _ranks_by_sorting(scores, positions)
    return np.array([_rank_of(scores, position) for position in positions], dtype=np.int64)


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
